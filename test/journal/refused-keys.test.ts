// An opening with keys that is refused leaves a plain store as it is: it opens without them as before.
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OpenLevelJournalOptions } from '../../src/journal/open-level-journal.ts';
import { exists } from '../../src/journal/store/durable-files.ts';
import { findEnvelope, noteEnvelope } from '../../src/journal/store/store-envelope.ts';
import { versionsKey } from '../../src/journal/store/store-versions.ts';
import { stream } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { codeOf } from '../support/outcome.ts';
import { flip, StoredJournal } from '../support/stored-journal.ts';

const keyOf = (id: string) => ({ id, key: new Uint8Array(32).fill(id.length) });
const atRest = { encryptionKeys: [keyOf('new')] };

let store: StoredJournal;

beforeEach(async () => {
  store = await StoredJournal.make();
  await store.write(3, stream);
});

afterEach(() => store.remove());

async function refused(options: OpenLevelJournalOptions = {}): Promise<string> {
  const code = await codeOf(store.open({ ...options, atRest }));
  expect(await exists(store.path('envelope.json'))).toBe(false);
  return code;
}

async function expectPlain(): Promise<void> {
  const journal = await store.open();
  expect((await journal.readFrom(stream, 0)).events).toHaveLength(3);
  await journal.close();
}

describe('a plain store opens without keys after an opening with keys was refused', () => {
  test('because another process holds the lock of its database', async () => {
    const other = new Level(store.path('store'));
    await other.open();
    expect(await refused()).toBe('JOURNAL_LOCKED');
    await other.close();
    await expectPlain();
  });

  test('because it is damaged, and not to be repaired', async () => {
    const manifest = await store.file(/^MANIFEST/);
    await flip(manifest, 30);
    expect(await refused({ repair: 'refuse' })).toBe('JOURNAL_DAMAGED');
    await flip(manifest, 30);
    await expectPlain();
  });

  test('because its database is of another store', async () => {
    const other = await StoredJournal.make();
    await other.write(3, stream);
    await rename(store.path('store'), store.path('own'));
    await rename(other.path('store'), store.path('store'));
    expect(await refused()).toBe('JOURNAL_OPEN_FAILED');
    await rm(store.path('store'), { recursive: true });
    await rename(store.path('own'), store.path('store'));
    await other.remove();
    await expectPlain();
  });

  test('because its database is of other laws, of which its marker does not tell', async () => {
    const supported = { record: 1, laws: { session: 2 }, events: {}, library: '1.0.0' };
    const journal = await store.open();
    await journal.kv.batch([{ key: versionsKey, value: { ...supported, laws: { session: 3 } } }]);
    await journal.close();
    expect(await refused({ gate: { supported, upgrade: 'auto' } })).toBe('JOURNAL_FORMAT');
    await expectPlain();
  });
});

test('what the values need is written down before the first of them is', async () => {
  const seen: boolean[] = [];
  const load = async (): Promise<void> => void seen.push(await exists(store.path('envelope.json')));
  const journal = await store.open({ atRest, load });
  await journal.close();
  expect(seen).toEqual([true]);
  expect(await codeOf(store.open())).toBe('ENCRYPTION_KEY_MISSING');
});

test('what another process has written down meanwhile is not lost', async () => {
  const root = await mkdtemp(join(tmpdir(), 'holdfast-envelope-'));
  const other = { encryptionKeys: [keyOf('another')] };
  await findEnvelope(root, atRest);
  await noteEnvelope(root, other);
  expect(await codeOf(noteEnvelope(root, atRest))).toBe('ENCRYPTION_KEY_MISSING');
  await noteEnvelope(root, { encryptionKeys: [...atRest.encryptionKeys, ...other.encryptionKeys] });
  expect(await codeOf(findEnvelope(root, other))).toBe('ENCRYPTION_KEY_MISSING');
  await rm(root, { recursive: true });
});
