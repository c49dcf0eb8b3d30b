// What a space held before: read from the journal, where the event of each version still stands.
import { HoldfastError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { canonicalJson } from '../../base/json.ts';
import type { PastValue } from '../../domain/space/space-commands.ts';
import type { SpaceEventData, WrittenKey } from '../../domain/space/space-events.ts';
import { spaceStream } from '../../domain/space/space-law.ts';
import { keptVersions, type SpaceState } from '../../domain/space/space-state.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import type { SpaceVerdict, SpaceVersionInfo } from '../../operations/views/space-views.ts';

type Reading = Pick<Journal, 'readFrom'>;

interface PastWrite {
  readonly event: StoredEvent;
  readonly written: WrittenKey;
}

const writing: ReadonlySet<string> = new Set(['space.written', 'space.rolledBack', 'space.settled']);

const writesOf = ({ type, data }: StoredEvent): readonly WrittenKey[] =>
  writing.has(type) && data !== undefined ? (data as SpaceEventData['space.written']).writes : [];

/** The write of a key at a version; undefined when its event is not kept, or wrote another key. */
async function readWrite(
  journal: Reading,
  spaceId: string,
  key: string,
  version: number,
): Promise<PastWrite | undefined> {
  const events = await eventsFrom(journal, spaceId, version);
  const event = events[0];
  if (event?.seq !== version) return undefined;
  const written = writesOf(event).find((one) => one.key === key);
  return written && { event, written };
}

async function eventsFrom(
  journal: Reading,
  spaceId: string,
  version: number,
): Promise<readonly StoredEvent[]> {
  try {
    const { events } = await journal.readFrom(spaceStream(spaceId), version - 1, { limit: 1 });
    return events;
  } catch (error) {
    if (HoldfastError.is(error, 'HISTORY_TRIMMED')) return [];
    throw error;
  }
}

/** What a key held at a version; undefined when that is not known any more. */
export async function readValue(
  journal: Reading,
  { spaceId, entries }: SpaceState,
  key: string,
  version: number,
): Promise<PastValue | undefined> {
  const entry = entries.get(key);
  if (entry?.version === version) return entry.value === undefined ? {} : { value: entry.value };
  const past = await readWrite(journal, spaceId, key, version);
  if (past === undefined) return undefined;
  const { value } = past.written;
  return value === undefined ? {} : { value };
}

/** The versions of a key that are kept, newest first. */
export async function readHistory(
  journal: Reading,
  { spaceId, entries }: SpaceState,
  key: string,
  limit: number,
): Promise<readonly SpaceVersionInfo[]> {
  const versions = (entries.get(key)?.versions ?? []).slice(-limit).reverse();
  const found = await Promise.all(versions.map((version) => readWrite(journal, spaceId, key, version)));
  return found.flatMap((past) => (past === undefined ? [] : [versionInfo(past)]));
}

function versionInfo({ event: { seq, at, data }, written }: PastWrite): SpaceVersionInfo {
  const { by, cause } = data as SpaceEventData['space.written'];
  const { key, value, hash, base, op, outcome } = written;
  const info = { key, version: seq, at, by, cause, base, op, outcome, hash };
  return value === undefined ? info : { ...info, value };
}

/** One pass over the stream, from the oldest version that is kept to the newest. */
export async function verifyVersions(journal: Reading, state: SpaceState): Promise<SpaceVerdict> {
  const { spaceId, entries, keys } = state;
  const problems: SpaceVerdict['problems'][number][] = [];
  const missing = new Map<string, Set<number>>();
  for (const [key, { versions }] of entries.entries()) missing.set(key, new Set(versions));
  let read = 0;
  for await (const event of eventsBetween(journal, state)) {
    for (const { key, value, hash } of writesOf(event)) {
      if (missing.get(key)?.delete(event.seq) !== true) continue;
      read += 1;
      const found = value === undefined ? null : sha256(canonicalJson(value));
      if (found !== hash) problems.push({ key, version: event.seq, problem: 'its hash is another' });
      const entry = entries.get(key);
      if (entry?.version === event.seq && entry.hash !== found)
        problems.push({ key, version: event.seq, problem: 'the space holds another value' });
    }
  }
  for (const [key, versions] of missing)
    for (const version of versions) problems.push({ key, version, problem: 'it cannot be read' });
  return { spaceId, ok: problems.length === 0, keys, versions: read, problems };
}

async function* eventsBetween(journal: Reading, state: SpaceState): AsyncGenerator<StoredEvent> {
  const kept = keptVersions(state);
  const last = kept.at(-1) ?? 0;
  for (let after = (kept[0] ?? 1) - 1; after < last; ) {
    const { events, end } = await journal.readFrom(spaceStream(state.spaceId), after);
    for (const event of events) if (event.seq <= last) yield event;
    after = events.at(-1)?.seq ?? last;
    if (end) return;
  }
}
