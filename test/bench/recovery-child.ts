// One life of a system that ends by SIGKILL: it fills a store with sessions whose agents are at work, or comes back over it and
// says how long that took, when all had their receipts, and what memory it needed at most.
import { setTimeout as sleep } from 'node:timers/promises';
import { createSystem, type PolicedAgent } from 'holdfast';
import { inFlight } from './measure.ts';

export interface RecoveryTask {
  readonly what: 'fill' | 'recover';
  readonly location: string;
  readonly sessions: number;
}

export interface Recovered {
  readonly servedMs: number;
  readonly recoveredMs: number;
  readonly peakMb: number;
  readonly receipts: number;
}

const { what, location, sessions } = JSON.parse(process.argv[2] ?? '{}') as RecoveryTask;

/** It is killed more often than any budget allows: what is measured is recovery, not quarantine. */
const often = 1_000_000;
const works: PolicedAgent = {
  run: ({ signal }) => new Promise((end) => signal.addEventListener('abort', end)),
  budget: { maxRestarts: often, restartsWithoutProgress: often, lifetimeRestarts: often },
};

const from = performance.now();
const system = await createSystem({
  location,
  maxActiveSessions: sessions + 100,
  agents: { works },
});
const servedMs = performance.now() - from;
process.send?.(what === 'fill' ? await fill() : await recovered(), () =>
  process.kill(process.pid, 'SIGKILL'),
);

async function fill(): Promise<number> {
  await inFlight(sessions, 256, async (i) => {
    const sessionId = `stored-${i}`;
    await system.client.sessions.create({ sessionId });
    await system.client.messages.send({ sessionId, role: 'user', content: 'hello' });
    await system.client.agents.start({ sessionId, agent: 'works' });
  });
  return sessions;
}

/** Every session has a run that begins once more, and so a receipt of this life. */
async function recovered(): Promise<Recovered> {
  const [boot] = (await system.client.recovery.boots({ limit: 1 })).items;
  const wanted = sessions * ((boot?.epoch ?? 2) - 1);
  let attempts = 0;
  while (attempts < wanted) {
    const asked = performance.now();
    ({ attempts } = await system.client.recovery.stats({}));
    // To ask reads the receipts of all: it is done for a tenth of the time at most.
    if (attempts < wanted) await sleep(9 * (performance.now() - asked));
  }
  const recoveredMs = performance.now() - from;
  const peakMb = process.resourceUsage().maxRSS / 1024;
  return { servedMs, recoveredMs, peakMb, receipts: attempts - wanted + sessions };
}
