// The feed campaign: clients write, a stored projection and a process manager follow, and the process dies between any two
// writes of the disk, again and again. In the end both must hold exactly what the journals hold.

import { auditIds, type FeedLife, FeedWorld, sourceIds } from './feed-world.ts';
import { type Harness, seededRandom, type TortureOptions, type TortureResult } from './harness.ts';

const fullRounds = 300;
const shortRounds = 30;
/** Writes of the disk that a life may last. */
const longestLife = 40;
const messagesPerLife = 12;

export const feedHarness: Harness = {
  name: 'feed',
  summary:
    'a projection and a process manager die between any two writes, and catch up to what the journals hold',
  run: runFeed,
};

async function runFeed({ cycles, short, seed, progress }: TortureOptions): Promise<TortureResult> {
  const rounds = cycles ?? (short ? shortRounds : fullRounds);
  const random = seededRandom(seed);
  const world = new FeedWorld();
  const seen = { sent: 0, refused: 0, deaths: 0, faults: 0 };
  await world.live(async (life) => {
    for (const sessionId of [...sourceIds, ...auditIds]) await life.open(sessionId);
  });
  for (let round = 0; round < rounds; round++) {
    if (random() < 0.3) {
      seen.faults += 1;
      world.failOnce(1 + Math.floor(random() * longestLife), random() < 0.5 ? 'before' : 'after');
    }
    seen.deaths += 1;
    await world.dieAfter(Math.floor(random() * longestLife), (life) => writeSome(life, random, seen));
    progress(round + 1, rounds, `${seen.sent} messages sent`);
  }
  return judge(world, seen);
}

async function writeSome(
  life: FeedLife,
  random: () => number,
  seen: { sent: number; refused: number },
): Promise<void> {
  const calls = Array.from({ length: messagesPerLife }, async (_, i) => {
    if (i % 3 === 2) await life.turn();
    const sessionId = sourceIds[Math.floor(random() * sourceIds.length)] ?? '';
    seen.sent += 1;
    await life.send(sessionId, `message ${seen.sent}`).catch(() => {
      seen.refused += 1;
    });
  });
  await Promise.all(calls);
}

/** Every message once in the projection, and once as an audit that names its stream and seq, in the order of its stream. */
async function judge(
  world: FeedWorld,
  seen: { sent: number; refused: number; deaths: number; faults: number },
): Promise<TortureResult> {
  const broken: string[] = [];
  const counts = { messages: 0, audits: 0, lost: 0, doubled: 0, disordered: 0, miscounted: 0 };
  await world.live(async (life) => {
    await life.catchUp();
    const audits = (await Promise.all(auditIds.map((id) => life.messages(id)))).flat();
    counts.audits = audits.length;
    for (const sessionId of sourceIds) {
      const messages = await life.messages(sessionId);
      const expected = messages.map(({ seq }) => `session/${sessionId}:${seq}`);
      const found = audits
        .map(({ content }) => content)
        .filter((name) => name.startsWith(`session/${sessionId}:`));
      counts.messages += messages.length;
      counts.lost += expected.filter((name) => !found.includes(name)).length;
      counts.doubled += found.length - new Set(found).size;
      if (found.join() !== expected.join()) counts.disordered += 1;
      if ((await life.projected(sessionId)) !== messages.length) counts.miscounted += 1;
    }
  });
  if (counts.lost > 0) broken.push(`${counts.lost} messages never reached the process manager`);
  if (counts.doubled > 0) broken.push(`${counts.doubled} messages led to a command twice`);
  if (counts.disordered > 0)
    broken.push(`the audits of ${counts.disordered} sessions are not those of their messages in order`);
  if (counts.miscounted > 0) broken.push(`the projection miscounts ${counts.miscounted} sessions`);
  if (counts.messages === 0 || world.resent === 0)
    broken.push('nothing was put to the test: no message, or no command sent again');
  const rows = Object.entries({ ...seen, ...counts, 'commands sent again after a death': world.resent });
  return { rows, broken };
}
