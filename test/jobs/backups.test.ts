// Backups through the Client, and by themselves: on the clock of the system, one at a time, and what retention does not keep goes.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystem, restoreBackup } from 'holdfast';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TelemetryEvent } from '../../src/base/telemetry.ts';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/test-system.ts';
import { damage } from '../support/backup-fixture.ts';
import { codeOf } from '../support/outcome.ts';

const hourMs = 60 * 60 * 1000;
const one = { sessionId: 's' };

let directory = '';
let open: TestSystem | undefined;
/** Resolves the promises of {@link reported}. */
const waiting = new Map<string, (event: TelemetryEvent) => void>();

const reported = (name: string): Promise<TelemetryEvent> =>
  new Promise((resolve) => {
    waiting.set(name, resolve);
  });

async function started(options: TestSystemOptions = {}): Promise<TestSystem> {
  const onTelemetry = (event: TelemetryEvent): void => {
    waiting.get(event.name)?.(event);
    waiting.delete(event.name);
  };
  open = await createTestSystem({ backupDirectory: directory, onTelemetry, ...options });
  return open;
}

/** Lets time pass until the schedule has made a backup, and waits for the next. */
async function scheduled({ clock }: TestSystem, ms: number, event = 'backup.completed'): Promise<void> {
  const waits = clock.pending;
  const done = reported(event);
  await clock.advance(ms);
  await done;
  while (clock.pending < waits) await new Promise((resolve) => setImmediate(resolve));
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-backups-'));
});
afterEach(async () => {
  await open?.close();
  open = undefined;
  waiting.clear();
  await rm(directory, { recursive: true, force: true });
});

