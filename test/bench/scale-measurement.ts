// Measures the scale: processes of all sizes stand beside each other, and their rounds alternate.
import { join } from 'node:path';
import { runChild } from './forked.ts';
import type { Lap } from './lap.ts';
import { summarize } from './measure.ts';
import type { MemoryTask, MemoryUse } from './memory-child.ts';
import { startLaps } from './rows/start-row.ts';
import type { ScaleOptions } from './scale-options.ts';
import { ScaleProcess, type ScaleTask } from './scale-process.ts';
import type { ScalePoint, ScaleSeries } from './scale-series.ts';
import { fillStore, type Say, width } from './workshop.ts';

export interface Stage {
  readonly options: ScaleOptions;
  readonly directory: string;
  readonly say: Say;
  readonly onSeries: (series: ScaleSeries) => void;
}

type Told = Pick<ScaleSeries, 'id' | 'name' | 'durability' | 'judged' | 'note'>;

const fsync = 'fsync before each answer';
const spreadNote = 'to 1,000 sessions, spread evenly over all stored ones and warmed';

// biome-ignore format: one operation a line
const sessionOperations: readonly Told[] = [
  { id: 'wake', name: 'first message to a stored session (wakes it), one in flight', durability: fsync, judged: true, note: '100 sessions a round that nobody has used since the start' },
  { id: 'send', name: `messages.send, ${width} in flight`, durability: fsync, judged: true, note: spreadNote },
  { id: 'read', name: 'sessions.get', durability: 'what is durable', judged: true, note: spreadNote },
  { id: 'list', name: 'sessions.list, first page of 100', durability: 'what is durable', judged: true, note: 'without a filter' },
  { id: 'random', name: 'messages.send to any session at random', durability: fsync, judged: false, note: 'uniform over all; beyond 10,000 active sessions most are woken for it, and another is passivated' },
  { id: 'create', name: `sessions.create, ${width} in flight`, durability: fsync, judged: true, note: '200 a round; beyond 10,000 active sessions another is passivated for each' },
];

// biome-ignore format: one operation a line
const conversationOperations: readonly Told[] = [
  { id: 'send', name: 'one more message', durability: fsync, judged: true, note: '32 conversations, one message of each in flight' },
  { id: 'page', name: 'messages.list, the last 10', durability: 'what is durable', judged: true, note: '' },
  { id: 'wake', name: 'first message after passivation', durability: fsync, judged: true, note: 'nothing of the session was in memory; one in flight' },
];

const conversations = 32;

export async function measureScale(stage: Stage): Promise<void> {
  const { options, directory, say } = stage;
  const stores = new Map<number, string>();
  for (const size of options.sizes)
    stores.set(size, await fillStore(join(directory, `stored-${size}`), size, say));
  await measureStarts(stage, stores);
  await measureMemories(stage, stores);
  const { sizes, lengths, rounds, messages } = options;
  await measureOperations(stage, 'sessions', sizes, sessionOperations, (size) => {
    return { kind: 'sessions', location: stores.get(size) ?? '', sessions: size, messages, rounds };
  });
  await measureOperations(stage, 'messages', lengths, conversationOperations, (length) => {
    return { kind: 'conversations', location: join(directory, `talk-${length}`), length, conversations };
  });
}

async function measureStarts({ options, onSeries, say }: Stage, stores: ReadonlyMap<number, string>) {
  const points: { product: ScalePoint[]; floor: ScalePoint[] } = { product: [], floor: [] };
  for (const [size, location] of stores) {
    say(`starting over ${size} sessions`);
    const laps = await startLaps(location, size, options.rounds);
    for (const side of ['product', 'floor'] as const) points[side].push(pointOf(size, laps[side], 1 / size));
  }
  const shared = { by: 'sessions', unit: 'us per session', judged: false } as const;
  // biome-ignore format: one series a line
  onSeries({ ...shared, id: 'start', name: 'start until all serve, per session', durability: 'fsync', points: points.product, note: 'what a start costs at all weighs most with few sessions' });
  // biome-ignore format: one series a line
  onSeries({ ...shared, id: 'start-floor', name: 'scan + SHA-256 of the heads, per session', durability: 'read only', points: points.floor, note: 'the floor of a start' });
}

/** More than 10,000 are never active at once, unless that is asked for. */
async function measureMemories(stage: Stage, stores: ReadonlyMap<number, string>): Promise<void> {
  const { options, onSeries, say } = stage;
  for (const kind of ['active', 'resident', 'stored'] as const) {
    const points: ScalePoint[] = [];
    for (const [size, location] of stores) {
      if (kind !== 'stored' && size > 10_000) continue;
      say(`holding ${size} ${kind} sessions`);
      const task: MemoryTask = { kind, count: size, ...(kind === 'stored' && { location }) };
      const heaps: number[] = [];
      for (let round = 0; round < options.rounds; round++)
        heaps.push((await runChild<MemoryUse>('memory-child', task)).heap);
      points.push({ size, cost: summarize(heaps) });
    }
    const told = {
      id: `heap-${kind}`,
      name: `heap of a session, ${kind}`,
      durability: 'fsync',
      judged: true,
    };
    onSeries({ ...told, by: 'sessions', unit: 'bytes', points, note: 'empty window' });
  }
}

async function measureOperations(
  { options, onSeries, say }: Stage,
  by: ScaleSeries['by'],
  sizes: readonly number[],
  operations: readonly Told[],
  taskOf: (size: number) => ScaleTask,
): Promise<void> {
  const processes = sizes.map((size) => new ScaleProcess(size, taskOf(size)));
  try {
    if (by === 'messages')
      for (const each of processes) {
        say(`writing ${conversations} conversations of ${each.size} messages`);
        await each.ask('fill');
      }
    for (const operation of operations) {
      say(`measuring ${operation.name}`);
      if (by === 'sessions' && operation.id !== 'wake') for (const each of processes) await each.ask('warm');
      const laps = await roundsOf(operation.id, processes, options.rounds);
      const points = sizes.map((size) => pointOf(size, laps.get(size) ?? []));
      onSeries({ ...operation, id: `${by}-${operation.id}`, by, unit: 'us', points });
    }
    for (const each of processes) await each.ask('close');
  } finally {
    for (const each of processes) each.kill();
  }
}

/** The first round warms and is not kept; the order of the sizes is turned round each time. */
async function roundsOf(operation: string, processes: readonly ScaleProcess[], rounds: number) {
  const laps = new Map<number, Lap[]>(processes.map(({ size }) => [size, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const each of round % 2 === 0 ? processes : processes.toReversed()) {
      const lap = await each.ask(operation, round);
      if (round > 0 && lap !== undefined) laps.get(each.size)?.push(lap);
    }
  }
  return laps;
}

function pointOf(size: number, laps: readonly Lap[], scale = 1): ScalePoint {
  const each = (pick: (lap: Lap) => number) => summarize(laps.map((lap) => pick(lap) * scale));
  return { size, cost: each(({ wallUs }) => wallUs), cpu: each(({ cpuUs }) => cpuUs) };
}
