// Of two processes that look at a store at once the second to open it goes on from what the first has left, not from what it saw.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { prepareDirectory } from '../../src/journal/store/store-directory.ts';
import { StoreKeeper } from '../../src/journal/store/store-keeper.ts';
import type { StoreReport } from '../../src/journal/store/store-report.ts';
import type { StoreVersions, VersionGate } from '../../src/journal/store/store-versions.ts';
import { codeOf } from '../support/outcome.ts';
import { StoredJournal } from '../support/stored-journal.ts';

const versions: StoreVersions = { record: 1, laws: { session: 4 }, events: {}, library: '0.1.0' };
const newer: StoreVersions = { ...versions, laws: { session: 5 } };
const gate: VersionGate = { supported: versions, upgrade: 'auto' };

let store: StoredJournal;

beforeEach(async () => {
  store = await StoredJournal.make();
});
afterEach(() => store.remove());

/** Looks, lets the other one have the store from its opening to its close, and opens it behind that. */
async function openBehind(other: () => Promise<void>): Promise<StoreReport> {
  const directory = await prepareDirectory(store.location, gate);
  await other();
  const options = { location: store.location, repair: 'auto', gate, telemetry: () => {} } as const;
  const keeper = new StoreKeeper(directory, {
    ...options,
    envelope: undefined,
    beforeWrite: async () => {},
  });
  await keeper.start();
  const db = await keeper.open();
  await keeper.closing(db);
  await db.close();
  await keeper.closed();
  return keeper.report;
}

async function writeAs(supported: StoreVersions): Promise<void> {
  const journal = await store.open({ gate: { supported, upgrade: 'auto' } });
  await journal.raise(supported);
  await journal.close();
  await store.write(3, 'session/a');
}

test('a store that was made meanwhile is no new one, and stays whose it is', async () => {
  let made: string | undefined;
  const report = await openBehind(async () => {
    await writeAs(versions);
    made = (await store.marker()).uuid;
  });
  expect(report.shutdown).toBe('clean');
  expect(await store.marker()).toMatchObject({ uuid: made, versions });
});

test('one that was raised meanwhile is refused by those who know less, and says so to the next ones too', async () => {
  await writeAs(versions);
  expect(await codeOf(openBehind(() => writeAs(newer)))).toBe('JOURNAL_FORMAT');
  expect(await store.marker()).toMatchObject({ versions: newer });
  const journal = await store.open({ gate: { supported: newer, upgrade: 'auto' } });
  expect((await journal.readFrom('session/a', 0)).events.length).toBe(3);
  await journal.close();
});

test('what was closed in order meanwhile is not opened as after a kill', async () => {
  await writeAs(versions);
  const report = await openBehind(() => store.write(5, 'session/a'));
  expect(report).toMatchObject({ shutdown: 'clean', lost: [], damaged: [] });
});
