// A store whose files are encrypted or compressed: nothing of a payload is in them, every key that is missing is named, keys are
// exchanged, and backups are as the store is.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createSystem,
  doctor,
  type EncryptionKey,
  migrateStore,
  rekeyStore,
  restoreBackup,
  type SystemOptions,
} from 'holdfast';
import { afterEach, describe, expect, test } from 'vitest';
import { codeOf } from '../support/outcome.ts';

const secret = 'the-secret-of-the-customer';
const one = { sessionId: 'kept' };
const keyOf = (id: string): EncryptionKey => ({ id, key: randomBytes(32) });
const [first, second] = [keyOf('first'), keyOf('second')];

const scratch: string[] = [];
afterEach(() => Promise.all(scratch.splice(0).map((path) => rm(path, { recursive: true, force: true }))));

async function newPlace(): Promise<string> {
  const place = await mkdtemp(join(tmpdir(), 'encryption-'));
  scratch.push(place, `${place}-backups`);
  return place;
}

async function written(options: Partial<SystemOptions>, content = secret): Promise<string> {
  const location = await newPlace();
  await using system = await createSystem({ location, reserveBytes: 0, ...options });
  await system.client.sessions.create({ ...one, metadata: { secret } });
  for (let n = 0; n < 3; n++) await system.client.messages.send({ ...one, role: 'user', content });
  await system.client.memory.set({ ...one, key: 'k', value: { secret } }, { idempotencyKey: 'once' });
  await system.client.sessions.save(one);
  return location;
}

async function contentsOf(location: string, options: Partial<SystemOptions>): Promise<unknown[]> {
  await using system = await createSystem({ location, reserveBytes: 0, ...options });
  const { items } = await system.client.messages.list(one);
  return items.map(({ content }) => content);
}

