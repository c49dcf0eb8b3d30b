// A backup of an open store: whole commits, bounded files, proven by a restore before it is called good.
import { createHash } from 'node:crypto';
import { mkdir, readFile, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type BackupSource, verifyBackup } from '../../src/journal/backup/backup.ts';
import {
  backupFolder,
  deleteBackup,
  listBackups,
  removeLeftovers,
} from '../../src/journal/backup/backup-directory.ts';
import { encodeFrame, FrameReader } from '../../src/journal/backup/backup-frame.ts';
import { readManifest } from '../../src/journal/backup/backup-manifest.ts';
import { unpaced } from '../../src/journal/backup/backup-pace.ts';
import { proveBackup } from '../../src/journal/backup/backup-proof.ts';
import { keys } from '../../src/journal/keys.ts';
import { nthWrite } from '../../src/testing/faulty-level.ts';
import { commit, draft, drafts } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { type BackupScene, backupScene, damage, filesOf, fill } from '../support/backup-fixture.ts';
import { codeOf, errorOf } from '../support/outcome.ts';

let scene: BackupScene;
beforeEach(async () => {
  scene = await backupScene();
});
afterEach(() => scene.end());

const verify = async (backupId: string) => {
  const folder = join(scene.directory, backupId);
  const { journal, clock } = scene;
  return verifyBackup({
    journal,
    clock,
    telemetry: () => {},
    folder,
    facts: await readManifest(folder),
    pace: unpaced,
  });
};

