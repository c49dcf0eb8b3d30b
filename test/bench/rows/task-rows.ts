// Tasks: creating, reading and updating one after another, with what most and nearly all of them take.
import type { Client } from 'holdfast';
import { alternating } from '../beside.ts';
import { lapOf } from '../lap.ts';
import { type Row, rowOf, timedSide } from '../row.ts';
import type { RowPlan } from '../row-plan.ts';
import type { Workshop } from '../workshop.ts';

export const taskRows: readonly RowPlan[] = [
  {
    id: 'task-create',
    name: 'tasks.create, one after another',
    measure: (shop, plan) => written(shop, plan, create),
  },
  {
    id: 'task-update',
    name: 'tasks.update, one after another',
    measure: (shop, plan) => written(shop, plan, update),
  },
  { id: 'task-read', name: 'tasks.get of a task in memory, through the Client', measure: readOne },
];

type Call = (client: Client, nth: number) => Promise<unknown>;

const sessionId = 'tasks';
const known = 500;

const create: Call = ({ tasks }, nth) =>
  tasks.create({ sessionId, taskId: `new-${nth}`, title: `Task ${nth}` });
const update: Call = ({ tasks }, nth) =>
  tasks.update({ sessionId, taskId: `task-${nth % known}`, priority: nth % 1_000 });

async function populated(shop: Workshop, name: string): Promise<Client> {
  const { client } = await shop.openSystem(name);
  await client.sessions.create({ sessionId });
  const list = Array.from({ length: known }, (_, n) => ({ taskId: `task-${n}`, title: `Task ${n}` }));
  await client.tasks.createMany({ sessionId, tasks: list });
  return client;
}

async function written(shop: Workshop, plan: RowPlan, call: Call): Promise<Row> {
  const { rounds, quick } = shop.options;
  const [plain, client] = [await shop.plain(), await populated(shop, plan.id)];
  const count = quick ? 50 : 400;
  const times: number[] = [];
  let nth = 0;
  const text = 'x'.repeat(400);
  const laps = await alternating(
    rounds,
    () => lapOf(count, () => each(count, times, () => call(client, nth++))),
    () => lapOf(count, () => each(count, [], () => plain.append(sessionId, text))),
  );
  return rowOf({
    ...{ id: plan.id, name: plan.name, unit: 'us', judging: 'times', limit: { must: 3, aim: 1.5 } },
    product: timedSide('holdfast', 'fsync before each answer', laps.product),
    floor: timedSide('plain LevelDB, 400 bytes', 'fsync before each answer', laps.floor),
    notes: [spread(times)],
  });
}

async function readOne(shop: Workshop, plan: RowPlan): Promise<Row> {
  const { rounds, quick } = shop.options;
  const client = await populated(shop, plan.id);
  const count = quick ? 500 : 5_000;
  const times: number[] = [];
  const held = new Map(Array.from({ length: known }, (_, n) => [`task-${n}`, { title: `Task ${n}` }]));
  let sum = 0;
  const laps = await alternating(
    rounds,
    () =>
      lapOf(count, () =>
        each(count, times, (n) => client.tasks.get({ sessionId, taskId: `task-${n % known}` })),
      ),
    () =>
      lapOf(count, async () => {
        for (let n = 0; n < count; n++) sum += held.get(`task-${n % known}`)?.title.length ?? 0;
      }),
  );
  if (sum < 0) throw new RangeError('never: the sum keeps the loop from being left out');
  return rowOf({
    ...{ id: plan.id, name: plan.name, unit: 'us', judging: 'more' },
    product: timedSide(
      'holdfast',
      'only what is durable is read; the input is read from the disk',
      laps.product,
    ),
    floor: timedSide('lookup in a Map', 'memory', laps.floor),
    notes: [spread(times)],
  });
}

async function each(count: number, times: number[], call: (nth: number) => Promise<unknown>): Promise<void> {
  for (let n = 0; n < count; n++) {
    const from = performance.now();
    await call(n);
    times.push(performance.now() - from);
  }
}

/** Of all rounds. */
function spread(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor((sorted.length - 1) * part)] ?? 0).toFixed(2);
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms; the systems that came before claim 15 ms to create, 2 to read, 20 to update`;
}
