// Start: from nothing until all stored sessions can be asked for, each start in a new process over the same store.
import { cp, rm } from 'node:fs/promises';
import { alternating } from '../beside.ts';
import { runChild } from '../forked.ts';
import type { Lap } from '../lap.ts';
import { type Row, rowOf, timedSide } from '../row.ts';
import type { RowPlan } from '../row-plan.ts';
import type { StartTask } from '../start-child.ts';
import type { Workshop } from '../workshop.ts';

export const startRow: RowPlan = {
  id: 'start',
  name: 'start until the stored sessions serve',
  measure: measureStart,
};

async function measureStart(shop: Workshop, plan: RowPlan): Promise<Row> {
  const { rounds, stored } = shop.options;
  const location = await shop.storedSessions();
  shop.say(`starting ${rounds + 1} times over ${stored} sessions`);
  const laps = await startLaps(location, stored, rounds);
  return rowOf({
    ...{ id: plan.id, name: `${plan.name} (${stored})`, unit: 'ms', judging: 'times' },
    limit: { must: 2, aim: 1.5 },
    product: timedSide('holdfast: createSystem, one session read', 'fsync', laps.product, 'wall ms'),
    floor: timedSide('LevelDB: scan of the same heads, SHA-256 of each', 'read only', laps.floor, 'wall ms'),
    notes: ['without the start of Node and the loading of modules'],
  });
}

/** The list is loaded behind the sessions: whoever asks for it at once waits so long. */
export const startListRow: RowPlan = {
  id: 'start-list',
  name: 'start until the list of the stored sessions answers',
  measure: measureStartList,
};

async function measureStartList(shop: Workshop, plan: RowPlan): Promise<Row> {
  const { rounds, stored } = shop.options;
  const location = await shop.storedSessions();
  shop.say(`starting ${rounds + 1} times over ${stored} sessions until their list answers`);
  const laps = await startLaps(location, stored, rounds, 'list');
  return rowOf({
    ...{ id: plan.id, name: `${plan.name} (${stored})`, unit: 'ms', judging: 'times' },
    product: timedSide('holdfast: createSystem, first page', 'fsync', laps.product, 'wall ms'),
    floor: timedSide('LevelDB: scan of the same heads, SHA-256 of each', 'read only', laps.floor, 'wall ms'),
    notes: ['nothing is asked for: sessions serve long before'],
  });
}

/**
 * The floor reads a copy: whoever opens a store beside Holdfast takes its graceful flag away, and the next start would have to
 * compare and verify as one after a kill does.
 */
export async function startLaps(
  location: string,
  stored: number,
  rounds: number,
  product: StartTask['side'] = 'product',
) {
  const bare = `${location}-bare`;
  await cp(location, bare, { recursive: true });
  const start = (side: StartTask['side']) => (): Promise<Lap> => {
    const task: StartTask = { side, location: side === 'floor' ? bare : location, stored };
    return runChild<Lap>('start-child', task);
  };
  try {
    return await alternating(rounds, start(product), start('floor'));
  } finally {
    await rm(bare, { recursive: true });
  }
}
