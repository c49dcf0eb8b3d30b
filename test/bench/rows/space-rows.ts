// One write to a space that 1,000 member sessions listen to, heard by all of them: in a stream of writes, of which 100 are under way
// at once, and singly. Members are told before the writer is answered.
import { EventEmitter } from 'eventemitter3';
import { alternating } from '../beside.ts';
import { lapOf } from '../lap.ts';
import { type Limit, type Row, rowOf, timedSide } from '../row.ts';
import type { RowPlan } from '../row-plan.ts';
import type { Workshop } from '../workshop.ts';

const members = 1_000;
/** Singly it is the cost of one write that is seen, whatever the listeners. */
const limits: Readonly<Record<number, Limit>> = { 100: { must: 10, aim: 5 }, 1: { must: 100, aim: 30 } };

export const spaceRows: readonly RowPlan[] = [100, 1].map((burst) => ({
  id: burst === 1 ? 'space-push-single' : 'space-push',
  name: `spaces.set heard by ${members} member sessions, ${burst === 1 ? 'one at a time' : 'a burst of 100'}`,
  measure: (shop, plan) => push(shop, plan, burst, burst === 1 ? 300 : 30),
}));

async function push(shop: Workshop, plan: RowPlan, burst: number, bursts: number): Promise<Row> {
  const system = await shop.openSystem(plan.id);
  const { sessions, spaces } = system.client;
  const { spaceId } = await spaces.create({ durability: 'none' });
  const counts = { heard: 0, emitted: 0, lastAt: 0 };
  for (let i = 0; i < members; i++) {
    const sessionId = `m${i}`;
    await sessions.create({ sessionId, durability: 'none' });
    await spaces.join({ spaceId, sessionId });
  }
  for (let i = 0; i < members; i++)
    await spaces.subscribe({ spaceId, sessionId: `m${i}` }, () => {
      counts.heard += 1;
      if (counts.heard % members === 0) counts.lastAt = performance.now();
    });
  const emitter = new EventEmitter<string>();
  for (let i = 0; i < members; i++)
    emitter.on(spaceId, () => {
      counts.emitted += 1;
    });
  const event = { spaceId, type: 'space.written', data: { key: 'k', value: 'x' } };
  let longestMs = 0;
  const write = async (): Promise<void> => {
    await spaces.set({ spaceId, sessionId: 'm0', key: 'k', value: 'x' });
    longestMs = Math.max(longestMs, counts.lastAt - performance.now());
  };
  const laps = await alternating(
    shop.options.rounds,
    () =>
      lapOf(bursts * burst, async () => {
        const before = counts.heard;
        for (let i = 0; i < bursts; i++) await Promise.all(Array.from({ length: burst }, write));
        if (counts.heard - before !== bursts * burst * members) throw new RangeError('not all have heard');
      }),
    () =>
      lapOf(bursts * 100, async () => {
        const before = counts.emitted;
        for (let i = 0; i < bursts * 100; i++) emitter.emit(spaceId, event);
        if (counts.emitted - before !== bursts * 100 * members) throw new RangeError('not all have heard');
      }),
  );
  await system.close();
  return rowOf({
    ...{
      id: plan.id,
      name: plan.name,
      unit: 'us',
      judging: 'times',
      limit: limits[burst] ?? { must: 10, aim: 5 },
    },
    product: timedSide('holdfast, the whole operation', 'none: a space in memory', laps.product),
    floor: timedSide(`eventemitter3, ${members} listeners`, 'memory', laps.floor),
    notes: [
      'per write, heard by all',
      `from the answer to the last delivery: ${longestMs.toFixed(3)} ms at most, for members are told first`,
    ],
  });
}
