// A process whose sessions take, renew, release and keep locks until it is killed, and tells what was answered.
import { createSystem } from '../../src/system.ts';

const [location = '', round = '0'] = process.argv.slice(2);
const { client } = await createSystem({ location });
const { sessions, roster, locks } = client;
const ids = ['a', 'b', 'c'];
for (const sessionId of ids) await sessions.create({ sessionId }).catch(() => undefined);
await sessions.create({ sessionId: `gone-${round}`, durability: 'none' });

const tell = (word: object): void => void process.send?.(word);

/** What stands when the process dies: a long lease and a short one, one of a session that dies with it, and one who waits. */
const stalled = await locks.acquire({ sessionId: 'a', name: 'stalled', ttlMs: 20_000, waitMs: 86_400_000 });
tell({ kept: 'stalled', token: stalled.fencingToken });
await locks.acquire({ sessionId: `gone-${round}`, name: 'volatile', waitMs: 86_400_000 });
void locks
  .acquire({ sessionId: 'b', name: 'stalled', ttlMs: 80_000_000, waitMs: 86_400_000 })
  .catch(() => undefined);
await roster.join({ sessionId: 'c', role: 'tester', liveness: 'lease', leaseMs: 20_000 });

const work = async (sessionId: string): Promise<void> => {
  for (let n = 0; ; n++) {
    const name = `busy-${n % 2}`;
    const { fencingToken } = await locks.acquire({ sessionId, name, ttlMs: 20_000, waitMs: 86_400_000 });
    tell({ name, sessionId, token: fencingToken });
    if (n % 3 === 0) await locks.renew({ sessionId, name, fencingToken });
    await locks.release({ sessionId, name, fencingToken });
    tell({ released: fencingToken });
    await new Promise((resolve) => setImmediate(resolve));
  }
};
for (const sessionId of ids) void work(sessionId);
