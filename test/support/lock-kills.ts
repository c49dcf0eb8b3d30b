// Kills a process whose sessions hold locks, again and again over one store, and looks each time at what it has left: long after,
// by a clock of its own, so that nothing has to be waited for.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createSystem } from '../../src/system.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { quiet } from './outcome.ts';

const program = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.js')
      ? './lock-holder-child.js'
      : '../../.build/test/support/lock-holder-child.js',
    import.meta.url,
  ),
);

/** Of what stood for longer, the one thing that is left. */
const lasting = 'stalled of b';

interface Word {
  readonly token?: number;
  readonly name?: string;
  readonly sessionId?: string;
  readonly released?: number;
}

export interface LockKills {
  readonly broken: readonly string[];
  /** Grants that were answered before a kill. */
  readonly granted: number;
  /** Locks that were held when the process was killed, as was found afterwards. */
  readonly left: number;
}

export async function killHolders(location: string, kills: number, random: () => number): Promise<LockKills> {
  const broken: string[] = [];
  let [granted, left, newest] = [0, 0, 0];
  // The time of a stream never goes back: whoever looks next goes on from where the one before was.
  let startMs = Date.now();
  for (let round = 0; round < kills; round++) {
    const { tokens, released } = await killOne(location, round, 20 + Math.floor(random() * 60));
    granted += tokens.length;
    for (const [i, token] of tokens.entries())
      if (token <= (tokens[i - 1] ?? newest)) broken.push(`${token} came behind a greater token`);
    newest = Math.max(newest, ...tokens);
    const found = await lookAt(location, { released, newest, startMs });
    broken.push(...found.broken);
    left += found.left;
    newest = found.newest;
    startMs = Math.max(Date.now(), found.now);
  }
  return { broken, granted, left };
}

/** What was told until it had told so much, in the order of the grants. */
async function killOne(
  location: string,
  round: number,
  words: number,
): Promise<{ readonly tokens: readonly number[]; readonly released: ReadonlySet<number> }> {
  const child = fork(program, [location, String(round)]);
  const tokens: number[] = [];
  const released = new Set<number>();
  let heard = 0;
  child.on('message', ({ token, released: given }: Word) => {
    if (token !== undefined) tokens.push(token);
    if (given !== undefined) released.add(given);
    heard += 1;
    if (heard === words) child.kill('SIGKILL');
  });
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error('the process ended by itself');
  return { tokens: tokens.sort((a, b) => a - b), released };
}

/** Every short lease is over in its time; what is to last is held by whoever waited for it. */
async function lookAt(
  location: string,
  {
    released,
    newest,
    startMs,
  }: { readonly released: ReadonlySet<number>; readonly newest: number; readonly startMs: number },
): Promise<{
  readonly broken: readonly string[];
  readonly left: number;
  readonly newest: number;
  readonly now: number;
}> {
  const broken: string[] = [];
  const clock = manualClock(startMs);
  const system = await createSystem({ location, clock });
  try {
    const { locks, roster } = system.client;
    await quiet(100);
    const held = (await locks.list()).items;
    for (const { name, holder } of held) {
      const token = holder?.fencingToken ?? 0;
      if (released.has(token)) broken.push(`${name} is held under ${token}, which was released`);
      if (name === 'volatile') broken.push(`${name} is held by ${holder?.sessionId}, which is gone`);
    }
    const shown = async (): Promise<string> =>
      (await locks.list()).items.map(({ name, holder }) => `${name} of ${holder?.sessionId}`).join();
    const members = async (): Promise<number> => (await roster.stats()).total;
    const settled = async (): Promise<boolean> => (await shown()) === lasting && (await members()) === 0;
    // Whoever waited when he was killed has his turn too, for as long as he asked for it.
    for (let step = 0; step < 15 && !(await settled()); step++) {
      await clock.advance(10_000);
      // What is due is decided before what is asked.
      await Promise.all([locks.revoke({ name: 'none' }), roster.leave({ sessionId: 'none' })]);
    }
    if (!(await settled()))
      broken.push(`in the end ${await shown()} is held, ${await members()} on the roster`);
    const after = (await locks.list()).items;
    for (const { name } of after) await locks.revoke({ name });
    const next = await locks.acquire({ sessionId: 'a', name: 'one more', waitMs: 0 });
    if (next.fencingToken <= newest) broken.push(`${next.fencingToken} is no greater than ${newest}`);
    await locks.release({ sessionId: 'a', name: 'one more', fencingToken: next.fencingToken });
    return { broken, left: held.length, newest: next.fencingToken, now: clock.now() };
  } finally {
    await system.close();
  }
}
