// What a session takes in memory, in a process of its own: heap, buffers and resident set before and after so many were there.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystem, type System } from 'holdfast';
import { answerParent } from './forked.ts';
import { collectGarbage, inFlight, turnOfTheLoop } from './measure.ts';
import { naiveSessions } from './naive-actors.ts';

export interface MemoryTask {
  readonly kind: 'active' | 'resident' | 'stored' | 'xstate';
  readonly count: number;
  /** A store that holds so many sessions, for `stored`. */
  readonly location?: string;
}

/** Bytes of one session. */
export interface MemoryUse {
  readonly heap: number;
  /** Of buffers, outside of the heap. */
  readonly external: number;
  readonly rss: number;
}

await answerParent(async ({ kind, count, location }: MemoryTask): Promise<MemoryUse> => {
  if (kind === 'xstate') return used(count, async () => naiveSessions(count));
  if (kind === 'stored') return storedSessions(count, location ?? '');
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-memory-'));
  const quietAfterMs = kind === 'active' ? null : 50;
  const system = await createSystem({
    ...{ location: directory, maxActiveSessions: count + 200, residentBytes: 2 ** 31 },
    passivateAfterMs: quietAfterMs,
  });
  try {
    await createSessions(system, 'warm', 200);
    await settled(system, kind, 200);
    return await used(count, async () => {
      await createSessions(system, 'held', count);
      await settled(system, kind, count + 200);
      return system;
    });
  } finally {
    await system.close();
    await rm(directory, { recursive: true });
  }
});

/** What is only in lists: a second system in the process, since the first one brings all that is made once. */
async function storedSessions(count: number, location: string): Promise<MemoryUse> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-memory-'));
  const first = await createSystem({ location: directory });
  await createSessions(first, 'warm', 200);
  let system: System | undefined;
  try {
    return await used(count, async () => {
      system = await createSystem({ location });
      const { active, idle } = (await system.client.sessions.count()).byStatus;
      if (active + idle !== count) throw new RangeError(`${active + idle} sessions instead of ${count}`);
      return system;
    });
  } finally {
    await system?.close();
    await first.close();
    await rm(directory, { recursive: true });
  }
}

function createSessions(system: System, prefix: string, count: number): Promise<number> {
  return inFlight(count, 256, (i) => system.client.sessions.create({ sessionId: `${prefix}-${i}` }));
}

/** Until all are where they are to be measured. */
async function settled(system: System, kind: MemoryTask['kind'], count: number): Promise<void> {
  const arrived = (): boolean =>
    kind === 'active'
      ? system.activeSessions === count
      : system.activeSessions === 0 && system.residentSessions === count;
  const until = Date.now() + 120_000;
  while (!arrived()) {
    if (Date.now() > until)
      throw new Error(`${system.activeSessions} active, ${system.residentSessions} resident of ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** `hold` answers with what must stay alive while it is measured. */
async function used(count: number, hold: () => Promise<unknown>): Promise<MemoryUse> {
  const before = await quietMemory();
  const held = await hold();
  const after = await quietMemory();
  if (held === undefined) throw new RangeError('nothing is held');
  const each = (name: 'heapUsed' | 'external' | 'rss'): number => (after[name] - before[name]) / count;
  return { heap: each('heapUsed'), external: each('external'), rss: each('rss') };
}

async function quietMemory(): Promise<NodeJS.MemoryUsage> {
  for (let i = 0; i < 6; i++) {
    collectGarbage();
    await turnOfTheLoop();
  }
  return process.memoryUsage();
}
