// Sessions: creating, reading one in memory, and the first page of a list.
import { alternating } from '../beside.ts';
import { plainKeyBytes } from '../floors.ts';
import { lapOf } from '../lap.ts';
import { inFlight } from '../measure.ts';
import { type Row, rowOf, timedSide } from '../row.ts';
import type { RowPlan } from '../row-plan.ts';
import { piecesOf } from '../stored-bytes.ts';
import { createSessions, type Workshop, width } from '../workshop.ts';
import { bytesNote } from './send-rows.ts';

export const sessionRows: readonly RowPlan[] = [
  { id: 'create-256', name: `sessions.create, ${width} in flight`, measure: createMany },
  { id: 'read', name: 'sessions.get of a session in memory, through the Client', measure: readOne },
  { id: 'list-page', name: 'sessions.list, first page of 100 of 10,000 by status', measure: listPage },
];

/** All that are made in all rounds may have actors, so that none pays for the passivation of another. */
async function createMany(shop: Workshop, plan: RowPlan): Promise<Row> {
  const { sessions, rounds, quick } = shop.options;
  const [plain, { create: written }] = [await shop.plain(), await shop.storedBytes()];
  const system = await shop.openSystem('created');
  const count = Math.min(quick ? 300 : sessions, Math.floor(9_000 / (rounds + 1)));
  const pieces = piecesOf(written, plainKeyBytes('s1000'));
  let made = 0;
  const laps = await alternating(
    rounds,
    () =>
      lapOf(count, () =>
        inFlight(count, width, () => system.client.sessions.create({ sessionId: `s${made++}` })),
      ),
    () =>
      lapOf(count, () =>
        inFlight(count, width, (i) => plain.append(`s${made++}`, pieces[i % pieces.length] ?? '')),
      ),
  );
  await system.close();
  return rowOf({
    ...{ id: plan.id, name: plan.name, unit: 'us', judging: 'times', limit: { must: 2, aim: 1.5 } },
    product: timedSide('holdfast', 'fsync before each answer', laps.product),
    floor: timedSide(
      'plain object + LevelDB, one key per session, chained batch',
      'fsync before each answer',
      laps.floor,
    ),
    notes: [bytesNote(written, 'session'), `${count} sessions a round`],
  });
}

async function readOne(shop: Workshop, plan: RowPlan): Promise<Row> {
  const { messages, rounds } = shop.options;
  const { client, ids } = await shop.populated();
  const count = Math.max(20_000, messages);
  const held = new Map(ids.map((id, i) => [id, { id, status: 'active', messages: i }]));
  const laps = await alternating(
    rounds,
    () =>
      lapOf(count, async () => {
        for (let i = 0; i < count; i++) await client.sessions.get({ sessionId: ids[i % ids.length] ?? '' });
      }),
    () =>
      lapOf(count, async () => {
        let sum = 0;
        for (let i = 0; i < count; i++) sum += held.get(ids[i % ids.length] ?? '')?.messages ?? 0;
        if (sum < 0) throw new RangeError('never: the sum keeps the loop from being left out');
      }),
  );
  return rowOf({
    ...{ id: plan.id, name: plan.name, unit: 'us', judging: 'more', limit: { must: 2, aim: 0.5 } },
    product: timedSide('holdfast', 'only what is durable is read', laps.product),
    floor: timedSide('lookup in a Map', 'memory', laps.floor),
    notes: [`spread over ${ids.length} sessions, one call after another`],
  });
}

const listed = 10_000;

async function listPage(shop: Workshop, plan: RowPlan): Promise<Row> {
  const { rounds, quick } = shop.options;
  // A list needs no actors: a smoke run spends no time on collecting them.
  const system = await shop.openSystem('listed', quick ? { maxActiveSessions: 500, residentBytes: 0 } : {});
  await createSessions(system.client, 'listed', listed, shop.say);
  const array = Array.from({ length: listed }, (_, i) => ({ sessionId: `listed-${i}`, status: 'active' }));
  const [pages, slices] = [quick ? 200 : 500, 200_000];
  const laps = await alternating(
    rounds,
    () =>
      lapOf(pages, async () => {
        for (let i = 0; i < pages; i++) await firstPage();
      }),
    () =>
      lapOf(slices, async () => {
        let sum = 0;
        for (let i = 0; i < slices; i++) sum += array.slice(0, 100).length;
        if (sum < 0) throw new RangeError('never: the sum keeps the loop from being left out');
      }),
  );
  await system.close();
  return rowOf({
    ...{ id: plan.id, name: plan.name, unit: 'ms', judging: 'cost', limit: { must: 1, aim: 0.2 } },
    product: timedSide('holdfast', 'only what is durable is listed', laps.product, 'wall ms'),
    floor: timedSide('slice of an array', 'memory', laps.floor, 'wall ms'),
    notes: [],
  });

  async function firstPage(): Promise<void> {
    const { items } = await system.client.sessions.list({ status: ['active'], limit: 100 });
    if (items.length !== 100) throw new RangeError(`a page of ${items.length}`);
  }
}
