// messages.send: many in flight without and with idempotency keys, one in flight, and not journaled at all.
import { HoldfastError } from 'holdfast';
import { alternating } from '../beside.ts';
import { PlainMemory, plainKeyBytes } from '../floors.ts';
import { type Lap, lapOf } from '../lap.ts';
import { inFlight, oneByOne } from '../measure.ts';
import { content } from '../message.ts';
import { type Limit, type Row, rowOf, type SkippedRow, timedSide } from '../row.ts';
import type { RowPlan } from '../row-plan.ts';
import { piecesOf, type Written } from '../stored-bytes.ts';
import { type Populated, type Workshop, width } from '../workshop.ts';

export const sendRows: readonly RowPlan[] = [
  {
    id: 'send-256',
    name: `messages.send, ${width} in flight`,
    measure: (shop, plan) =>
      sendMany(shop, plan, { must: 0.4, aim: 0.6 }, ({ client }, sessionId) =>
        client.messages.send({ sessionId, role: 'user', content }),
      ),
  },
  {
    id: 'send-256-keys',
    name: `messages.send with idempotency keys, ${width} in flight`,
    measure(shop, plan) {
      let key = 0;
      return sendMany(shop, plan, { must: 0.33, aim: 0.45 }, ({ client }, sessionId) => {
        key += 1;
        return client.messages.send(
          { sessionId, role: 'user', content },
          { idempotencyKey: `${plan.id}-${key}` },
        );
      });
    },
  },
  { id: 'send-1', name: 'messages.send, one in flight, median', measure: sendOne },
  { id: 'send-none', name: 'messages.send, durability none, one in flight', measure: sendUnjournaled },
];

type Send = (populated: Populated, sessionId: string) => Promise<unknown>;

async function sendMany(shop: Workshop, plan: RowPlan, limit: Limit, send: Send): Promise<Row> {
  const { messages, rounds } = shop.options;
  const [populated, plain, { send: written }] = [
    await shop.populated(),
    await shop.plain(),
    await shop.storedBytes(),
  ];
  const at = spread(populated.ids);
  const pieces = piecesOf(written, plainKeyBytes(at(0)));
  const laps = await alternating(
    rounds,
    () => lapOf(messages, () => inFlight(messages, width, (i) => send(populated, at(i)))),
    () =>
      lapOf(messages, () =>
        inFlight(messages, width, (i) => plain.append(at(i), pieces[i % pieces.length] ?? '')),
      ),
  );
  return rowOf({
    ...{ id: plan.id, name: plan.name, unit: 'us', judging: 'rate', limit },
    product: timedSide('holdfast', 'fsync before each answer', laps.product),
    floor: timedSide(
      'plain object + LevelDB, one key per message, chained batch',
      'fsync before each answer',
      laps.floor,
    ),
    notes: [bytesNote(written, 'message'), `spread over ${populated.ids.length} sessions`],
  });
}

async function sendOne(shop: Workshop, plan: RowPlan): Promise<Row> {
  const { messages, rounds } = shop.options;
  const { client, ids } = await shop.populated();
  const [raw, { sendOneByOne: written }] = [await shop.raw(), await shop.storedBytes()];
  const at = spread(ids);
  const pieces = piecesOf(written, 0).map((piece) => Buffer.from(piece));
  const count = Math.max(100, Math.floor(messages / 40));
  const laps = await alternating(
    rounds,
    () =>
      lapOf(count, () =>
        oneByOne(count, (i) => client.messages.send({ sessionId: at(i), role: 'user', content })),
      ),
    () => lapOf(count, () => oneByOne(count, (i) => raw.append(pieces[i % pieces.length] as Uint8Array))),
  );
  return rowOf({
    ...{ id: plan.id, name: plan.name, unit: 'us', judging: 'times', limit: { must: 1.5, aim: 1.3 } },
    product: timedSide('holdfast', 'fsync before each answer', laps.product),
    floor: timedSide('asynchronous write + fdatasync through libuv', 'fdatasync of each write', laps.floor),
    notes: [bytesNote(written, 'message'), 'wall time is the median of single calls'],
  });
}

const unjournaledSessions = 10_000;

/** Its peer is Elixir, in test/bench/peers; here stands what the bare bookkeeping costs. */
async function sendUnjournaled(shop: Workshop, plan: RowPlan): Promise<Row | SkippedRow> {
  const { messages, rounds } = shop.options;
  const { client } = await shop.openSystem('unjournaled');
  try {
    await client.sessions.create({ sessionId: 'first', ...{ durability: 'none' } });
  } catch (error) {
    if (!HoldfastError.is(error, 'INVALID_INPUT')) throw error;
    return { id: plan.id, name: plan.name, skipped: 'sessions.create takes no durability yet' };
  }
  const ids = Array.from({ length: unjournaledSessions - 1 }, (_, i) => `unjournaled-${i}`);
  shop.say(`creating ${ids.length} sessions that are not journaled`);
  await inFlight(ids.length, width, (i) =>
    client.sessions.create({ sessionId: ids[i] ?? '', ...{ durability: 'none' } }),
  );
  const at = spread(ids);
  const memory = new PlainMemory();
  const sendAll = async (): Promise<void> => {
    for (let i = 0; i < messages; i++)
      await client.messages.send({ sessionId: at(i), role: 'user', content });
  };
  const appendAll = async (): Promise<void> => {
    for (let i = 0; i < messages; i++) memory.append(at(i), content);
  };
  const laps = await alternating<Lap>(
    rounds,
    () => lapOf(messages, sendAll),
    () => lapOf(messages, appendAll),
  );
  return rowOf({
    ...{ id: plan.id, name: plan.name, unit: 'us cpu', judging: 'times' },
    product: timedSide('holdfast', 'none: in memory only', laps.product, 'cpu'),
    floor: timedSide('plain object in a Map', 'none: in memory only', laps.floor, 'cpu'),
    notes: [`spread over ${ids.length} sessions`, 'its limit is set against Elixir: --peers'],
  });
}

const spread =
  (ids: readonly string[]) =>
  (i: number): string =>
    ids[i % ids.length] ?? '';

export const bytesNote = ({ bytes }: Written, what: string): string =>
  `${Math.round(bytes)} bytes per ${what} on both sides, keys included, counted in the product's own batches`;
