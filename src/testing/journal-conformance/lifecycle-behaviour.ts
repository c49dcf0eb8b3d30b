// One behaviour in every state of the journal: open, closing, closed and open again.
import type { Journal, Version } from '../../journal/journal.ts';
import {
  commit,
  commitNew,
  committed,
  draft,
  headDraft,
  type JournalSuite,
  placesIn,
  readFeed,
  snapshotAt,
  snapshotsOf,
  stream,
} from './journal-fixture.ts';

export function testLifecycle({ describe, test, expect, withJournal, inMemory }: JournalSuite): void {
  describe('an open journal', () => {
    test('has no incident and nothing that waits', () =>
      withJournal(async (journal) => {
        expect(journal.incident).toBeUndefined();
        expect(journal.backlogBytes).toBe(0);
        const appended = commitNew(journal, 1);
        if (!inMemory) expect(journal.backlogBytes).toBeGreaterThan(0);
        await appended;
        expect(journal.backlogBytes).toBe(0);
      }));
  });

  describe('a closing journal', () => {
    test('makes durable what was given to it before', () =>
      withJournal(async (journal, reopen) => {
        const appends = Array.from({ length: 100 }, (_, i) => commitNew(journal, 2, `session/s${i}`));
        const reopened = await reopen();
        for (const head of await Promise.all(appends)) {
          expect(await reopened.head(head.stream)).toEqual(head);
        }
        if (!inMemory) expect(placesIn(await readFeed(reopened, null)).length).toBe(200);
      }));

    test('refuses everything from the call on', () =>
      withJournal(async (journal) => {
        const { version } = await commitNew(journal, 1);
        const closed = journal.close();
        expect(await codesOf(journal, version)).toEqual(allClosed);
        await closed;
      }));

    test('answers what was asked before or says that it is closed, and never anything else', () =>
      withJournal(async (journal) => {
        const { version } = await commitNew(journal, 1);
        const asked = codesOf(journal, version);
        await journal.close();
        const codes = Object.values(await asked);
        expect(codes.filter((code) => code !== 'JOURNAL_CLOSED' && code !== 'answered')).toEqual([]);
      }));
  });

  describe('a closed journal', () => {
    test('is closed once, however often it is told', () =>
      withJournal(async (journal) => {
        const first = journal.close();
        await Promise.all([first, journal.close()]);
        await journal.close();
      }));

    test('refuses everything, also what it could still have in memory', () =>
      withJournal(async (journal) => {
        const { version } = await commitNew(journal, 1);
        await journal.close();
        expect(await codesOf(journal, version)).toEqual(allClosed);
      }));
  });

  describe('a journal that is opened again', () => {
    test('goes on where it ended', () =>
      withJournal(async (journal, reopen) => {
        const first = await commitNew(journal, 1);
        await journal.putSnapshot(stream, snapshotAt(first, 1));
        const reopened = await reopen();
        const second = await commit(reopened, first.version, [draft(2)]);
        expect(second.seq).toBe(2);
        expect(await snapshotsOf(reopened)).toEqual([snapshotAt(first, 1)]);
        const places = inMemory ? [] : ['session/alpha#1', 'session/alpha#2'];
        expect(placesIn(await readFeed(reopened, null))).toEqual(places);
        committed(await reopened.remove(stream, second.version));
      }));
  });
}

const allClosed = Object.fromEntries(
  Object.keys(calls('0' as Version)).map((name) => [name, 'JOURNAL_CLOSED']),
);

/** Everything that a journal can be asked, with how it ended: `answered`, or the code of the error. */
async function codesOf(journal: Journal, version: Version): Promise<Record<string, string>> {
  const results = Object.entries(calls(version)).map(async ([name, call]) => {
    const code = await Promise.resolve()
      .then(() => call(journal))
      .then(
        () => 'answered',
        (error: { code?: string }) => error.code ?? String(error),
      );
    return [name, code] as const;
  });
  return Object.fromEntries(await Promise.all(results));
}

function calls(version: Version): Record<string, (journal: Journal) => unknown> {
  const snapshot = { seq: 1, chain: '', at: 0, lawVersion: 1, stateHash: '', state: '{}' };
  return {
    head: (journal) => journal.head(stream),
    append: (journal) => journal.append(stream, version, [draft(2)], { head: headDraft }),
    conflict: (journal) => journal.append(stream, null, [draft(1)], { head: headDraft }),
    receipt: (journal) => journal.receipt(stream, 'key'),
    readFrom: (journal) => journal.readFrom(stream, 0),
    readFromEnd: (journal) => journal.readFrom(stream, 1),
    readAll: (journal) => journal.readAll(null),
    snapshots: (journal) => snapshotsOf(journal),
    putSnapshot: (journal) => journal.putSnapshot(stream, snapshot),
    trim: (journal) => journal.trim(stream, 0),
    remove: (journal) => journal.remove('session/other', version),
    list: (journal) => journal.list(),
    survey: (journal) => journal.survey('session/', () => {}),
    'kv.get': (journal) => journal.kv.get('key'),
    'kv.batch': (journal) => journal.kv.batch([{ key: 'key', value: 1 }]),
    'kv.keys': (journal) => journal.kv.keys(''),
  };
}
