// What a session has changed since a base, part by part, in the order of the keys: equal states give equal lists.
import type { Json } from '../../base/json.ts';
import { sameJson } from '../../domain/json-merge.ts';
import type { MergedValue, MergeSession } from '../../domain/session/session-commands.ts';
import type { SessionState } from '../../domain/session/session-state.ts';

type Held = ReadonlyMap<string, { readonly seq: number }>;

const byKey = (a: { readonly key: string }, b: { readonly key: string }): number =>
  a.key < b.key ? -1 : a.key > b.key ? 1 : 0;

const mapOf = <T>(entries: Iterable<readonly [string, T]>): ReadonlyMap<string, T> => new Map(entries);

export function changedContext(base: SessionState, theirs: SessionState, through: number): MergedValue[] {
  return changed(
    mapOf(base.memory.items.entries()),
    mapOf(theirs.memory.items.entries()),
    ({ value }) => value,
    through,
  );
}

/** What is known of a file that went is not taken away with it: it goes with the file. */
export function changedIndex(base: SessionState, theirs: SessionState, through: number): MergedValue[] {
  const all = changed(
    mapOf(base.files.index.entries()),
    mapOf(theirs.files.index.entries()),
    ({ metadata }) => metadata,
    through,
  );
  return all.filter((change) => change.theirs !== undefined);
}

function changed<T extends { readonly seq: number }>(
  base: ReadonlyMap<string, T>,
  theirs: ReadonlyMap<string, T>,
  valueIn: (item: T) => Json,
  through: number,
): MergedValue[] {
  const found: MergedValue[] = [];
  for (const key of new Set([...base.keys(), ...theirs.keys()])) {
    const [before, now] = [base.get(key), theirs.get(key)];
    const change = {
      key,
      base: before === undefined ? undefined : valueIn(before),
      theirs: now === undefined ? undefined : valueIn(now),
    };
    if (!sameJson(change.base, change.theirs)) found.push({ ...change, seq: seqOf(now?.seq, through) });
  }
  return found.sort(byKey);
}

export function changedFiles(
  base: SessionState,
  theirs: SessionState,
  through: number,
): MergeSession['files'][number][] {
  const [before, now]: [Held, Held] = [
    mapOf(base.files.active.entries()),
    mapOf(theirs.files.active.entries()),
  ];
  const added = [...now].filter(([path]) => !before.has(path));
  const removed = [...before.keys()].filter((path) => !now.has(path)).sort();
  return [
    ...removed.map((path) => ({ path, seq: through, isThere: false })),
    ...added
      .sort(([, a], [, b]) => a.seq - b.seq)
      .map(([path, { seq }]) => ({ path, seq: seqOf(seq, through), isThere: true })),
  ];
}

/** What a restored session holds has fractions of its event's number. */
const seqOf = (seq: number | undefined, through: number): number =>
  seq === undefined ? through : Math.ceil(seq);
