// The bytes of heap that one cycle leaves behind: cycles until all that is bounded is full, then readings at equal
// distances, and the slope through them.
import { telemetryTo } from '../../../src/base/telemetry.ts';
import { openLevelJournal } from '../../../src/journal/open-level-journal.ts';
import { createLiveCounts } from '../../../src/projection/live-counts.ts';
import { SessionList } from '../../../src/projection/session-list.ts';
import type { TortureOptions } from '../harness.ts';
import { steadyHeap } from '../heap.ts';
import { slope } from '../statistics.ts';
import { type CycleKind, cycleKinds, type Run } from './cycles.ts';
import { Stage } from './stage.ts';

export interface HeapJob {
  readonly kind: string;
  readonly cycles: number;
}

export interface HeapReport {
  readonly bytesPerCycle: number;
  /** What one entry of the session list takes in a list that holds the same sessions, and nothing else; 0 without entries. */
  readonly bytesPerEntry: number;
  readonly seconds: number;
}

const intervals = 10;

export async function measureCycles(
  { kind, cycles }: HeapJob,
  progress: TortureOptions['progress'],
): Promise<HeapReport> {
  const found = cycleKinds.find(({ name }) => name === kind);
  if (found === undefined) throw new RangeError(`There are no cycles named ${kind}`);
  const stage = await Stage.open('disk', found.options);
  process.once('exit', () => stage.remove());
  const startedAt = performance.now();
  const run = await found.prepare(stage);
  await run(found.warmUp);
  const bytesPerCycle = slope(await readings(stage, found, run, cycles, progress));
  const seconds = (performance.now() - startedAt) / 1000;
  await stage.system.close();
  const bytesPerEntry = found.leavesEntry === true ? await entryBytes(stage.location ?? '') : 0;
  return { bytesPerCycle, bytesPerEntry, seconds };
}

async function readings(
  stage: Stage,
  { name }: CycleKind,
  run: Run,
  cycles: number,
  progress: TortureOptions['progress'],
): Promise<readonly (readonly [number, number])[]> {
  const points: [number, number][] = [];
  for (let i = 0; i <= intervals; i++) {
    if (i > 0) await run(Math.ceil(cycles / intervals));
    await stage.forgetNewest();
    points.push([i * Math.ceil(cycles / intervals), await steadyHeap()]);
    progress(i, intervals, name);
  }
  return points;
}

/** The floor: the heads of these sessions in a session list of its own. */
async function entryBytes(location: string): Promise<number> {
  const telemetry = telemetryTo(undefined, Date.now);
  const nothing = (): never => {
    throw new Error('nothing is read');
  };
  const list = new SessionList({
    journal: { head: nothing, readFrom: nothing, snapshots: nothing },
    conditions: () => [],
    live: createLiveCounts(),
    now: Date.now,
  });
  list.serve();
  const before = await steadyHeap();
  const journal = await openLevelJournal(location, { telemetry });
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await journal.list({ prefix: 'session/', ...(after !== undefined && { after }) });
    list.load(page.heads);
    after = page.next;
  }
  await journal.close();
  const bytes = (await steadyHeap()) - before;
  return bytes / list.rows;
}
