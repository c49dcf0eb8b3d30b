// One event published to 1,000 who listen to one session, through events.publish: by callback, and by iterator. In a stream of
// events, of which 100 are under way at once, and singly, each after the one before has been heard by all.

import { EventEmitter } from 'eventemitter3';
import type { Client } from 'holdfast';
import { alternating } from '../beside.ts';
import { lapOf } from '../lap.ts';
import { type Limit, type Row, rowOf, timedSide } from '../row.ts';
import type { RowPlan } from '../row-plan.ts';
import type { Workshop } from '../workshop.ts';

const listeners = 1_000;
const sessionId = 'heard';

type Listen = (client: Client, arrivals: Arrivals) => Promise<void>;

const toCallbacks: Limit = { must: 3, aim: 2 };
const toIterators: Limit = { must: 20, aim: 10 };

export const publishRows: readonly RowPlan[] = [
  ...plansFor('callbacks', callbacks, toCallbacks, 30),
  ...plansFor('iterators', iterators, toIterators, 5),
];

function plansFor(kind: string, listen: Listen, limit: Limit, bursts: number): readonly RowPlan[] {
  return [100, 1].map((burst) => ({
    id: burst === 1 ? `publish-${kind}-single` : `publish-${kind}`,
    name: `events.publish to ${listeners} ${kind} of one session, ${burst === 1 ? 'one at a time' : 'a burst of 100'}`,
    measure: (shop, plan) => publish(shop, plan, listen, limit, burst, burst === 1 ? bursts * 10 : bursts),
  }));
}

async function publish(
  shop: Workshop,
  plan: RowPlan,
  listen: Listen,
  limit: Limit,
  burst: number,
  bursts: number,
): Promise<Row> {
  const system = await shop.openSystem(plan.id);
  await system.client.sessions.create({ sessionId });
  const arrivals = new Arrivals();
  await listen(system.client, arrivals);
  const emitter = new EventEmitter<string>();
  let emitted = 0;
  for (let i = 0; i < listeners; i++)
    emitter.on(sessionId, () => {
      emitted += 1;
    });
  const event = { sessionId, type: 'llm.chunkStreamed', data: { content: 'x' } };
  const laps = await alternating(
    shop.options.rounds,
    () =>
      lapOf(bursts * burst, async () => {
        for (let i = 0; i < bursts; i++) {
          const heard = arrivals.next(burst * listeners);
          await Promise.all(Array.from({ length: burst }, () => system.client.events.publish(event)));
          await heard;
        }
      }),
    () =>
      lapOf(bursts * 100, async () => {
        const before = emitted;
        for (let i = 0; i < bursts * 100; i++) emitter.emit(sessionId, event);
        if (emitted - before !== bursts * 100 * listeners) throw new RangeError('not all have heard');
      }),
  );
  await system.close();
  return rowOf({
    ...{ id: plan.id, name: plan.name, unit: 'us', judging: 'times', limit },
    product: timedSide('holdfast, the whole operation', 'none: a transient event', laps.product),
    floor: timedSide(`eventemitter3, ${listeners} listeners`, 'memory', laps.floor),
    notes: ['per event, heard by all'],
  });
}

async function callbacks(client: Client, arrivals: Arrivals): Promise<void> {
  for (let i = 0; i < listeners; i++) await client.events.subscribe(sessionId, arrivals.hear);
}

/** They hear of a journaled event first: what is transient would pass by those that have not begun yet. */
async function iterators(client: Client, arrivals: Arrivals): Promise<void> {
  const begun = arrivals.next(listeners);
  for (let i = 0; i < listeners; i++) void follow(client, arrivals);
  await client.memory.set({ sessionId, key: 'begun', value: true });
  await begun;
}

async function follow(client: Client, arrivals: Arrivals): Promise<void> {
  for await (const _ of client.events.stream({ sessionId, after: 'now' })) arrivals.hear();
}

/** Counts what is heard, and tells when it was enough. */
class Arrivals {
  #missing = 0;
  #complete = (): void => {};

  readonly hear = (): void => {
    this.#missing -= 1;
    if (this.#missing === 0) this.#complete();
  };

  next(count: number): Promise<void> {
    this.#missing = count;
    return new Promise((resolve, reject) => {
      const overdue = setTimeout(() => reject(new Error(`${this.#missing} deliveries are missing`)), 60_000);
      this.#complete = () => {
        clearTimeout(overdue);
        resolve();
      };
    });
  }
}
