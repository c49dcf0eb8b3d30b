// What is measured: the operations that every user pays for, each beside its floor in the same run.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createSystem, type System } from 'holdfast';
import { PlainLevel, RawFile } from './floors.ts';
import { besideFloor, collectGarbage, inFlight, oneByOne, type Row, summarize } from './measure.ts';

export interface BenchOptions {
  readonly rounds: number;
  readonly sessions: number;
  readonly messages: number;
}

/** About what an agent's message weighs: a sentence. */
const content =
  'The quick brown fox jumps over the lazy dog while the agent waits for its tool to answer. '.slice(0, 90);

/** The bytes that Holdfast stores for such a message, and for a session: the floors write as many. */
const storedMessage = 'x'.repeat(430);
const storedSession = 'x'.repeat(1_150);

interface Bench {
  readonly directory: string;
  readonly system: System;
  readonly client: Client;
  readonly plain: PlainLevel;
  readonly raw: RawFile;
  readonly ids: readonly string[];
}

export async function measureAll(options: BenchOptions, onRow: (row: Row) => void): Promise<void> {
  const bench = await setUp(options.sessions);
  try {
    for (const row of [sendMany, sendManyWithKeys, sendOne, createMany]) onRow(await row(bench, options));
  } finally {
    await bench.system.close();
    await bench.plain.close();
    await bench.raw.close();
    await rm(bench.directory, { recursive: true });
  }
  onRow(await heapPerSession(options));
}

async function setUp(sessions: number): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
  const system = await createSystem({ location: join(directory, 'store') });
  const { client } = system;
  const ids = Array.from({ length: sessions }, (_, i) => `bench-${i}`);
  await inFlight(sessions, 256, (i) => client.sessions.create({ sessionId: ids[i] ?? '' }));
  return {
    directory,
    system,
    client,
    plain: await PlainLevel.open(directory),
    raw: await RawFile.open(directory),
    ids,
  };
}

const at = (ids: readonly string[], i: number): string => ids[i % ids.length] ?? '';

function sendMany({ client, plain, ids }: Bench, { messages, rounds }: BenchOptions): Promise<Row> {
  return besideFloor(
    'messages.send, fsync, 256 in flight',
    'us',
    () =>
      inFlight(messages, 256, (i) => client.messages.send({ sessionId: at(ids, i), role: 'user', content })),
    'plain objects + LevelDB, one synced batch for all that waits',
    () => inFlight(messages, 256, (i) => plain.append(at(ids, i), storedMessage)),
    rounds,
  );
}

let key = 0;

function sendManyWithKeys({ client, plain, ids }: Bench, { messages, rounds }: BenchOptions): Promise<Row> {
  return besideFloor(
    'the same with idempotency keys',
    'us',
    () =>
      inFlight(messages, 256, (i) => {
        key += 1;
        return client.messages.send(
          { sessionId: at(ids, i), role: 'user', content },
          { idempotencyKey: `key-${key}` },
        );
      }),
    'the same, without keys',
    () => inFlight(messages, 256, (i) => plain.append(at(ids, i), storedMessage)),
    rounds,
  );
}

function sendOne({ client, raw, ids }: Bench, { messages, rounds }: BenchOptions): Promise<Row> {
  const bytes = Buffer.from(storedMessage);
  const count = Math.max(100, Math.floor(messages / 40));
  return besideFloor(
    'messages.send, fsync, one in flight, median',
    'us',
    () => oneByOne(count, (i) => client.messages.send({ sessionId: at(ids, i), role: 'user', content })),
    'write + fdatasync of the same bytes through libuv',
    () => oneByOne(count, () => raw.append(bytes)),
    rounds,
  );
}

async function createMany({ directory, plain }: Bench, { sessions, rounds }: BenchOptions): Promise<Row> {
  const system = await createSystem({ location: join(directory, 'created') });
  let created = 0;
  const row = await besideFloor(
    'sessions.create, fsync, 256 in flight',
    'us',
    () => inFlight(sessions, 256, () => system.client.sessions.create({ sessionId: `s${created++}` })),
    'plain objects + LevelDB, one synced batch for all that waits',
    () => inFlight(sessions, 256, () => plain.append(`s${created++}`, storedSession)),
    rounds,
  );
  await system.close();
  return row;
}

/** Heap of an active session with no messages, beside that of a plain object in a Map. */
async function heapPerSession({ sessions }: BenchOptions): Promise<Row> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
  const system = await createSystem({ location: directory });
  await system.client.sessions.create({});
  const product = await heapOf(sessions, () =>
    inFlight(sessions, 256, (i) => system.client.sessions.create({ sessionId: `h${i}` })),
  );
  await system.close();
  await rm(directory, { recursive: true });
  const held = new Map<string, object>();
  const floor = await heapOf(sessions, async () => {
    for (let i = 0; i < sessions; i++)
      held.set(`h${i}`, { status: 'active', createdAt: Date.now(), messages: 0, reason: null });
  });
  const ratio = summarize([product / floor]);
  return {
    name: `heap of an active session (${held.size} of them)`,
    unit: 'bytes',
    product: summarize([product]),
    floorName: 'a plain object in a Map',
    floor: summarize([floor]),
    ratio,
  };
}

async function heapOf(count: number, fill: () => Promise<unknown>): Promise<number> {
  const settle = async (): Promise<number> => {
    for (let i = 0; i < 3; i++) {
      collectGarbage();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return process.memoryUsage().heapUsed;
  };
  const before = await settle();
  await fill();
  return ((await settle()) - before) / count;
}
