// A database in the place of another: one of another store is refused, however alike the two are.
import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { codeOf } from '../support/outcome.ts';
import { StoredJournal } from '../support/stored-journal.ts';

const streams = ['session/a', 'session/b'];

let store: StoredJournal;
let other: StoredJournal;

beforeEach(async () => {
  store = await StoredJournal.make();
  other = await StoredJournal.make();
  for (const each of [store, other]) await each.write(5, ...streams);
});

afterEach(async () => {
  await store.remove();
  await other.remove();
});

const markerOf = async (of: StoredJournal) => JSON.parse(await readFile(of.path('HOLDFAST.json'), 'utf8'));

async function swapped(): Promise<void> {
  await rename(store.path('store'), store.path('own'));
  await cp(other.path('store'), store.path('store'), { recursive: true });
}

test.each(['closed', 'killed'])(
  'of another store with the same streams is refused with both ids (%s)',
  async (how) => {
    if (how === 'killed') for (const each of [store, other]) await each.forgetClose();
    await swapped();
    const [own, foreign] = [await markerOf(store), await markerOf(other)];
    const opening = store.open();
    expect(await codeOf(opening)).toBe('JOURNAL_OPEN_FAILED');
    await expect(opening).rejects.toThrow(
      `of the store ${foreign.uuid}, and its marker HOLDFAST.json of ${own.uuid}`,
    );
    await rm(store.path('store'), { recursive: true });
    await rename(store.path('own'), store.path('store'));
    const journal = await store.open();
    expect(journal.opening).toMatchObject({ lost: [], damaged: [] });
    expect((await journal.head('session/a'))?.seq).toBe(5);
    await journal.close();
  },
);

test('with a marker that was lost and has the id of the database again is served', async () => {
  const { uuid } = await markerOf(store);
  const marker = { holdfast: 'store', format: 1, createdAt: new Date().toISOString(), witnessed: true };
  await writeFile(store.path('HOLDFAST.json'), JSON.stringify({ ...marker, uuid: 'another' }));
  await expect(store.open()).rejects.toThrow(`of the store ${uuid}`);
  await writeFile(store.path('HOLDFAST.json'), JSON.stringify({ ...marker, uuid }));
  const journal = await store.open();
  expect((await journal.readFrom('session/b', 0)).events.length).toBe(5);
  await journal.close();
});
