// Writes to a space: what was based on the newest value is written, what was not is merged by the policy of its key, and what no
// policy settles waits in the inbox. Nothing is written of a transaction that cannot be written as a whole.
import { byteLength, canonicalJson, type Json } from '../../base/json.ts';
import { isJsonList } from '../json-merge.ts';
import { type Decision, type Refusal, refuse } from '../law.ts';
import { extendsList, type MergePolicy, type MergeRegistry, merge } from './merge-policies.ts';
import type { ReadVersion, SpaceCommand, SpaceWrite } from './space-commands.ts';
import type { SpaceConflict, WrittenKey } from './space-events.ts';
import { mayUse, policyOf, type SpaceEntry, type SpaceState, spaceLimits, versionOf } from './space-state.ts';
import { applyOp, fitted, measured } from './space-values.ts';

type WriteCommand = Extract<SpaceCommand, { readonly type: 'space.write' }>;

type Outcome =
  | { readonly written: WrittenKey }
  | { readonly unchanged: string }
  | { readonly conflict: Omit<SpaceConflict, 'conflictId' | 'authors' | 'cause'> }
  | { readonly refusal: Refusal };

export function decideWrite(
  registry: MergeRegistry,
  state: SpaceState,
  command: WriteCommand,
  seq: number,
): Decision {
  const { by, reads, writes } = command;
  if (!mayUse(state, by)) return notMember(state, by);
  const moved = reads.find(({ key, version }) => versionOf(state, key) !== version);
  if (moved !== undefined) return versionConflict(state, moved);
  const outcomes = writes.map((write) => outcomeOf(registry, state, write));
  for (const outcome of outcomes) if ('refusal' in outcome) return outcome;
  const [first] = outcomes;
  if (!command.isTransaction && first !== undefined && 'conflict' in first)
    return intoInbox(state, command, first.conflict, seq);
  for (const outcome of outcomes)
    if ('conflict' in outcome)
      return versionConflict(state, { key: outcome.conflict.key, version: outcome.conflict.base.version });
  const written = outcomes.flatMap((outcome) => ('written' in outcome ? [outcome.written] : []));
  const tooMuch = refusalOfSize(state, written);
  return tooMuch ?? writtenAs(state, command, outcomes, written, seq);
}

export const notMember = ({ spaceId }: SpaceState, sessionId: string): { readonly refusal: Refusal } =>
  refuse('NOT_A_MEMBER', { spaceId, sessionId });

export function versionConflict(
  state: SpaceState,
  { key, version }: ReadVersion,
): { readonly refusal: Refusal } {
  const { spaceId } = state;
  return refuse('VERSION_CONFLICT', { spaceId, key, expected: version, found: versionOf(state, key) });
}

function outcomeOf(registry: MergeRegistry, state: SpaceState, write: SpaceWrite): Outcome {
  const { key, baseVersion } = write;
  const entry = state.entries.get(key);
  const policy = policyOf(state, key);
  // Nobody has seen what was not written yet.
  if (baseVersion !== undefined && baseVersion > state.version)
    return versionConflict(state, { key, version: baseVersion });
  if (baseVersion !== undefined && isStale(entry, baseVersion) && isAbsolute(write))
    return mergedOutcome(registry, state, { ...write, baseVersion }, policy, entry);
  const applied = applyOp(write, entry?.value, policy);
  if ('problem' in applied) return mismatch(state, write, policy, applied.problem);
  const fit = fitted(policy, entry?.value, applied.value);
  if ('problem' in fit) return mismatch(state, write, policy, fit.problem);
  if (fit.value === undefined && entry?.value === undefined) return { unchanged: key };
  return { written: written(write, fit.value, versionOf(state, key), 'written') };
}

/** Whoever saw nothing has seen what a deleted key holds. */
function isStale(entry: SpaceEntry | undefined, baseVersion: number): boolean {
  if (entry === undefined) return baseVersion !== 0;
  return baseVersion !== entry.version && !(baseVersion === 0 && entry.value === undefined);
}

/** What counts, adds, removes or appends builds on whatever is there. */
const isAbsolute = ({ op }: SpaceWrite): boolean => op === 'set' || op === 'delete' || op === 'patch';

function mergedOutcome(
  registry: MergeRegistry,
  state: SpaceState,
  write: SpaceWrite & { readonly baseVersion: number },
  policy: MergePolicy,
  entry: SpaceEntry | undefined,
): Outcome {
  const { key, baseVersion } = write;
  const isBaseKnown = baseVersion === 0 || write.base !== undefined;
  const base = write.base?.value;
  // What a patch leaves out is as its author saw it.
  const applied = applyOp(write, base, policy);
  if ('problem' in applied) return mismatch(state, write, policy, applied.problem);
  const mine = applied.value;
  const problem = problemOf(policy, isBaseKnown ? base : undefined, mine);
  if (problem !== undefined) return mismatch(state, write, policy, problem);
  const theirs = entry?.value;
  const merged = merge(policy, { key, base, isBaseKnown, mine, theirs }, registry);
  if ('refusal' in merged) return merged;
  if ('conflict' in merged) return { conflict: conflictOf(state, write, policy, mine, isBaseKnown) };
  if (merged.value === theirs || measured(merged.value).hash === (entry?.hash ?? null))
    return { unchanged: key };
  return { written: written(write, merged.value, baseVersion, 'merged') };
}

