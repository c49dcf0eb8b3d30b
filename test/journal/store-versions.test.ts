// What a store was last written with is read before anything is touched: a newer one is refused as it lies, an older one is raised, once.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  admitVersions,
  isBelow,
  raisedVersions,
  type StoreVersions,
  storedVersions,
  versionsKey,
} from '../../src/journal/store/store-versions.ts';
import { printDirectory } from '../support/directory-print.ts';
import { codeOf, errorOf } from '../support/outcome.ts';
import { StoredJournal } from '../support/stored-journal.ts';

const now: StoreVersions = {
  record: 1,
  laws: { session: 3, task: 1 },
  events: { 'a.b': 2 },
  library: '1.2.0',
};
const gate = { supported: now, upgrade: 'auto' } as const;

let store: StoredJournal;

beforeEach(async () => {
  store = await StoredJournal.make();
});
afterEach(() => store.remove());

async function written(versions: StoreVersions | undefined): Promise<void> {
  const journal = await store.open();
  if (versions !== undefined) await journal.raise(versions);
  await journal.close();
  await store.write(3, 'session/a');
}

const markerOf = () => store.marker();

describe('a newer store', () => {
  test.each([
    ['record', 2, 1, { ...now, record: 2 }],
    ['law session', 4, 3, { ...now, laws: { session: 4, task: 1 } }],
    ['law unheard', 1, 0, { ...now, laws: { ...now.laws, unheard: 1 } }],
    ['event a.b', 3, 2, { ...now, events: { 'a.b': 3 } }],
    ['event new.one', 2, 1, { ...now, events: { 'new.one': 2 } }],
  ])('by its %s is refused, and not a byte of it is changed', async (what, found, supported, versions) => {
    await written(versions);
    const before = await printDirectory(store.location);
    const error = await errorOf(store.open({ gate }));
    expect(error).toMatchObject({ code: 'JOURNAL_FORMAT', details: { what, found, supported } });
    expect(await printDirectory(store.location)).toEqual(before);
  });

  test('is refused also when its marker does not say so, as in a place to which a backup was restored', async () => {
    await written({ ...now, record: 2 });
    const { versions: _, ...marker } = await markerOf();
    await store.writeMarker(marker);
    expect(await codeOf(store.open({ gate }))).toBe('JOURNAL_FORMAT');
    const journal = await store.open();
    expect((await journal.head('session/a'))?.seq).toBe(3);
    await journal.close();
  });

  test('of a later library alone is opened: its formats are known', async () => {
    await written({ ...now, library: '9.0.0' });
    await (await store.open({ gate })).close();
  });
});

describe('an older store', () => {
  test.each([
    ['without versions', undefined],
    ['with an older law', { ...now, laws: { session: 2, task: 1 } }],
    ['without a law', { ...now, laws: { session: 3 } }],
  ])('%s is opened, or refused where it is to stay as it is', async (_, versions) => {
    await written(versions);
    const before = await markerOf();
    const error = await errorOf(store.open({ gate: { ...gate, upgrade: 'refuse' } }));
    expect(error.code).toBe('UPGRADE_NEEDED');
    expect(error.details.to).toBe('record 1, law session 3, law task 1, event a.b 2');
    expect((await markerOf()).versions).toEqual(before.versions);
    await (await store.open({ gate })).close();
  });

  test('that was raised is not refused any more, and says so in both places', async () => {
    await written(undefined);
    const journal = await store.open({ gate });
    await journal.raise(now);
    await journal.close();
    expect((await markerOf()).versions).toEqual(now);
    const again = await store.open({ gate: { ...gate, upgrade: 'refuse' } });
    expect(await again.inspect(storedVersions)).toEqual(now);
    expect(await again.kv.get(versionsKey)).toEqual(now);
    await again.close();
  });

  test('that is new needs no raising', async () => {
    await (await store.open({ gate: { ...gate, upgrade: 'refuse' } })).close();
  });
});

describe('versions', () => {
  const numbers = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 3 }));
  const versions: fc.Arbitrary<StoreVersions> = fc.record({
    ...{ record: fc.integer({ min: 1, max: 3 }), laws: numbers, events: numbers },
    library: fc.constantFrom('0.1.0', '0.2.0', '0.10.0', '1.0.0'),
  });

  test('only go up: what was raised is below neither, and raising it again changes nothing', () => {
    fc.assert(
      fc.property(versions, versions, (found, supported) => {
        const raised = raisedVersions(found, supported);
        expect(isBelow(raised, supported)).toBe(false);
        expect(isBelow(raised, found)).toBe(false);
        expect(raisedVersions(raised, supported)).toEqual(raised);
        expect(raisedVersions(raised, found)).toEqual(raised);
      }),
    );
  });

  test('are admitted exactly when nothing of them is above what is supported', () => {
    fc.assert(
      fc.property(versions, versions, (found, supported) => {
        const admit = () => admitVersions('here', found, { supported, upgrade: 'auto' });
        const events = Object.entries(found.events).every(([type, v]) => v <= (supported.events[type] ?? 1));
        const laws = Object.entries(found.laws).every(([kind, v]) => v <= (supported.laws[kind] ?? 0));
        if (events && laws && found.record <= supported.record) admit();
        else expect(admit).toThrow();
      }),
    );
  });
});
