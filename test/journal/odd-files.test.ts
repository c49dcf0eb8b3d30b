// A pipe, a socket or a device in the place of a file of the store: who opened it might wait for ever, so that nobody does.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { makeBackup } from '../../src/journal/backup/backup.ts';
import { listBackups } from '../../src/journal/backup/backup-directory.ts';
import { restoreStore } from '../../src/journal/backup/restore.ts';
import { openLevelJournal } from '../../src/journal/open-level-journal.ts';
import { DirectoryWatch } from '../../src/journal/store/directory-watch.ts';
import { exists } from '../../src/journal/store/durable-files.ts';
import { rekey } from '../../src/journal/store/rekey.ts';
import { doctor } from '../../src/system/doctor.ts';
import { createSystem } from '../../src/system.ts';
import { stream } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { printDirectory } from '../support/directory-print.ts';
import { StoredJournal } from '../support/stored-journal.ts';

let store: StoredJournal;
let base: string;
let pipes: string[];

beforeEach(async () => {
  store = await StoredJournal.make();
  base = await mkdtemp(join(tmpdir(), 'holdfast-odd-'));
  pipes = [];
});

afterEach(async () => {
  // Whoever waits at one after all goes on, so that the run can end.
  for (const pipe of pipes) if (await exists(pipe)) closeSync(openSync(pipe, constants.O_RDWR));
  await store.remove();
  await rm(base, { recursive: true });
});

/** Answers with how what was there is put back. */
async function putPipe(path: string): Promise<() => Promise<void>> {
  const before = await readFile(path).catch(() => undefined);
  await rm(path, { force: true });
  execFileSync('mkfifo', [path]);
  pipes.push(path);
  return async () => {
    await rm(path);
    if (before !== undefined) await writeFile(path, before);
  };
}

const refusal = (path: string, location = store.location) => ({
  code: 'JOURNAL_DAMAGED',
  details: { location, problem: `${path}: it is no file`, findings: [`${path}: it is no file`] },
});

describe('an opening names a pipe in the place of', () => {
  test.each([
    'HOLDFAST.json',
    'HOLDFAST.json.draft',
    'owner.json',
    'envelope.json',
    'envelope.json.draft',
    'reserve',
    'reserve.draft',
    'probe',
    'witness/000001.tail',
    'witness/000001.base',
    'witness/000002.base.draft',
  ])('%s, changes nothing, and serves once it is gone', async (name) => {
    await store.write(3, stream);
    const path = store.path(name);
    const putBack = await putPipe(path);
    const before = await printDirectory(store.location);
    await expect(store.open()).rejects.toMatchObject(refusal(path));
    expect(await printDirectory(store.location)).toEqual(before);
    await putBack();
    await store.write(6, stream);
  });

  test('the plan of a restore', async () => {
    await store.write(3, stream);
    const path = `${store.location}.restore.json`;
    const putBack = await putPipe(path);
    await expect(store.open()).rejects.toMatchObject(refusal(path));
    await putBack();
    await store.write(6, stream);
  });

  test.each(['heartbeat.json', 'heartbeat.json.draft', 'replaying'])(
    '%s, where a system starts',
    async (name) => {
      await store.write(3, stream);
      await putPipe(store.path(name));
      await expect(createSystem({ location: store.location })).rejects.toMatchObject(
        refusal(store.path(name)),
      );
    },
  );
});

describe('an opening', () => {
  test('names a socket, and a link to a device', async () => {
    await store.write(3, stream);
    await rm(store.path('HOLDFAST.json'));
    const server = createServer().listen(store.path('HOLDFAST.json'));
    await once(server, 'listening');
    await expect(store.open()).rejects.toMatchObject(refusal(store.path('HOLDFAST.json')));
    server.close();
    await once(server, 'close');
    await symlink('/dev/null', store.path('owner.json'));
    await writeFile(store.path('HOLDFAST.json'), '{"holdfast":"store","format":1}');
    await expect(store.open()).rejects.toMatchObject(refusal(store.path('owner.json')));
  });

  test("leaves a stranger's socket alone", async () => {
    await store.write(3, stream);
    const server = createServer().listen(store.path('app.sock'));
    await once(server, 'listening');
    await store.write(6, stream);
    server.close();
  });

  test('takes no directory in which a first start could not have left what is there', async () => {
    const location = join(base, 'data');
    await mkdir(join(location, 'store'), { recursive: true });
    await putPipe(join(location, 'store', 'CURRENT'));
    await expect(openLevelJournal(location)).rejects.toMatchObject({ code: 'JOURNAL_FOREIGN' });
  });
});

describe('a pipe is not opened either', () => {
  test('by the doctor, and by whoever writes a store under another key', async () => {
    await store.write(3, stream);
    const path = store.path('HOLDFAST.json');
    await putPipe(path);
    const { location } = store;
    await expect(doctor({ location })).rejects.toMatchObject(refusal(path));
    await expect(rekey({ location })).rejects.toMatchObject(refusal(path));
  });

  test('by a restore that finds nothing else in its place', async () => {
    await store.write(3, stream);
    const to = join(base, 'to');
    await mkdir(to);
    await putPipe(join(to, 'owner.json'));
    const from = join(base, 'backups', await backUp(join(base, 'backups')));
    await expect(restoreStore({ from, to })).rejects.toMatchObject(refusal(join(to, 'owner.json'), to));
  });

  test('among backups, where it has the name of a manifest', async () => {
    await store.write(3, stream);
    const directory = join(base, 'backups');
    const backupId = await backUp(directory);
    await putPipe(join(directory, backupId, 'manifest.json'));
    expect(await listBackups(directory)).toMatchObject([
      { backupId, facts: undefined, problem: expect.stringContaining('it is no file') },
    ]);
  });

  test('by the watch over the directory of an open store', async () => {
    await store.write(3, stream);
    const watch = new DirectoryWatch(store.location);
    await watch.note();
    await putPipe(store.path('owner.json'));
    expect(await watch.look()).toBeUndefined();
  });
});

/** Its id. */
async function backUp(directory: string): Promise<string> {
  const journal = await store.open();
  const given = { journal, directory, clock: systemClock, telemetry: () => {}, cause: 'manual' } as const;
  const { backupId } = await makeBackup(given).finally(() => journal.close());
  return backupId;
}
