// The leak campaign: what is done and undone a hundred thousand times leaves nothing behind. Each kind of cycle has a
// process of its own. Sessions that were terminated and not deleted stay in the session list, and that is counted apart.
import type { Harness, TortureOptions, TortureResult } from './harness.ts';
import { inChild } from './in-child.ts';
import { cycleKinds } from './leak/cycles.ts';
import type { HeapJob, HeapReport } from './leak/heap-cycles.ts';

const fullCycles = 100_000;
const shortCycles = 20_000;
const mostBytes = 50;

export const leakHarness: Harness = {
  name: 'leak',
  summary: '100,000 times each: what is done and undone again leaves less than 50 bytes of heap',
  run,
};

async function run({ cycles, short, progress }: TortureOptions): Promise<TortureResult> {
  const count = cycles ?? (short ? shortCycles : fullCycles);
  const rows: [string, string | number][] = [
    ['cycles of each kind, after those that fill what is bounded', count],
  ];
  const broken: string[] = [];
  for (const { name } of cycleKinds) {
    const job: HeapJob = { kind: name, cycles: count };
    const report = await inChild<HeapReport>('leak-worker', job, progress);
    rows.push([name, described(report)]);
    const beyond = report.bytesPerCycle - report.bytesPerEntry;
    // Nothing that could be read is a broken promise too.
    if (!(beyond < mostBytes))
      broken.push(`${name}: ${bytes(beyond)} stay for each cycle, ${mostBytes} at most are promised`);
  }
  return { rows, broken };
}

const bytes = (count: number): string => `${count.toFixed(1)} bytes`;

function described({ bytesPerCycle, bytesPerEntry, seconds }: HeapReport): string {
  const time = `(${Math.round(seconds)} s)`;
  if (bytesPerEntry === 0) return `${bytes(bytesPerCycle)} ${time}`;
  const beyond = bytes(bytesPerCycle - bytesPerEntry);
  return `${bytes(bytesPerCycle)}, of which an entry of the session list takes ${bytes(bytesPerEntry)}: ${beyond} beyond ${time}`;
}
