// What stands against what when sessions get in each other's way, and what is done about it: a table from the kind of a conflict to
// a strategy, which a user may set differently as far as the kind allows.
import { HoldfastError } from '../../base/errors.ts';

export const conflictKinds = [
  'concurrent_access',
  'ownership',
  'resource_lock',
  'data_integrity',
  'session_timeout',
  'version_conflict',
] as const;
export type ConflictKind = (typeof conflictKinds)[number];

export const conflictStrategies = [
  'queue_sequential',
  'transfer_to_latest',
  'manual',
  'abort',
  'rollback',
  'merge',
  'duplicate',
] as const;
export type ConflictStrategy = (typeof conflictStrategies)[number];

export type ConflictStrategies = Readonly<Partial<Record<ConflictKind, ConflictStrategy>>>;

export interface ConflictPolicy {
  readonly strategies: ConflictStrategies;
  /** Whoever gave a sign of life within this time is active, in milliseconds. */
  readonly activeWithinMs: number;
  /** Whoever gave none for this long has timed out. */
  readonly timedOutAfterMs: number;
}

export const defaultConflictPolicy: ConflictPolicy = {
  strategies: {},
  activeWithinMs: 120_000,
  timedOutAfterMs: 1_800_000,
};

/** More than so many sessions on one thing are a crowd: they are put in a row. */
const pair = 2;

/** What may be done about each kind, what is done by default first. */
const lawful: Readonly<Record<ConflictKind, readonly [ConflictStrategy, ...ConflictStrategy[]]>> = {
  concurrent_access: ['transfer_to_latest', 'queue_sequential', 'manual', 'abort'],
  ownership: ['transfer_to_latest'],
  resource_lock: ['queue_sequential', 'transfer_to_latest', 'manual', 'abort'],
  data_integrity: ['rollback', 'manual', 'abort'],
  session_timeout: ['transfer_to_latest', 'queue_sequential', 'manual', 'abort'],
  version_conflict: ['merge', 'transfer_to_latest', 'duplicate', 'manual', 'abort'],
};

export const lawfulStrategies = (kind: ConflictKind): readonly ConflictStrategy[] => lawful[kind];

/** The policy with these strategies; throws `INVALID_CONFIG` for a kind that there is not, and for what a kind does not allow. */
export function conflictPolicy(strategies: ConflictStrategies): ConflictPolicy {
  const faults = Object.entries(strategies).flatMap(([kind, strategy]) => {
    const allowed = (conflictKinds as readonly string[]).includes(kind)
      ? lawful[kind as ConflictKind]
      : undefined;
    if (allowed === undefined) return [`conflicts.${kind}: there is no such kind`];
    return allowed.includes(strategy) ? [] : [`conflicts.${kind}: give one of ${allowed.join(', ')}`];
  });
  if (faults.length > 0) throw new HoldfastError('INVALID_CONFIG', { problem: faults.join('; '), faults });
  return { ...defaultConflictPolicy, strategies: { ...strategies } };
}

/** What is done about a conflict of so many sessions. */
export function strategyFor(
  kind: ConflictKind,
  sessions: number,
  strategies: ConflictStrategies = {},
): ConflictStrategy {
  const chosen = Object.hasOwn(strategies, kind) ? strategies[kind] : undefined;
  if (chosen !== undefined) return chosen;
  return kind === 'concurrent_access' && sessions > pair ? 'queue_sequential' : lawful[kind][0];
}

/** What kind of conflict it is to ask for what another holds, who gave his last sign of life so long ago. */
export function conflictOverResource(
  { silentMs, sessions }: { readonly silentMs: number; readonly sessions: number },
  { activeWithinMs, timedOutAfterMs }: ConflictPolicy = defaultConflictPolicy,
): ConflictKind {
  if (silentMs > timedOutAfterMs) return 'session_timeout';
  return silentMs < activeWithinMs && sessions > pair ? 'concurrent_access' : 'resource_lock';
}
