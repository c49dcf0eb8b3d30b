// A store whose marker is lost, as those meet it who serve it, look through it, or put a backup in its place.
import { mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystem, doctor, restoreBackup } from 'holdfast';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { errorOf } from '../support/outcome.ts';

const one = { sessionId: 'one' };
let base: string;
let location: string;
let backup: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'holdfast-marker-'));
  location = join(base, 'data');
  const backupDirectory = join(base, 'backups');
  await using system = await createSystem({ location, backupDirectory });
  await system.client.sessions.create(one);
  await system.client.messages.send({ ...one, role: 'user', content: 'kept' });
  backup = join(backupDirectory, (await system.client.backups.create({})).backupId);
});

afterEach(() => rm(base, { recursive: true }));

const marker = (): string => join(location, 'HOLDFAST.json');
const losses = [
  ['empty', () => truncate(marker())],
  ['gone', () => rm(marker())],
] as const;

test.each(losses)(
  'is served with all of its sessions where the marker is %s, and its receipt says so',
  async (_, lose) => {
    await lose();
    await using system = await createSystem({ location });
    const { items } = await system.client.messages.list(one);
    expect(items.map(({ content }) => content)).toEqual(['kept']);
    const [boot] = (await system.client.recovery.boots({})).items;
    expect(boot).toMatchObject({
      shutdown: 'unclean',
      store: { marker: expect.any(String), lostStreams: 0 },
    });
  },
);

test.each(losses)('is told by doctor where the marker is %s, which changes nothing', async (_, lose) => {
  await lose();
  const error = await errorOf(doctor({ location }));
  expect(error.code).toBe('JOURNAL_DAMAGED');
  expect(error.details.problem).toContain('HOLDFAST.json');
  expect(await doctor({ location, repair: 'auto' })).toMatchObject({ sessions: 1, loads: 1 });
  expect(JSON.parse(await readFile(marker(), 'utf8'))).toHaveProperty('checksum');
});

test.each(losses)(
  'is replaced by force where the marker is %s and the database is damaged',
  async (_, lose) => {
    await lose();
    await rm(join(location, 'store', 'CURRENT'));
    expect((await errorOf(createSystem({ location }))).code).toBe('JOURNAL_OPEN_FAILED');
    await restoreBackup({ from: backup, to: location, force: true });
    await using system = await createSystem({ location });
    expect((await system.client.messages.list(one)).items.length).toBe(1);
  },
);
