// The operations at one number of stored sessions. They go to 1,000 of them, spread evenly over all and warmed before; only
// `random` goes to any of them, and `wake` to those that nobody has used since the start.
import { createSystem, type System } from 'holdfast';
import { lapOf } from './lap.ts';
import { inFlight } from './measure.ts';
import { content } from './message.ts';
import type { ScaledOperations } from './scale-child.ts';
import { wokenInRound, workingSet } from './scale-options.ts';
import type { ScaleTask } from './scale-process.ts';
import { width } from './workshop.ts';

const pages = 200;
const created = 200;
const reads = 20_000;

export function scaledSessions({
  location,
  sessions,
  messages,
  rounds,
}: ScaleTask & { kind: 'sessions' }): ScaledOperations {
  const opened = createSystem({ location });
  const random = randomFrom(1);
  const id = (i: number): string => `stored-${i}`;
  /** The i-th of `count` that are spread evenly over all. */
  const spread = (i: number, count: number): string => id(Math.floor(((i % count) * sessions) / count));
  const inWorkingSet = (i: number): string => spread(i, workingSet);
  const send = (system: System, sessionId: string): Promise<unknown> =>
    system.client.messages.send({ sessionId, role: 'user', content });
  return {
    async wake(round) {
      const system = await opened;
      const all = (rounds + 1) * wokenInRound;
      return lapOf(wokenInRound, async () => {
        for (let i = 0; i < wokenInRound; i++) await send(system, spread(round * wokenInRound + i, all));
      });
    },
    async warm() {
      const system = await opened;
      await inFlight(workingSet, width, (i) => send(system, inWorkingSet(i)));
      return undefined;
    },
    async send() {
      const system = await opened;
      return lapOf(messages, () => inFlight(messages, width, (i) => send(system, inWorkingSet(i))));
    },
    async random() {
      const system = await opened;
      const count = Math.ceil(messages / 4);
      return lapOf(count, () =>
        inFlight(count, width, () => send(system, id(Math.floor(random() * sessions)))),
      );
    },
    async read() {
      const { client } = await opened;
      return lapOf(reads, async () => {
        for (let i = 0; i < reads; i++) await client.sessions.get({ sessionId: inWorkingSet(i) });
      });
    },
    async list() {
      const { client } = await opened;
      return lapOf(pages, async () => {
        for (let i = 0; i < pages; i++) await client.sessions.list({ limit: 100 });
      });
    },
    async create(round) {
      const { client } = await opened;
      return lapOf(created, () =>
        inFlight(created, width, (i) => client.sessions.create({ sessionId: `made-${round}-${i}` })),
      );
    },
    async close() {
      await (await opened).close();
      return undefined;
    },
  };
}

/** Mulberry32: the same sessions on every machine. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
