// What a merge leads to: decided on the state that there is then, whatever it was planned on. What both sides changed since they were
// the same is told apart key by key; the same merge twice leads to nothing.
import { byteLength, type Json } from '../../base/json.ts';
import { sameJson, threeWay } from '../json-merge.ts';
import { type Decision, type Proposal, refuse } from '../law.ts';
import { maxIndexBytes, withFile, withIndexed, withoutFile } from '../session/active-files.ts';
import { placedWithOrigin } from '../session/placed-message.ts';
import type { MergeSession } from '../session/session-commands.ts';
import { contextOf, type SessionState } from '../session/session-state.ts';
import { withItem, withoutItem } from '../session/working-context.ts';
import { inheritedThrough, maxMerges, mergedFrom } from './branching.ts';
import type { MergeConflict, MergeCounts, MergedData, MergedOrigin } from './session-merge-events.ts';
import { countSpans, isTaken, type TakenSpan, withTaken } from './taken-ranges.ts';

/** So many conflicts are listed; of the others there is a number. */
const listedConflicts = 100;

/** So many pieces the memory of what was taken may have. */
const maxSpans = 10_000;

const smallBytes = 1_024;

/** What has come together so far; the parts of the state that limits are counted on go along. */
interface Draft {
  readonly events: Proposal[];
  readonly conflicts: MergeConflict[];
  /** Messages that were first said in yet another session. */
  readonly taken: TakenSpan[];
  readonly counts: { -readonly [Part in keyof MergeCounts]: number };
  files: SessionState['files'];
  memory: SessionState['memory'];
  entries: number;
}

export function decideMerge(state: SessionState, command: MergeSession): Decision {
  const { sessionId, branching } = state;
  const { from } = command;
  if (from.sessionId === sessionId)
    return refuse('SESSIONS_UNRELATED', { sessionId, otherSessionId: sessionId });
  const fresh = command.parts.filter((part) => mergedFrom(branching, from.sessionId, part) === undefined);
  const marks = branching.merges.length + fresh.length;
  if (fresh.length > 0 && marks > maxMerges)
    return full(sessionId, 'list of merged sessions', marks, maxMerges);
  const draft = draftOf(state);
  mergeMessages(state, command, draft);
  mergeFiles(state, command, draft);
  mergeIndex(state, command, draft);
  mergeContext(command, draft);
  return overLimit(state, command, draft) ?? decisionOf(state, command, draft);
}

const draftOf = (state: SessionState): Draft => ({
  ...{ events: [], conflicts: [], taken: [], files: state.files, memory: state.memory },
  counts: { messages: 0, files: 0, context: 0, removed: 0 },
  entries: contextOf(state).entries,
});

/** Nothing is recorded of a merge that brings nothing and gets no further. */
function decisionOf(state: SessionState, command: MergeSession, draft: Draft): Decision {
  const { from, policy, parts, before } = command;
  const taken = [...command.taken, ...draft.taken];
  const { counts, conflicts, events } = draft;
  const isFurther = parts.some(
    (part) => (mergedFrom(state.branching, from.sessionId, part)?.through ?? 0) < from.through,
  );
  const isNews = isFurther || events.length > 0 || conflicts.length > 0;
  const listed = conflicts.slice(0, listedConflicts);
  const moreConflicts = conflicts.length - listed.length;
  const data: MergedData = { from, policy, parts, taken, counts, conflicts: listed, moreConflicts };
  const reply = {
    version: from.through,
    merged: { ...counts, messages: counts.messages + before.messages },
    tasks: before.tasks,
    // What they are is read from the event: an answer is kept under its key, and an erasure does not reach it.
    conflicts: listed.length,
    moreConflicts,
  };
  const isPiece = parts.length === 0 && taken.length > 0;
  return { events: isNews || isPiece ? [...events, { type: 'session.merged', data }] : [], reply };
}

/** A message is known by where it was first said, and is in a session once, by whatever way it comes. */
function mergeMessages(state: SessionState, { messages }: MergeSession, draft: Draft): void {
  for (const { place, at, message } of messages) {
    const first: MergedOrigin = message.origin ?? { ...place, at };
    if (isTaken(state.branching.taken, place.sessionId, place.seq) || isKnown(state, first)) continue;
    draft.entries += 1;
    const data = placedWithOrigin({ ...message, origin: first }, draft.entries);
    draft.events.push({ type: 'message.sent', data });
    draft.counts.messages += 1;
    if (first.sessionId !== place.sessionId || first.seq !== place.seq)
      draft.taken.push({ sessionId: first.sessionId, from: first.seq, to: first.seq });
  }
}

function isKnown({ sessionId, branching }: SessionState, { sessionId: of, seq }: MergedOrigin): boolean {
  if (of === sessionId || isTaken(branching.taken, of, seq)) return true;
  return branching.lineage.some((ancestor) => ancestor.sessionId === of && seq <= ancestor.through);
}

