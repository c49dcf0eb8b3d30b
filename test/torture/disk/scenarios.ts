// What is done to the disk under a running system, and what must hold each time: coded errors alone, nothing acknowledged lost, reads
// all the while, and healing without a restart where it is promised.
import { chmodSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DiskProcess, type ProcessOptions } from './disk-process.ts';
import { Volume } from './volume.ts';
import { Writers } from './writers.ts';

const megabyte = 1024 * 1024;
const nobody = 65_534;

export interface Outcome {
  readonly rows: readonly (readonly [string, string | number])[];
  readonly problems: readonly string[];
}

interface Stage {
  readonly volume: Volume;
  readonly writers: Writers;
  readonly rows: [string, string | number][];
  readonly start: (options?: Partial<ProcessOptions>, more?: object) => Promise<DiskProcess>;
  readonly expect: (holds: boolean, problem: string) => void;
}

export type Scenario = (stage: Stage) => Promise<void>;

export async function play(scenario: Scenario, bytes = 24 * megabyte): Promise<Outcome> {
  const volume = new Volume(bytes);
  const writers = new Writers(16 * 1024);
  const rows: [string, string | number][] = [];
  const processes: DiskProcess[] = [];
  const expect = (holds: boolean, problem: string): void => {
    if (!holds) writers.problems.push(problem);
  };
  const start: Stage['start'] = async (given = {}, more = {}) => {
    const options = { location: volume.store, minFreeBytes: 0, reserveBytes: 0, scrubEveryMs: 0, ...more };
    const system = new DiskProcess({ options, ...given });
    processes.push(system);
    const code = await system.started;
    if (code !== undefined) throw new Error(`it could not be started: ${code}`);
    return system;
  };
  try {
    await scenario({ volume, writers, rows, start, expect });
    const codes = [...writers.codes].map(([code, count]) => `${code} ${count}`).join(', ');
    return {
      rows: [...rows, ['acknowledged', writers.count], ['refused', codes || 'none']],
      problems: writers.problems,
    };
  } finally {
    await Promise.all(processes.map((system) => system.killed()));
    volume.remove();
  }
}

const healthOf = async (system: DiskProcess): Promise<{ health: string; writes: string }> =>
  ((await system.call('storage.status')).answer ?? { health: 'none', writes: 'none' }) as never;

/** Until nothing is taken any more; then it is read, and one that ends something is tried. */
async function fillUp({ volume, writers, rows, expect }: Stage, system: DiskProcess): Promise<void> {
  volume.fill(10 * megabyte);
  await writers.create(system);
  await writers.write(system, 10);
  const { health } = await healthOf(system);
  rows.push(['health while full', health]);
  expect(health === 'degraded', `the health is ${health} while the disk is full`);
  expect((writers.codes.get('STORAGE_FULL') ?? 0) > 0, 'no write heard STORAGE_FULL');
  await writers.verify(system, 'while the disk was full');
}

export const fullDisk: Scenario = async (stage) => {
  const { volume, writers, rows, start } = stage;
  const system = await start();
  await fillUp(stage, system);
  volume.free();
  rows.push(['healed after, ms', await writers.untilHealed(system)]);
  await writers.write(system, 1, 5);
  await writers.verify(system, 'after it healed');
  await system.close();
  await writers.verify(await start(), 'after a restart');
};

export const killWhileFull: Scenario = async (stage) => {
  const { volume, writers, start } = stage;
  const system = await start();
  await fillUp(stage, system);
  await system.killed();
  volume.free();
  const next = await start();
  await writers.verify(next, 'after the kill');
  await writers.write(next, 1, 5);
  await writers.verify(next, 'after going on');
};