describe('a backup', () => {
  test('says what it holds and up to which commit, and was proven', async () => {
    await fill(scene.journal, 3);
    const facts = await scene.backUp({ note: 'before the move' });
    expect(facts).toMatchObject({
      note: 'before the move',
      cause: 'manual',
      feedPosition: 3,
      epoch: 1,
      streams: 3,
      events: 15,
      verified: true,
      damaged: [],
    });
    expect(await readManifest(join(scene.directory, facts.backupId))).toEqual(facts);
    expect(await filesOf(scene.directory)).toEqual([facts.backupId]);
  });

  test('is made of files of bounded size, each with its SHA-256', async () => {
    await fill(scene.journal, 20);
    const { backupId, files, records } = await scene.backUp({ segmentBytes: 4_000, gzip: false });
    expect(files.length).toBeGreaterThan(4);
    expect(files.reduce((sum, file) => sum + file.records, 0)).toBe(records);
    for (const { name, sha256, bytes } of files) {
      const found = await readFile(join(scene.directory, backupId, name));
      expect(found.length).toBe(bytes);
      expect(bytes).toBeLessThan(6_000);
      expect(createHash('sha256').update(found).digest('base64url')).toBe(sha256);
    }
  });

  test('is for its owner alone', async () => {
    await fill(scene.journal, 1);
    const { backupId, files } = await scene.backUp();
    const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;
    expect(await modeOf(scene.directory)).toBe(0o700);
    expect(await modeOf(join(scene.directory, backupId))).toBe(0o700);
    for (const name of ['manifest.json', files[0]?.name ?? ''])
      expect(await modeOf(join(scene.directory, backupId, name))).toBe(0o600);
  });

  test('holds what was there when it began, and nothing of what is written meanwhile', async () => {
    await fill(scene.journal, 2);
    const writing = { after: async () => void (await fillOne(`session/late${late++}`)) };
    let late = 0;
    const fillOne = (of: string) => commit(scene.journal, null, drafts(1, 2, of), { of });
    const content = await scene.journal.inspect(async (db) => {
      const { writeBackupFiles } = await import('../../src/journal/backup/backup-writer.ts');
      await mkdir(join(scene.root, 'x'));
      return writeBackupFiles(db, {
        folder: join(scene.root, 'x'),
        gzip: true,
        segmentBytes: 1e6,
        pace: writing,
        progress: () => {},
      });
    });
    expect(late).toBeGreaterThan(0);
    expect(content).toMatchObject({ streams: 2, events: 10, feedPosition: 2 });
  });

  test('begins again when the store is reopened behind a disk that failed', async () => {
    await fill(scene.journal, 3);
    let attempts = 0;
    const cutOff: BackupSource['inspect'] = (job) =>
      scene.journal.inspect(async (db) => {
        attempts += 1;
        const done = await job(db);
        if (attempts > 1) return done;
        scene.disk.failWrites(nthWrite(scene.disk.writes + 1, 'before'));
        const lost = commit(scene.journal, null, [draft(1, 1, 'session/lost')], { of: 'session/lost' });
        await lost.catch(() => undefined);
        scene.disk.heal();
        await scene.journal.incident;
        throw new Error('the iterator was closed');
      });
    const journal = new Proxy(scene.journal, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (name === 'inspect') return cutOff;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    expect(await scene.backUp({ journal })).toMatchObject({ streams: 3, verified: true });
    expect(attempts).toBe(2);
  });

  test('can be called off, and leaves nothing', async () => {
    await fill(scene.journal, 3);
    const abort = new AbortController();
    abort.abort(new Error('enough'));
    await expect(scene.backUp({ signal: abort.signal })).rejects.toThrow('enough');
    expect(await filesOf(scene.directory)).toEqual([]);
  });

  test('goes no faster than it may', async () => {
    await fill(scene.journal, 20);
    const { bytes } = await scene.backUp();
    const slow = scene.backUp({ bytesPerSecond: Math.ceil(bytes / 4) });
    let seconds = 0;
    let done = false;
    void slow.then(() => {
      done = true;
    });
    while (!done) {
      await new Promise((resolve) => setImmediate(resolve));
      if (scene.clock.pending === 0) continue;
      await scene.clock.advance(1_000);
      seconds += 1;
    }
    // Read once to be written and once to be proven; what one second may hold is free.
    expect(seconds).toBeGreaterThanOrEqual(6);
  });

  test('of an empty store is a backup', async () => {
    expect(await scene.backUp()).toMatchObject({ streams: 0, events: 0, verified: true });
  });
});

describe('a stream that is damaged in the store', () => {
  test('is kept as it is, named, and makes no backup of the others impossible', async () => {
    await fill(scene.journal, 2);
    await scene.disk.data.put(keys.event('session/s0', 2), 'rot');
    const { backupId, damaged } = await scene.backUp();
    expect(damaged).toEqual([{ stream: 'session/s0', problem: expect.stringContaining('record 2') }]);
    await expect(verify(backupId)).resolves.toMatchObject({ verified: true });
  });

  test('is named when it is its head', async () => {
    await fill(scene.journal, 2);
    await scene.disk.data.put(keys.head('session/s1'), 'rot');
    const { damaged, streams } = await scene.backUp();
    expect(damaged.map(({ stream }) => stream)).toEqual(['session/s1']);
    expect(streams).toBe(2);
  });
});

describe('a backup that is damaged is refused with BACKUP_DAMAGED and set aside', () => {
  const flip = (bytes: Buffer): Buffer => {
    const at = Math.floor(bytes.length / 2);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  };
  test.each<[string, string, (bytes: Buffer) => Buffer]>([
    ['a flipped bit of its records', 'records-00001.bin.gz', flip],
    ['records that end too early', 'records-00001.bin.gz', (bytes) => bytes.subarray(0, -10)],
    ['records of nothing', 'records-00001.bin.gz', () => Buffer.alloc(0)],
    ['a flipped bit of its streams', 'streams.jsonl.gz', flip],
    [
      'a number in its manifest',
      'manifest.json',
      (bytes) => Buffer.from(bytes.toString().replace('"epoch": 1', '"epoch": 2')),
    ],
    ['a manifest that is none', 'manifest.json', () => Buffer.from('{')],
  ])('%s', async (_, file, change) => {
    await fill(scene.journal, 3);
    const { backupId } = await scene.backUp();
    await damage(join(scene.directory, backupId, file), change);
    expect(await errorOf(verify(backupId))).toMatchObject({
      code: 'BACKUP_DAMAGED',
      details: { backup: backupId },
    });
    if (file !== 'manifest.json') expect(await filesOf(scene.directory)).toEqual([`${backupId}.failed`]);
    const [listed] = await listBackups(scene.directory);
    expect(listed?.failed === true || listed?.problem !== undefined).toBe(true);
  });

  test('a file that is gone', async () => {
    await fill(scene.journal, 3);
    const { backupId } = await scene.backUp();
    const { rm } = await import('node:fs/promises');
    await rm(join(scene.directory, backupId, 'records-00001.bin.gz'));
    expect(await codeOf(verify(backupId))).toBe('BACKUP_DAMAGED');
  });

  test('a stream whose chain does not lead to its end, though every checksum holds', async () => {
    await fill(scene.journal, 3);
    const { backupId } = await scene.backUp();
    const folder = join(scene.directory, backupId);
    const facts = await readManifest(folder);
    const { writeManifest } = await import('../../src/journal/backup/backup-manifest.ts');
    const { gunzipSync, gzipSync } = await import('node:zlib');
    const path = join(folder, facts.streamsFile.name);
    const lines = gunzipSync(await readFile(path))
      .toString()
      .replace(/"chain":"./, '"chain":"#');
    const packed = gzipSync(lines);
    await damage(path, () => packed);
    const sha256 = createHash('sha256').update(packed).digest('base64url');
    await writeManifest(folder, {
      ...facts,
      streamsFile: { ...facts.streamsFile, sha256, bytes: packed.length },
    });
    const error = await errorOf(verify(backupId));
    expect(error).toMatchObject({
      code: 'BACKUP_DAMAGED',
      details: { problem: expect.stringContaining('session/s0') },
    });
  });
});

describe('the directory of backups', () => {
  test('gives no way out of it', async () => {
    await fill(scene.journal, 1);
    const { backupId } = await scene.backUp();
    for (const id of ['..', '../x', `${backupId}/../..`, '', `${backupId}.failed`])
      expect(await codeOf(backupFolder(scene.directory, id))).toBe('INVALID_ID');
    const other = backupId.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    await symlink(scene.root, join(scene.directory, other));
    expect(await codeOf(backupFolder(scene.directory, other))).toBe('BACKUP_NOT_FOUND');
    expect(await codeOf(deleteBackup(scene.directory, other))).toBe('BACKUP_NOT_FOUND');
  });

  test('loses what a kill has left, and nothing else', async () => {
    await fill(scene.journal, 1);
    const { backupId } = await scene.backUp();
    for (const name of [`${backupId}.tmp`, `${backupId}.scratch`, 'mine.tmp'])
      await mkdir(join(scene.directory, name));
    await removeLeftovers(scene.directory);
    expect(await filesOf(scene.directory)).toEqual([backupId, 'mine.tmp']);
  });

  test('that has no place to be proven in could not be made: the store is not what failed', async () => {
    await fill(scene.journal, 1);
    const { backupId } = await scene.backUp();
    const folder = join(scene.directory, backupId);
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    const proof = proveBackup({
      ...{ folder, facts: await readManifest(folder), scratch: join(scene.root, 'scratch'), atRest: {} },
      pace: { after: () => Promise.reject(full) },
      isDamagedAtSource: async () => false,
    });
    expect(await errorOf(proof)).toMatchObject({
      ...{ code: 'BACKUP_FAILED', retryable: true, details: { problem: full.message } },
    });
  });

  test('refuses a backup of a newer format', async () => {
    await fill(scene.journal, 1);
    const { backupId } = await scene.backUp();
    const folder = join(scene.directory, backupId);
    await damage(join(folder, 'manifest.json'), (text) =>
      Buffer.from(text.toString().replace('"formatVersion": 1', '"formatVersion": 9')),
    );
    expect(await codeOf(readManifest(folder))).toBe('BACKUP_FORMAT');
  });
});

test('records come back from bytes in any pieces, and a changed one does not', () => {
  const entries = [
    { key: Buffer.from('a'), value: Buffer.alloc(0) },
    { key: Buffer.from('bé'), value: Buffer.from('x'.repeat(300)) },
  ];
  const bytes = Buffer.concat(entries.map(encodeFrame));
  for (const size of [1, 5, 13, 1000]) {
    const reader = new FrameReader();
    const found = [];
    for (let at = 0; at < bytes.length; at += size) found.push(...reader.take(bytes.subarray(at, at + size)));
    reader.end();
    expect(found.map(({ key, value }) => [key.toString(), value.toString()])).toEqual(
      entries.map(({ key, value }) => [key.toString(), value.toString()]),
    );
  }
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(() => {
      const reader = new FrameReader();
      reader.take(changed);
      reader.end();
    }).toThrow();
  }
});
