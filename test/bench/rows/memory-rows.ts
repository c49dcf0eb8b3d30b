// Heap of a session with an empty window: with actors, in memory without, and only in lists; beside the two XState actors that one
// would write first. Each in a process of its own.
import { alternating } from '../beside.ts';
import { runChild } from '../forked.ts';
import { type Measured, summarize } from '../measure.ts';
import type { MemoryTask, MemoryUse } from '../memory-child.ts';
import { type Limit, type Row, rowOf, type Side } from '../row.ts';
import type { RowPlan } from '../row-plan.ts';
import { fillStore, type Workshop } from '../workshop.ts';

const held = 5_000;

export const memoryRows: readonly RowPlan[] = [
  memoryPlan('active', 'with actors', { must: 7_000, aim: 4_000 }),
  memoryPlan('resident', 'in memory without actors', { must: 2_500, aim: 2_000 }),
  memoryPlan('stored', 'only in lists', { must: 400, aim: 300 }),
];

function memoryPlan(kind: MemoryTask['kind'], words: string, limit: Limit): RowPlan {
  return {
    id: `heap-${kind}`,
    name: `heap of a session ${words}`,
    measure: (shop, plan) => measureMemory(shop, plan, kind, limit),
  };
}

async function measureMemory(
  shop: Workshop,
  plan: RowPlan,
  kind: MemoryTask['kind'],
  limit: Limit,
): Promise<Row> {
  const task = await taskOf(shop, kind);
  const { rounds } = shop.options;
  shop.say(`holding ${task.count} sessions ${rounds + 1} times`);
  const uses = await alternating(
    rounds,
    () => runChild<MemoryUse>('memory-child', task),
    () => runChild<MemoryUse>('memory-child', { kind: 'xstate', count: held } satisfies MemoryTask),
  );
  return rowOf({
    ...{ id: plan.id, name: plan.name, unit: 'bytes', judging: 'cost', limit },
    product: sideOf('holdfast', 'fsync', uses.product),
    floor: sideOf('two naive XState actors, root and spawned', 'memory', uses.floor),
    notes: [`${task.count} sessions, no messages; heapUsed after collection, less what was there before`],
  });
}

/** Of stored ones there are many: what a start allocates once counts little then. */
async function taskOf(shop: Workshop, kind: MemoryTask['kind']): Promise<MemoryTask> {
  if (kind !== 'stored') return { kind, count: held };
  const { only, stored } = shop.options;
  if (only === '') return { kind, count: stored, location: await shop.storedSessions() };
  const count = Math.min(stored, 20_000);
  return { kind, count, location: await fillStore(shop.directory('held'), count, shop.say) };
}

function sideOf(name: string, durability: string, uses: readonly MemoryUse[]): Side {
  const each = (pick: (use: MemoryUse) => number): Measured => summarize(uses.map(pick));
  const details = {
    'bytes of buffers': each(({ external }) => external),
    'bytes rss': each(({ rss }) => rss),
  };
  return { name, durability, cost: each(({ heap }) => heap), details };
}