describe('by the Client', () => {
  test('a backup is made, listed, verified, restored and deleted', async () => {
    const { client } = await started();
    await client.sessions.create(one);
    await client.messages.send({ ...one, role: 'user', content: 'kept' });
    const made = await client.backups.create({ note: 'by hand' });
    expect(made).toMatchObject({
      status: 'verified',
      cause: 'manual',
      note: 'by hand',
      // The receipt of the start is one of them.
      events: 4,
      problem: null,
    });
    expect(await client.backups.list()).toEqual([made]);
    expect(await client.backups.verify({ backupId: made.backupId })).toMatchObject({ status: 'verified' });
    const location = `${directory}/restored`;
    await restoreBackup({ from: made.path, to: location });
    await using restored = await createSystem({ location });
    const { items } = await restored.client.messages.list(one);
    expect(items.map(({ content }) => content)).toEqual(['kept']);
    await client.backups.delete({ backupId: made.backupId });
    expect(await client.backups.list()).toEqual([]);
    expect(await codeOf(client.backups.verify({ backupId: made.backupId }))).toBe('BACKUP_NOT_FOUND');
    expect(await codeOf(client.backups.delete({ backupId: '../x' }))).toBe('INVALID_ID');
  });

  test('one that is asked for holds all that was answered before, also while another is under way', async () => {
    const test = await started();
    const { client } = test;
    await client.sessions.create(one);
    const begun = reported('backup.progressed');
    const first = client.backups.create();
    await begun;
    await client.messages.send({ ...one, role: 'user', content: 'late' });
    const [second, third] = await Promise.all([client.backups.create(), client.backups.create()]);
    expect((await first).events).toBe(3);
    expect(second.events).toBe(4);
    expect(third).toEqual(second);
  });

  test('calls that come before one has begun share it', async () => {
    const { client } = await started();
    await client.sessions.create(one);
    const [a, b] = await Promise.all([client.backups.create(), client.backups.create()]);
    expect(a).toEqual(b);
    expect(await client.backups.list()).toHaveLength(1);
  });

  test('a repeat with the same key is answered from the record', async () => {
    const { client } = await started();
    await client.sessions.create(one);
    const key = { idempotencyKey: 'nightly' };
    const first = await client.backups.create({}, key);
    expect(await client.backups.create({}, key)).toEqual({ ...first, repeated: true });
    expect(await codeOf(client.backups.create({ note: 'other' }, key))).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  test('one that does not hold is set aside, and listed as damaged with its problem', async () => {
    const { client } = await started();
    await client.sessions.create(one);
    const { backupId } = await client.backups.create();
    await damage(join(directory, backupId, 'records-00001.bin.gz'), (bytes) => bytes.subarray(2));
    expect(await codeOf(client.backups.verify({ backupId }))).toBe('BACKUP_DAMAGED');
    expect(await client.backups.list()).toMatchObject([{ backupId, status: 'damaged', verified: false }]);
    await client.backups.delete({ backupId });
    expect(await readdir(directory)).toEqual([]);
  });

  test('there is none without a place for it', async () => {
    open = await createTestSystem();
    expect(await codeOf(open.client.backups.create())).toBe('BACKUPS_OFF');
    expect(await codeOf(open.client.backups.list())).toBe('BACKUPS_OFF');
  });

  test('the place may not be in the store', async () => {
    const location = join(directory, 'store');
    for (const backupDirectory of [location, join(location, 'backups'), `${location}/x/../y`])
      expect(await codeOf(createSystem({ location, backupDirectory }))).toBe('INVALID_CONFIG');
  });

  test('a system that closes calls it off, and leaves nothing of it', async () => {
    const { client, system } = await started({ backupBytesPerSecond: 1 });
    await client.sessions.create(one);
    const begun = codeOf(client.backups.create());
    await system.close();
    expect(['SYSTEM_NOT_SERVING', 'answered']).toContain(await begun);
    expect((await readdir(directory)).filter((name) => name.includes('.'))).toEqual([]);
  });

  test('a session manager that fails meanwhile does not harm it', async () => {
    const test = await started();
    const made = test.client.backups.create();
    test.crashManager();
    expect(await made).toMatchObject({ status: 'verified' });
  });
});

describe('by itself', () => {
  test('a backup is made at the start, and then every so often', async () => {
    const test = await started({ backupEveryMs: hourMs });
    await scheduled(test, 1);
    for (let hour = 0; hour < 3; hour++) await scheduled(test, hourMs);
    const made = await test.client.backups.list();
    expect(made).toHaveLength(4);
    expect(made.every(({ cause, status }) => cause === 'schedule' && status === 'verified')).toBe(true);
  });

  test('what fell due while nobody was there is made good once', async () => {
    const test = await started({ backupEveryMs: hourMs });
    await scheduled(test, 1);
    await test.system.close();
    await test.clock.advance(100 * hourMs);
    await test.restart();
    await scheduled(test, 1);
    await test.clock.advance(hourMs / 2);
    expect(await test.client.backups.list()).toHaveLength(2);
  });

  test('a short rest is no reason for one', async () => {
    const test = await started({ backupEveryMs: hourMs });
    await scheduled(test, 1);
    await test.restart();
    await test.clock.advance(hourMs / 2);
    expect(await test.client.backups.list()).toHaveLength(1);
    await scheduled(test, hourMs / 2);
  });

  test('a clock that was set back stops nothing: one of a time that has not come counts as none', async () => {
    const backupRetention = { hourly: 1, daily: 0, weekly: 0, monthly: 0 };
    const ahead = await started({ backupEveryMs: 50 * hourMs, backupRetention });
    await scheduled(ahead, 1);
    await scheduled(ahead, 50 * hourMs);
    const backupId = (await ahead.client.backups.list()).at(-1)?.backupId;
    await ahead.close();
    const test = await started({ backupEveryMs: hourMs, backupRetention });
    await scheduled(test, 1);
    await scheduled(test, hourMs);
    const left = (await test.client.backups.list()).map((backup) => backup.backupId);
    expect(left).toHaveLength(2);
    expect(left).toContain(backupId);
  });

  test('retention takes what the schedule made, and nothing that somebody asked for', async () => {
    const backupRetention = { hourly: 2, daily: 0, weekly: 0, monthly: 0 };
    const test = await started({ backupEveryMs: hourMs, backupRetention });
    await scheduled(test, 1);
    const { backupId } = await test.client.backups.create({ note: 'mine' });
    for (let hour = 0; hour < 3; hour++) await scheduled(test, hourMs);
    const left = await test.client.backups.list();
    expect(left.map(({ cause }) => cause).toSorted()).toEqual(['manual', 'schedule', 'schedule']);
    expect(left.map((backup) => backup.backupId)).toContain(backupId);
  });

  test('one that fails is reported and tried again', async () => {
    const place = join(directory, 'file');
    await writeFile(place, '');
    const test = await started({ backupDirectory: place, backupEveryMs: hourMs });
    await scheduled(test, 1, 'backup.failed');
    await rm(place);
    await scheduled(test, 60_000);
    expect(await readdir(place)).toHaveLength(1);
  });
});