/** Added files are added; of a removed one that was added again here, what is here stays. */
function mergeFiles(state: SessionState, command: MergeSession, draft: Draft): void {
  const { from, files, policy } = command;
  const { config } = state.profile;
  for (const { path, seq, isThere } of files) {
    const origin = { sessionId: from.sessionId, seq };
    const known = draft.files.active.get(path);
    if (isThere === (known !== undefined)) continue;
    if (isThere) {
      draft.entries += 1;
      const size = byteLength(path);
      draft.events.push({ type: 'file.added', data: { path, entry: draft.entries, size, origin } });
      draft.files = withFile(draft.files, { path, addedAt: 0, seq: Number.MAX_SAFE_INTEGER }, config);
      draft.counts.files += 1;
      continue;
    }
    const isOurs = (known?.seq ?? 0) > sameSince(state, command);
    if (isOurs) draft.conflicts.push(fileConflict(path, policy));
    if (isOurs && policy === 'keep') continue;
    draft.events.push({ type: 'file.removed', data: { path, origin } });
    draft.files = withoutFile(draft.files, path);
    draft.counts.removed += 1;
  }
}

const fileConflict = (key: string, policy: MergeSession['policy']): MergeConflict => ({
  ...{ part: 'files', key, theirSeq: null },
  kept: policy === 'keep' ? 'ours' : 'theirs',
});

/** The seq here up to which both sides knew of each other. */
function sameSince({ branching, sessionId }: SessionState, { from, ancestor }: MergeSession): number {
  const merged = mergedFrom(branching, from.sessionId, 'files')?.seq ?? 0;
  const own = ancestor.sessionId === sessionId || ancestor.version <= inheritedThrough(branching);
  return Math.max(merged, own ? ancestor.version : 0);
}

function mergeIndex(state: SessionState, { from, index, policy }: MergeSession, draft: Draft): void {
  const { config } = state.profile;
  for (const { key: path, base, theirs, seq } of index) {
    if (theirs === undefined) continue;
    const ours = draft.files.index.get(path)?.metadata;
    const { value, conflict } = settled({ part: 'index', key: path, base, ours, theirs, seq, policy });
    if (conflict !== undefined) draft.conflicts.push(conflict);
    if (value === undefined || sameJson(value, ours)) continue;
    const origin = { sessionId: from.sessionId, seq };
    draft.events.push({ type: 'file.indexed', data: { path, metadata: value, origin } });
    const notice = { path, metadata: value, lastAccessedAt: 0, seq: Number.MAX_SAFE_INTEGER };
    draft.files = withIndexed(draft.files, notice, config);
    draft.counts.files += 1;
  }
}

function mergeContext({ from, context, policy }: MergeSession, draft: Draft): void {
  for (const { key, base, theirs, seq } of context) {
    const ours = draft.memory.items.get(key)?.value;
    const { value, conflict } = settled({ part: 'context', key, base, ours, theirs, seq, policy });
    if (conflict !== undefined) draft.conflicts.push(conflict);
    if (sameJson(value, ours)) continue;
    const origin = { sessionId: from.sessionId, seq };
    if (value === undefined) {
      draft.events.push({ type: 'memory.deleted', data: { key, origin } });
      draft.memory = withoutItem(draft.memory, key);
      draft.counts.removed += 1;
    } else {
      draft.events.push({ type: 'memory.updated', data: { key, value, origin } });
      draft.memory = withItem(draft.memory, key, value, seq);
      draft.counts.context += 1;
    }
  }
}

interface Sides {
  readonly part: 'context' | 'index';
  readonly key: string;
  readonly base: Json | undefined;
  readonly ours: Json | undefined;
  readonly theirs: Json | undefined;
  readonly seq: number;
  readonly policy: MergeSession['policy'];
}

/** What both made of the base, member by member; what both changed to different ends is settled by the policy, and named. */
function settled(sides: Sides): { readonly value: Json | undefined; readonly conflict?: MergeConflict } {
  const { part, key, base, ours, theirs, seq, policy } = sides;
  const both = threeWay(base, ours, theirs);
  if (both !== undefined) return both;
  const conflict: MergeConflict = {
    ...{ part, key, theirSeq: theirs === undefined ? null : seq },
    kept: policy === 'keep' ? 'ours' : 'theirs',
    ...(isSmall(base) &&
      isSmall(ours) &&
      isSmall(theirs) && { values: { base: base ?? null, ours: ours ?? null, theirs: theirs ?? null } }),
  };
  return { value: policy === 'keep' ? ours : theirs, conflict };
}

const isSmall = (value: Json | undefined): boolean =>
  value === undefined || byteLength(JSON.stringify(value)) <= smallBytes;

function overLimit(
  state: SessionState,
  command: MergeSession,
  { memory, files, taken }: Draft,
): Decision | undefined {
  const { sessionId } = state;
  const { maxMemoryKeys, maxMemoryBytes } = state.profile.config;
  if (memory.items.size > Math.max(maxMemoryKeys, state.memory.items.size))
    return full(sessionId, 'working context', memory.items.size, maxMemoryKeys);
  if (memory.bytes > Math.max(maxMemoryBytes, state.memory.bytes))
    return full(sessionId, 'working context in bytes', memory.bytes, maxMemoryBytes);
  if (files.indexBytes > Math.max(maxIndexBytes, state.files.indexBytes))
    return full(sessionId, 'file index in bytes', files.indexBytes, maxIndexBytes);
  const spans = countSpans(withTaken(state.branching.taken, [...command.taken, ...taken]));
  return spans > maxSpans ? full(sessionId, 'memory of what was merged', spans, maxSpans) : undefined;
}

const full = (sessionId: string, what: string, size: number, limit: number): Decision =>
  refuse('AT_CAPACITY', { what, sessionId, size, limit });
