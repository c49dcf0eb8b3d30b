// The witness: what it was told survives outside of the database, whatever its files have been through.
import { cp, readdir, readFile, rename, rm, truncate } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readWitness } from '../../src/journal/store/witness-files.ts';
import { commit, drafts } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { flip, StoredJournal } from '../support/stored-journal.ts';

const [a, b] = ['session/a', 'session/b'];

let store: StoredJournal;

beforeEach(async () => {
  store = await StoredJournal.make();
});

afterEach(() => store.remove());

const witnessed = () => readWitness(store.path('witness'));

/** What the next opening says, after a kill. */
async function opened() {
  await store.forgetClose();
  const journal = await store.open();
  const { opening } = journal;
  await journal.close();
  return opening;
}

test('holds each group commit with its streams and seqs, across openings', async () => {
  await store.write(3, a, b);
  await store.write(5, a);
  const { state, tail, position, manifest } = await witnessed();
  expect(state).toBe('whole');
  expect(Object.fromEntries(tail)).toEqual({ [a]: { first: 1, last: 5 }, [b]: { first: 1, last: 3 } });
  expect([...tail.keys()]).toEqual([b, a]);
  expect(position).toBe(3);
  expect(manifest?.[0]).toMatch(/^MANIFEST-/);
});

test('holds what was written without a sync only once something behind it is synced', async () => {
  const journal = await store.open();
  const { version } = await commit(journal, null, drafts(1, 2, a), { of: a, durability: 'os' });
  await journal.kv.batch([]);
  const before = await witnessed();
  await commit(journal, version, drafts(3, 3, a), { of: a });
  await journal.close();
  expect(before.tail.size).toBe(0);
  expect((await witnessed()).tail.get(a)).toEqual({ first: 1, last: 3 });
});

test('of a store that had none begins with all heads', async () => {
  await store.write(3, a, b);
  await rm(store.path('witness'), { recursive: true });
  const { witnessed: _, ...marker } = await store.marker();
  await store.writeMarker(marker);
  expect(await opened()).toMatchObject({ witness: 'none', lost: [] });
  const { base, state } = await witnessed();
  expect(state).toBe('whole');
  expect(base.map(({ stream, seq }) => [stream, seq])).toEqual([
    [a, 3],
    [b, 3],
  ]);
  expect(await opened()).toMatchObject({ witness: 'whole', lost: [], damaged: [] });
});

describe('files', () => {
  test('a last line that was cut off is no damage, and what comes next stands in a file of its own', async () => {
    await store.write(3, a, b);
    const tail = await store.file(/tail$/, 'witness');
    await truncate(tail, (await readFile(tail)).length - 5);
    expect(await opened()).toMatchObject({ witness: 'torn', lost: [], damaged: [] });
    expect((await readdir(store.path('witness'))).length).toBe(2);
    await store.write(9, b);
    expect((await witnessed()).tail.get(b)).toEqual({ first: 4, last: 9 });
    expect(await opened()).toMatchObject({ lost: [] });
  });

  test('a damaged line is reported, hides nothing of the others, and a new base takes its place', async () => {
    await store.write(3, a, b);
    await flip(await store.file(/tail$/, 'witness'), 60);
    expect(await opened()).toMatchObject({ witness: 'damaged', lost: [] });
    expect((await witnessed()).state).toBe('whole');
    expect((await witnessed()).base.length).toBe(2);
  });

  test('a base with a flipped bit is damaged', async () => {
    await store.write(3, a, b);
    await rm(store.path('witness'), { recursive: true });
    expect(await opened()).toMatchObject({ witness: 'missing', lost: [] });
    await flip(await store.file(/base$/, 'witness'), 3);
    expect(await opened()).toMatchObject({ witness: 'damaged', lost: [] });
  });

  test('a base that ends too early is damaged', async () => {
    await store.write(3, a, b);
    await rm(store.path('witness'), { recursive: true });
    await opened();
    await truncate(await store.file(/base$/, 'witness'), 0);
    expect(await opened()).toMatchObject({ witness: 'damaged', lost: [] });
  });
});

test('a database that was replaced by an older one is found out, stream by stream', async () => {
  await store.write(2, a);
  await cp(store.path('store'), store.path('older'), { recursive: true });
  await store.write(3, a, b);
  await rm(store.path('store'), { recursive: true });
  await rename(store.path('older'), store.path('store'));
  const { lost, damaged } = await opened();
  expect(lost).toEqual([
    { stream: a, found: 2, witnessed: 3 },
    { stream: b, found: 0, witnessed: 3 },
  ]);
  expect(damaged).toEqual([{ stream: 'feed', seq: 3, problem: 'it ends at 1' }]);
});
