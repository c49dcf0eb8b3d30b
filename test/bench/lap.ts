// One round of one side: wall time and CPU time of an operation, and the garbage collections that fell into the round.
// Garbage is collected before the clock starts; CPU time is that of all threads, V8's and LevelDB's too.
import { PerformanceObserver } from 'node:perf_hooks';
import { collectGarbage, turnOfTheLoop } from './measure.ts';

export interface Lap {
  /** Per operation. */
  readonly wallUs: number;
  readonly cpuUs: number;
  /** Of the whole round. */
  readonly gcs: number;
  readonly gcMs: number;
}

/** Runs `job`, which makes so many operations. A number that it answers with stands for the wall time of one. */
// biome-ignore lint/suspicious/noConfusingVoidType: most jobs are only timed
export async function lapOf(operations: number, job: () => Promise<number | void>): Promise<Lap> {
  collectGarbage();
  await turnOfTheLoop();
  const collections = watchCollections();
  const cpu = process.cpuUsage();
  const from = process.hrtime.bigint();
  const own = await job();
  const wallUs = Number(process.hrtime.bigint() - from) / 1000 / operations;
  const { user, system } = process.cpuUsage(cpu);
  return { wallUs: own ?? wallUs, cpuUs: (user + system) / operations, ...(await collections()) };
}

function watchCollections(): () => Promise<Pick<Lap, 'gcs' | 'gcMs'>> {
  const from = performance.now();
  const durations: number[] = [];
  const observer = new PerformanceObserver((list) => note(list.getEntries()));
  const note = (entries: readonly { startTime: number; duration: number }[]): void => {
    for (const { startTime, duration } of entries) if (startTime >= from) durations.push(duration);
  };
  observer.observe({ entryTypes: ['gc'] });
  return async () => {
    // Node hands them over in a later turn.
    for (let turn = 0; turn < 3; turn++) await turnOfTheLoop();
    note(observer.takeRecords());
    observer.disconnect();
    return { gcs: durations.length, gcMs: durations.reduce((sum, ms) => sum + ms, 0) };
  };
}