/** The files below a folder in which a text is found. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const found = await Promise.all(files.map(async (file) => (await readFile(file)).includes(text)));
  return files.filter((_, i) => found[i]);
}

const sizeOf = async (folder: string): Promise<number> => {
  const names = (await readdir(folder)).filter((name) => /\.(ldb|log)$/.test(name));
  const files = await Promise.all(names.map((name) => readFile(join(folder, name))));
  return files.reduce((sum, { length }) => sum + length, 0);
};

describe('an encrypted store', () => {
  test('has nothing of a payload in its files, and gives it back under its key', async () => {
    const open = await written({});
    expect(await filesWith(open, secret)).not.toEqual([]);
    const location = await written({ encryptionKeys: [first] });
    expect(await filesWith(location, secret)).toEqual([]);
    expect(await contentsOf(location, { encryptionKeys: [first] })).toEqual([secret, secret, secret]);
  });

  test('is not opened without its key, and nothing of it is changed', async () => {
    const location = await written({ encryptionKeys: [first] });
    for (const encryptionKeys of [[], [second]])
      expect(await codeOf(createSystem({ location, encryptionKeys }))).toBe('ENCRYPTION_KEY_MISSING');
    expect(await contentsOf(location, { encryptionKeys: [first] })).toHaveLength(3);
  });

  test('is neither opened nor written anew under another key of the same id', async () => {
    const location = await written({ encryptionKeys: [first] });
    const wrong = keyOf(first.id);
    expect(await codeOf(createSystem({ location, encryptionKeys: [wrong] }))).toBe('ENCRYPTION_KEY_WRONG');
    expect(await codeOf(rekeyStore({ location, encryptionKeys: [second, wrong] }))).toBe(
      'ENCRYPTION_KEY_WRONG',
    );
    expect(await contentsOf(location, { encryptionKeys: [first] })).toEqual([secret, secret, secret]);
    await rekeyStore({ location, encryptionKeys: [second, first] });
    expect(await codeOf(createSystem({ location, encryptionKeys: [keyOf(second.id)] }))).toBe(
      'ENCRYPTION_KEY_WRONG',
    );
  });

  test('that does not say which its key is stays as it is where nothing can be read', async () => {
    const location = await written({ encryptionKeys: [first] });
    await writeFile(join(location, 'envelope.json'), JSON.stringify({ keyIds: [first.id] }));
    const { values, unreadable } = await rekeyStore({ location, encryptionKeys: [second, keyOf(first.id)] });
    // What opening wrote itself is under the new key.
    expect(values - unreadable).toBeLessThan(3);
    expect(await codeOf(createSystem({ location, encryptionKeys: [second] }))).toBe('ENCRYPTION_KEY_MISSING');
    const both = { encryptionKeys: [second, first] };
    expect(await contentsOf(location, both)).toEqual([secret, secret, secret]);
  });

  test('is looked through and migrated under its keys', async () => {
    const location = await written({ encryptionKeys: [first] });
    const given = { encryptionKeys: [first] };
    expect(await codeOf(doctor({ location }))).toBe('ENCRYPTION_KEY_MISSING');
    expect(await doctor({ location, ...given })).toMatchObject({ sessions: 1, loads: 1 });
    const backupTo = await newPlace();
    const { backup = '' } = await migrateStore({ location, backupTo, ...given });
    expect(await doctor({ backup, ...given })).toMatchObject({ sessions: 1, loads: 1 });
  });

  test('is not made by keys where there is none', async () => {
    const location = await newPlace();
    expect(await codeOf(rekeyStore({ location, encryptionKeys: [first] }))).toBe('JOURNAL_OPEN_FAILED');
    expect(await readdir(location)).toEqual([]);
  });

  test('may have been a plain one before, which can still be read', async () => {
    const location = await written({});
    expect(await contentsOf(location, { encryptionKeys: [first] })).toEqual([secret, secret, secret]);
    expect(await codeOf(createSystem({ location }))).toBe('ENCRYPTION_KEY_MISSING');
  });

  test('takes a new key: both are needed until everything was written anew, then the old one is not', async () => {
    const location = await written({ encryptionKeys: [first] });
    const both = { encryptionKeys: [second, first] };
    expect(await contentsOf(location, both)).toHaveLength(3);
    expect(await codeOf(createSystem({ location, encryptionKeys: [second] }))).toBe('ENCRYPTION_KEY_MISSING');
    const { values, written: count } = await rekeyStore({ location, ...both });
    expect([count > 10, values >= count]).toEqual([true, true]);
    expect(await contentsOf(location, { encryptionKeys: [second] })).toEqual([secret, secret, secret]);
    expect(await rekeyStore({ location, encryptionKeys: [second] })).toMatchObject({ written: 0 });
  });

  test('that was plain is encrypted throughout by new keys, and plain again without any', async () => {
    const location = await written({});
    await rekeyStore({ location, encryptionKeys: [first] });
    expect(await filesWith(join(location, 'store'), secret)).toEqual([]);
    expect(await codeOf(rekeyStore({ location }))).toBe('ENCRYPTION_KEY_MISSING');
  });

  test('has backups that are encrypted as it is, and are proven and restored under its keys', async () => {
    const location = await written({ encryptionKeys: [first] });
    const backup = await (async () => {
      await using system = await createSystem({ location, reserveBytes: 0, encryptionKeys: [first] });
      return await system.client.backups.create({});
    })();
    expect(backup.status).toBe('verified');
    expect(await filesWith(backup.path, secret)).toEqual([]);
    const to = join(await newPlace(), 'restored');
    expect(await codeOf(restoreBackup({ from: backup.path, to }))).toBe('ENCRYPTION_KEY_MISSING');
    const wrong = { from: backup.path, to, encryptionKeys: [keyOf(first.id)] };
    expect(await codeOf(restoreBackup(wrong))).toBe('ENCRYPTION_KEY_WRONG');
    await restoreBackup({ from: backup.path, to, encryptionKeys: [first] });
    expect(await codeOf(createSystem({ location: to }))).toBe('ENCRYPTION_KEY_MISSING');
    expect(await contentsOf(to, { encryptionKeys: [first] })).toEqual([secret, secret, secret]);
  });

  test('refuses keys that are none, each by its place', async () => {
    const location = await newPlace();
    const short = [{ id: 'a', key: randomBytes(5) }];
    await expect(createSystem({ location, encryptionKeys: short })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      details: { problem: 'encryptionKeys.0.key: give 32 bytes, these are 5' },
    });
  });
});

test('a compressed store is smaller, and can be read when nothing is compressed any more', async () => {
  const long = JSON.stringify(
    Array.from({ length: 4_000 }, (_, n) => ({ step: n, state: 'ready', attempt: n % 7 })),
  );
  const plain = await written({ encryptionKeys: [first] }, long);
  const location = await written({ encryptionKeys: [first], compressAbove: 1_000 }, long);
  expect(await sizeOf(join(location, 'store'))).toBeLessThan((await sizeOf(join(plain, 'store'))) / 3);
  expect(await contentsOf(location, { encryptionKeys: [first] })).toEqual([long, long, long]);
  const unencrypted = await written({ compressAbove: 1_000 }, long);
  expect(await contentsOf(unencrypted, {})).toEqual([long, long, long]);
});