/** The reserve is made ten seconds after the start. */
export const withReserve: Scenario = async (stage) => {
  const { volume, writers, rows, start, expect } = stage;
  const system = await start({}, { reserveBytes: 4 * megabyte });
  const reserve = join(volume.store, 'reserve');
  for (let turn = 0; turn < 300 && !existsSync(reserve); turn++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  expect(existsSync(reserve), 'no reserve was made');
  await fillUp(stage, system);
  const { writes } = await healthOf(system);
  expect(writes === 'urgent', `while the reserve is given back, writes are ${writes}`);
  const ended = await system.call('sessions.terminate', { sessionId: 'c7' });
  expect(ended.code === undefined, `a session could not be ended: ${ended.code}`);
  volume.free();
  rows.push(['healed after, ms', await writers.untilHealed(system)]);
  expect(existsSync(reserve), 'the reserve was not made again');
  await writers.verify(system, 'after it healed');
};

export const belowTheMark: Scenario = async ({ writers, rows, start, expect }) => {
  const system = await start();
  await writers.create(system);
  await system.close();
  const low = await start({}, { minFreeBytes: 1024 * megabyte });
  const { code = 'created' } = await low.call('sessions.create', { sessionId: 'new' });
  rows.push(['a new session below the mark', code]);
  expect(code === 'STORAGE_LOW', `a new session below the mark heard ${code}`);
  await writers.write(low, 1, 5);
  expect(writers.codes.size === 0, 'a session that exists was refused');
  await writers.verify(low, 'below the mark');
};

export const noDescriptors: Scenario = async ({ writers, rows, start, expect }) => {
  const system = await start({ descriptors: 512 });
  await writers.create(system);
  await writers.write(system, 1, 5);
  rows.push(['descriptors taken', Number((await system.call('files.exhaust')).answer)]);
  await writers.write(system, 5, 80);
  expect(writers.codes.size > 0, 'no write was refused without descriptors');
  await writers.verify(system, 'without descriptors');
  await system.call('files.release');
  rows.push(['healed after, ms', await writers.untilHealed(system)]);
  await writers.verify(system, 'after it healed');
  await system.close();
  await writers.verify(await start(), 'after a restart');
};

/** To root rights mean nothing: the system runs as another user. */
export const readOnly: Scenario = async ({ volume, writers, rows, start, expect }) => {
  const system = await start({ uid: nobody });
  await writers.create(system);
  await writers.write(system, 1, 5);
  const mode = (bits: number): void => {
    for (const path of [volume.store, join(volume.store, 'store')]) chmodSync(path, bits);
  };
  mode(0o555);
  await writers.write(system, 5, 80);
  expect(writers.codes.size > 0, 'no write was refused in a read-only directory');
  await writers.verify(system, 'while read-only');
  mode(0o700);
  rows.push(['healed after, ms', await writers.untilHealed(system)]);
  await writers.verify(system, 'after it healed');
};

export const deletedDirectory: Scenario = async ({ volume, writers, rows, start, expect }) => {
  const system = await start();
  await writers.create(system);
  await writers.write(system, 1, 5);
  rmSync(volume.store, { recursive: true });
  for (let turn = 0; turn < 150 && (await healthOf(system)).health !== 'quarantined'; turn++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  const { health } = await healthOf(system);
  rows.push(['health', health]);
  expect(health === 'quarantined', `the health is ${health} when the directory is gone`);
  await writers.write(system, 1);
  expect(writers.codes.get('JOURNAL_GONE') === 8, 'not every write heard JOURNAL_GONE');
  await writers.verify(system, 'when the directory was gone');
  expect(!existsSync(volume.store), 'something was written where the directory had been');
};

export const secondOpener: Scenario = async ({ volume, writers, rows, start, expect }) => {
  const system = await start();
  await writers.create(system);
  const second = new DiskProcess({ options: { location: volume.store } });
  const code = (await second.started) ?? 'serving';
  rows.push(['second opener', code]);
  expect(code === 'JOURNAL_LOCKED', `a second opener heard ${code}`);
  await second.killed();
  await writers.write(system, 1, 5);
  expect(writers.codes.size === 0, 'the owner was refused');
  await writers.verify(system, 'beside a second opener');
};
