// Real processes over real directories: a kill, a reboot, an end in order and an error that nobody caught, as the next start
// tells of them.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BootReceipt } from '../../src/domain/recovery/recovery-vocabulary.ts';
import { createSystem } from '../../src/system.ts';
import { errorOf } from '../support/outcome.ts';

const program = fileURLToPath(new URL('../../.build/test/support/recovery-child.js', import.meta.url));

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-boots-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Started {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly err: string }>;
}

function start(how: string, location: string): Started {
  const child = spawn(process.execPath, [program, how, location]);
  let err = '';
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const ready = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  const ended = new Promise<{ code: number | null; err: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, err })),
  );
  return { child, ready, ended };
}

const boots = (location: string): Promise<readonly BootReceipt[]> =>
  new Promise((resolve, reject) =>
    execFile(process.execPath, [program, 'boots', location], (error, stdout, stderr) =>
      error === null ? resolve(JSON.parse(stdout)) : reject(new Error(stderr)),
    ),
  );

async function killed(name: string): Promise<string> {
  const location = join(root, name);
  const { child, ready, ended } = start('kill', location);
  await ready;
  child.kill('SIGKILL');
  await ended;
  return location;
}

test('after kill -9 a boot says that the process died, which it was, and when it last beat', async () => {
  const location = await killed('killed');
  const beat = JSON.parse(await readFile(join(location, 'heartbeat.json'), 'utf8'));
  const [boot] = await boots(location);
  expect(boot).toMatchObject({
    ...{ epoch: 2, shutdown: 'unclean', crashed: true, primary: 'process_died', lastBeatAt: beat.at },
    ...{ previousOwner: beat.owner, sessions: { adopted: 2, due: 1 }, agents: { reRun: 1, unknown: 1 } },
  });
  expect(boot?.checks).toEqual(expect.arrayContaining(['process', 'heartbeat', 'disk', 'heads']));
  expect(boot?.lostMs).toBeGreaterThanOrEqual(0);
});

test('after another boot of the machine it says that the machine was restarted', async () => {
  const location = await killed('rebooted');
  for (const file of ['owner.json', 'heartbeat.json']) {
    const text = await readFile(join(location, file), 'utf8');
    writeFileSync(join(location, file), text.replace(/"bootId":"[^"]+"/, '"bootId":"another-boot"'));
  }
  const [boot] = await boots(location);
  expect(boot).toMatchObject({ crashed: true, primary: 'machine_restarted' });
});

test('after an end in order it says so, and leaves no draft of a beat', async () => {
  const location = join(root, 'closed');
  expect(await start('close', location).ended).toEqual({ code: 0, err: '' });
  expect(await boots(location)).toMatchObject([
    { shutdown: 'clean', crashed: false, reasons: [], lostMs: 0 },
    { shutdown: 'new' },
  ]);
  expect(readdirSync(location).filter((name) => name.includes('draft'))).toEqual([]);
});

test('who opens what another process owns hears when that last beat, and whether it looks hung', async () => {
  const location = join(root, 'owned');
  const { child, ready, ended } = start('kill', location);
  await ready;
  const { code, details } = await errorOf(createSystem({ location }));
  expect([code, details.pid, details.looksHung]).toEqual(['JOURNAL_LOCKED', child.pid, false]);
  expect(details.beatAgeMs).toBeGreaterThanOrEqual(0);
  child.kill('SIGSTOP');
  const beat = JSON.parse(await readFile(join(location, 'heartbeat.json'), 'utf8'));
  writeFileSync(
    join(location, 'heartbeat.json'),
    JSON.stringify({ ...beat, monotonicMs: beat.monotonicMs - 3_600_000 }),
  );
  expect((await errorOf(createSystem({ location }))).details).toMatchObject({ looksHung: true });
  child.kill('SIGKILL');
  await ended;
});

test.each(['emergency', 'emergency-rejection', 'emergency-captured'])(
  'an error that nobody caught ends the process with code 1, once snapshots and reason are kept (%s)',
  async (how) => {
    const location = join(root, how);
    const { ready, ended } = start(how, location);
    await ready;
    const { code, err } = await ended;
    expect([code, err.includes('nobody catches this')]).toEqual([1, true]);
    const [boot] = await boots(location);
    expect(boot).toMatchObject({
      ...{ shutdown: 'unclean', crashed: true },
      lastWords: { error: { message: 'nobody catches this' }, snapshots: 2, missed: 0 },
    });
  },
);
