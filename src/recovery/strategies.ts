// The built-in strategies, one per tier. Hot takes up what hydration would; warm does without the newest snapshot; cold finds
// the longest history that can be proven; emergency offers what can be read, and promises no more.

import type { RecoveryTier } from '../domain/recovery/recovery-vocabulary.ts';
import { sessionOfHead } from '../domain/session/recovery-session.ts';
import { sessionLaw } from '../domain/session/session-law.ts';
import { contextOf } from '../domain/session/session-state.ts';
import { hydrate } from '../entity/hydrate.ts';
import { baseOf, nextGeneration } from './chain/chain-generation.ts';
import { type Base, findBases, foldProvable, type Proven } from './chain/provable.ts';
import type { RecoveredState, RecoveryStrategy, RecoveryTask } from './recovery-strategy.ts';

/** Milliseconds that each tier may take. */
export const tierBudgets: Readonly<Record<RecoveryTier, number>> = {
  hot: 10_000,
  warm: 30_000,
  cold: 60_000,
  emergency: 5_000,
};

const builtIn = (tier: RecoveryTier, recover: RecoveryStrategy['recover']): RecoveryStrategy => ({
  ...{ name: tier, tier, budgetMs: tierBudgets[tier] },
  recover,
});

export const strategies: Readonly<Record<RecoveryTier, RecoveryStrategy>> = {
  hot: builtIn('hot', recoverHot),
  warm: builtIn('warm', recoverWarm),
  cold: builtIn('cold', recoverCold),
  emergency: builtIn('emergency', recoverEmergency),
};

async function recoverHot({ stream, journal }: RecoveryTask): Promise<RecoveredState> {
  const { state, snapshotSeq, head, provenance } = await hydrate(sessionLaw, stream, journal, () => {});
  const { replayed = 0, passedOver = [] } = provenance ?? {};
  const through = head?.seq ?? 0;
  return {
    ...{ completeness: 'complete', state: sessionLaw.encode(state) },
    ...{ through, snapshotSeq, replayed, passedOver },
  };
}

/** An older snapshot, or the whole journal: what the newest snapshot says is not asked. */
async function recoverWarm(task: RecoveryTask): Promise<RecoveredState | undefined> {
  const { usable, passedOver } = await findBases(task.journal, task.head);
  const [newest, ...older] = usable;
  for (const base of older.length === 0 && newest !== undefined ? [newest] : older) {
    const proven = await foldFrom(task, base);
    if (proven.through === task.head.seq) return recovered(task, proven, passedOver);
  }
  return undefined;
}

async function recoverCold(task: RecoveryTask): Promise<RecoveredState | undefined> {
  const { usable, passedOver } = await findBases(task.journal, task.head);
  let best: Proven | undefined;
  for (const base of usable) {
    // Nothing that begins earlier gets past what this one did not get past, but may do without a wrong snapshot.
    const proven = await foldFrom(task, base);
    if (best === undefined || proven.through > best.through) best = proven;
    if (best.through === task.head.seq) break;
  }
  best = await beyond(task, best);
  // Of a session that is not told to be created yet the head says more than its records.
  if (best === undefined || contextOf(best.state).createdAt === null) return undefined;
  return recovered(task, best, passedOver);
}

/** Behind what broke, a later generation of the chain may lead further. */
async function beyond(task: RecoveryTask, before: Proven | undefined): Promise<Proven | undefined> {
  const next = before?.broken && (await nextGeneration(task.journal, task.head, before.broken));
  if (next === undefined) return before;
  return beyond(task, await foldFrom(task, baseOf(task.head, next)));
}

/** The newest snapshot that holds, as it is; without one what the head says. */
async function recoverEmergency(task: RecoveryTask): Promise<RecoveredState | undefined> {
  const { sessionId, journal, head } = task;
  const { usable, passedOver } = await findBases(journal, head);
  const [newest] = usable;
  if (newest !== undefined && newest.seq >= head.firstSeq)
    return recovered(task, { ...newest, through: newest.seq, from: newest.seq }, passedOver);
  const said = (head.summary ?? {}) as Readonly<Record<string, unknown>>;
  const state = sessionOfHead(sessionId, head, said);
  if (state === undefined) return undefined;
  return {
    ...{ completeness: 'minimal', state: sessionLaw.encode(state), through: 0 },
    ...{ snapshotSeq: 0, replayed: 0, passedOver },
  };
}

const foldFrom = ({ journal, head, signal }: RecoveryTask, base: Base): Promise<Proven> =>
  foldProvable(journal, head, base, { signal });

function recovered(
  { head }: RecoveryTask,
  { state, through, from }: Proven,
  passedOver: readonly number[],
): RecoveredState {
  return {
    completeness: through === head.seq ? 'complete' : 'partial',
    state: sessionLaw.encode(state),
    through,
    snapshotSeq: from,
    replayed: through - from,
    passedOver,
  };
}