/** Why a value is none of its policy's, whatever it is merged with. */
function problemOf(policy: MergePolicy, base: Json | undefined, mine: Json | undefined): string | undefined {
  if (policy === 'append-only' && isJsonList(mine) && isJsonList(base) && !extendsList(mine, base))
    return 'what was appended stays as it is';
  const fit = fitted(policy, undefined, mine);
  return 'problem' in fit ? fit.problem : undefined;
}

function conflictOf(
  state: SpaceState,
  { key, baseVersion, base }: SpaceWrite & { readonly baseVersion: number },
  policy: MergePolicy,
  mine: Json | undefined,
  isKnown: boolean,
): Omit<SpaceConflict, 'conflictId' | 'authors' | 'cause'> {
  const theirs = state.entries.get(key)?.value;
  return {
    key,
    policy,
    base: { version: baseVersion, ...(base?.value !== undefined && { value: base.value }), isKnown },
    mine: { ...(mine !== undefined && { value: mine }) },
    theirs: { version: versionOf(state, key), ...(theirs !== undefined && { value: theirs }), isKnown: true },
  };
}

export function written(
  { key, op }: { readonly key: string; readonly op: string },
  value: Json | undefined,
  base: number,
  outcome: WrittenKey['outcome'],
): WrittenKey {
  return { key, ...(value !== undefined && { value }), ...measured(value), op, base, outcome };
}

function mismatch(
  { spaceId }: SpaceState,
  { key, op }: SpaceWrite,
  policy: MergePolicy,
  problem: string,
): { readonly refusal: Refusal } {
  return refuse('POLICY_MISMATCH', { spaceId, key, op, policy, problem });
}

function intoInbox(
  state: SpaceState,
  { by, cause }: WriteCommand,
  found: Omit<SpaceConflict, 'conflictId' | 'authors' | 'cause'>,
  seq: number,
): Decision {
  const { spaceId, conflicts, conflictBytes, entries } = state;
  const theirs = entries.get(found.key)?.by ?? by;
  const conflictId = `c${seq + 1}`;
  const data: SpaceConflict = { conflictId, ...found, authors: { mine: by, theirs }, cause };
  const full = (what: string, size: number, limit: number): Decision =>
    refuse('SPACE_FULL', { spaceId, what, size, limit });
  if (conflicts.length >= spaceLimits.conflicts)
    return full('conflict inbox', conflicts.length, spaceLimits.conflicts);
  const bytes = conflictBytes + conflictSize(data);
  if (bytes > spaceLimits.conflictBytes) return full('conflict inbox', bytes, spaceLimits.conflictBytes);
  const reply = { version: found.theirs.version, outcome: 'conflict', conflictId };
  return { events: [{ type: 'space.conflicted', data }], reply };
}

export const conflictSize = (conflict: SpaceConflict): number => byteLength(canonicalJson(conflict));

/** Why it would be more than a space may hold. */
export function refusalOfSize(
  { spaceId, entries, keys, bytes }: SpaceState,
  writes: readonly WrittenKey[],
): { readonly refusal: Refusal } | undefined {
  let [allKeys, allBytes] = [keys, bytes];
  for (const { key, value, bytes: size } of writes) {
    const before = entries.get(key);
    if (size > spaceLimits.valueBytes)
      return refuse('TOO_LARGE', { what: `value of ${key}`, size, limit: spaceLimits.valueBytes });
    allKeys += (value === undefined ? 0 : 1) - (before?.value === undefined ? 0 : 1);
    allBytes += size - (before?.bytes ?? 0);
  }
  if (allKeys > spaceLimits.keys && allKeys > keys)
    return refuse('SPACE_FULL', { spaceId, what: 'list of keys', size: allKeys, limit: spaceLimits.keys });
  if (allBytes > spaceLimits.bytes && allBytes > bytes)
    return refuse('SPACE_FULL', { spaceId, what: 'memory', size: allBytes, limit: spaceLimits.bytes });
  return undefined;
}

function writtenAs(
  state: SpaceState,
  { by, cause, writes: asked, isTransaction }: WriteCommand,
  outcomes: readonly Outcome[],
  writes: readonly WrittenKey[],
  seq: number,
): Decision {
  const answers = asked.map(({ key }, i) => {
    const outcome = outcomes[i];
    const isWritten = outcome !== undefined && 'written' in outcome;
    const version = !isWritten ? versionOf(state, key) : outcome.written.hash === null ? 0 : seq + 1;
    return { key, version, outcome: isWritten ? outcome.written.outcome : 'unchanged' };
  });
  const [{ version, outcome } = { version: state.version, outcome: 'unchanged' }] = answers;
  const [value] = writes.map((one) => one.value);
  const count = asked[0]?.op === 'increment' && value !== undefined ? { value } : {};
  const reply = isTransaction
    ? { version: writes.length > 0 ? seq + 1 : state.version, writes: answers }
    : { version, outcome, ...count };
  if (writes.length === 0) return { events: [], reply };
  return { events: [{ type: 'space.written', data: { by, cause, writes } }], reply };
}
