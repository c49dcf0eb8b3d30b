// What every part of the journal's suite builds on: a store for one test, and events, heads and snapshots to put in it.
import { sha256 } from '../../base/hash.ts';
import type {
  Append,
  AppendOptions,
  Cursor,
  EventDraft,
  FeedEntry,
  Head,
  HeadDraft,
  Journal,
  ReadPage,
  Snapshot,
  StoredEvent,
  Version,
} from '../../journal/journal.ts';
import type { SuiteRunner } from '../suite-runner.ts';

/** A store of its own for one test: new and empty, and still there after a close. */
export interface JournalStore {
  /** Opens the store. Called again after the journal was closed, it finds what was there. */
  open(): Promise<Journal>;
  /** Removes the store; called once, after the last journal was closed. */
  destroy(): Promise<void>;
}

export type JournalStoreFactory = () => Promise<JournalStore>;

export interface JournalTraits {
  /** Its streams end with the process, stand in no feed, and leave nothing behind when they are removed. */
  readonly inMemory?: boolean;
}

/** Gives a test its journal, and takes everything away again, also when the test fails. */
export type WithJournal = (
  use: (journal: Journal, reopen: () => Promise<Journal>) => Promise<void>,
) => Promise<void>;

export interface JournalSuite extends SuiteRunner {
  readonly withJournal: WithJournal;
  readonly inMemory: boolean;
  /** Declares a test of what only a store can do that outlives the process. */
  readonly testStored: SuiteRunner['test'];
}

export function withJournalOf(
  factory: JournalStoreFactory,
  { inMemory = false }: JournalTraits,
): WithJournal {
  return async (use) => {
    const store = await factory();
    let journal = await store.open();
    const reopen = async (): Promise<Journal> => {
      if (inMemory) return journal;
      await journal.close();
      journal = await store.open();
      return journal;
    };
    try {
      await use(journal, reopen);
    } finally {
      await journal.close();
      await store.destroy();
    }
  };
}

export const stream = 'session/alpha';
const startMs = Date.UTC(2026, 0, 1);

export function draft(seq: number, data: unknown = { n: seq }, of = stream): EventDraft {
  const event: StoredEvent = {
    stream: of,
    seq,
    at: startMs + seq,
    type: 'thing.happened',
    typeVersion: 1,
    data,
    meta: { operationId: `op-${seq}` },
  };
  return { event, payload: JSON.stringify(data) };
}

/** Drafts of the events from `first` to `last`. */
export function drafts(first: number, last: number, of = stream): EventDraft[] {
  return Array.from({ length: last - first + 1 }, (_, i) => draft(first + i, { n: first + i }, of));
}

export const headDraft: HeadDraft = { status: 'active', dueAt: null, summary: null };

export interface Step extends Partial<AppendOptions> {
  readonly of?: string;
}

/** Appends and returns the head; an append that is not committed is an error. */
export async function commit(
  journal: Journal,
  expected: Version | null,
  events: readonly EventDraft[],
  { of = stream, ...options }: Step = {},
): Promise<Head> {
  return committed(await journal.append(of, expected, events, { head: headDraft, ...options }));
}

export function committed(result: Append): Head {
  if (result.ok) return result.head;
  throw new Error(`The append ended in ${result.reason}`);
}

/** A new stream with the events 1 to `last`. */
export const commitNew = (journal: Journal, last: number, of = stream): Promise<Head> =>
  commit(journal, null, drafts(1, last, of), { of });

export function snapshotAt(head: Head, n: number): Snapshot {
  const state = JSON.stringify({ n });
  return { seq: head.seq, chain: head.chain, at: startMs, lawVersion: 1, stateHash: sha256(state), state };
}

export async function snapshotsOf(journal: Journal, of = stream): Promise<Snapshot[]> {
  const found: Snapshot[] = [];
  for await (const snapshot of journal.snapshots(of)) found.push(snapshot);
  return found;
}

/** Every page of a stream, each read with the hash that the one before it handed on. */
export async function readPages(journal: Journal, limit: number, of = stream): Promise<ReadPage[]> {
  const pages: ReadPage[] = [];
  let chain: string | undefined;
  let after = 0;
  for (;;) {
    const page = await journal.readFrom(of, after, { limit, ...(chain !== undefined && { chain }) });
    pages.push(page);
    const last = page.events.at(-1);
    if (page.end || last === undefined) return pages;
    after = last.seq;
    chain = page.chain;
  }
}

/** The feed from a cursor to its end. */
export async function readFeed(journal: Journal, after: Cursor | null, limit = 256): Promise<FeedEntry[]> {
  const entries: FeedEntry[] = [];
  let cursor = after;
  for (;;) {
    const page = await journal.readAll(cursor, limit);
    const last = page.at(-1);
    if (last === undefined) return entries;
    entries.push(...page);
    cursor = last.cursor;
  }
}

/** Each event as `stream#seq`. */
export const placesIn = (entries: readonly FeedEntry[]): string[] =>
  entries.flatMap(({ events }) => events.map((event) => `${event.stream}#${event.seq}`));

export const seqsIn = (events: readonly StoredEvent[]): number[] => events.map(({ seq }) => seq);
