// What was written without a sync when the disk failed: the witness names what the reopened database has of it, at once, and
// never what went with the incident.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Write } from '../../src/journal/commit-loop.ts';
import { encodeHead } from '../../src/journal/head/head.ts';
import { keys } from '../../src/journal/keys.ts';
import type { Store } from '../../src/journal/level-store.ts';
import { openLevelJournal } from '../../src/journal/open-level-journal.ts';
import { seal } from '../../src/journal/sealed.ts';
import { Witness } from '../../src/journal/store/witness.ts';
import { readWitness } from '../../src/journal/store/witness-files.ts';
import { commit, drafts } from '../../src/testing/journal-conformance/journal-fixture.ts';

const [a, b] = ['session/a', 'session/b'];

let root: string;
let db: Store;
let witness: Witness;
const reported: string[] = [];

beforeEach(async () => {
  reported.length = 0;
  root = await mkdtemp(join(tmpdir(), 'holdfast-'));
  const database = join(root, 'store');
  await mkdir(database);
  db = new Level<string, string>(database) as unknown as Store;
  await db.open();
  const telemetry = (name: string): void => void reported.push(name);
  const options = { folder: join(root, 'witness'), database, telemetry, db: () => db, mayRebase: () => true };
  witness = await Witness.open(options, 0, false);
});

afterEach(async () => {
  await witness.close();
  await db.close();
  await rm(root, { recursive: true });
});

function entry(position: number, stream: string, first: number, last: number): Write {
  const key = keys.feed(position);
  return { key, value: seal(key, JSON.stringify([[stream, first, last]])) };
}

const put = ({ key, value = '' }: Write): Promise<void> => db.put(key, value);

async function witnessed(): Promise<object> {
  await witness.settle();
  return Object.fromEntries((await readWitness(join(root, 'witness'))).tail);
}

test('what is there is witnessed by the reopening, what is not is named and never witnessed', async () => {
  const head = { version: '2', firstSeq: 1, chain: 'c', epoch: 1, status: 'active', updatedAt: 1 } as const;
  await put(encodeHead({ ...head, stream: b, seq: 2, dueAt: null, operations: 0, summary: null } as never));
  await put(entry(1, a, 1, 2));
  witness.committed(entry(1, a, 1, 2), false);
  witness.committed(entry(2, b, 3, 4), false);
  expect(await witnessed()).toEqual({});
  expect(await witness.reopened(db)).toEqual([{ stream: b, found: 2, witnessed: 4 }]);
  expect(await witnessed()).toEqual({ [a]: { first: 1, last: 2 } });
  witness.committed(entry(2, a, 3, 3), true);
  expect(await witnessed()).toEqual({ [a]: { first: 1, last: 3 } });
  expect(await witness.reopened(db)).toEqual([]);
  expect(reported).toEqual([]);
});

test('a place in the feed that others took since is not taken for theirs', async () => {
  witness.committed(entry(1, b, 1, 1), false);
  await put(entry(1, a, 1, 1));
  expect(await witness.reopened(db)).toEqual([{ stream: b, found: 0, witnessed: 1 }]);
  witness.committed(entry(2, a, 2, 2), true);
  expect(await witnessed()).toEqual({ [a]: { first: 2, last: 2 } });
});

test('where the database cannot be read, nothing is witnessed', async () => {
  witness.committed(entry(1, a, 1, 2), false);
  const broken = { get: () => Promise.reject(new Error('a block is damaged')) } as unknown as Store;
  expect(await witness.reopened(broken)).toEqual([]);
  expect(reported).toEqual(['witness.failed']);
  witness.committed(entry(2, b, 1, 1), true);
  expect(await witnessed()).toEqual({ [b]: { first: 1, last: 1 } });
});

test('a journal that was reopened witnesses what only the operating system had before', async () => {
  const location = join(root, 'journal');
  const journal = await openLevelJournal(location);
  await commit(journal, null, drafts(1, 2, a), { of: a, durability: 'os' });
  await journal.inspect(async (open) => {
    Object.assign(open, {
      batch: () => ({ ...noBatch, length: 1, write: () => Promise.reject(new Error('EIO')) }),
    });
  });
  await journal.append(b, null, drafts(1, 1, b), { head: headOf }).catch(() => undefined);
  await journal.incident;
  await journal.close();
  const { tail } = await readWitness(join(location, 'witness'));
  expect(Object.fromEntries(tail)).toEqual({ [a]: { first: 1, last: 2 } });
});

const noBatch = { put: () => {}, del: () => {} };
const headOf = { status: 'active', dueAt: null, summary: null } as const;
