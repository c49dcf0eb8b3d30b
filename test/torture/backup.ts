// The backup campaign: eight clients write without a pause while backups are made, one of them is killed in the middle, and each is
// restored elsewhere. It must hold all that was answered before it began, and of each session a beginning of what was sent.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Client, createSystem, restoreBackup } from 'holdfast';
import { type Harness, seededRandom, type TortureOptions, type TortureResult } from './harness.ts';

const clients = 8;
const sessionsEach = 4;
const sessionIds = Array.from({ length: clients * sessionsEach }, (_, i) => `s${i}`);

/** The newest message of each session that was sent, and that was answered. */
type Newest = Map<string, number>;

interface Seen {
  readonly broken: string[];
  backups: number;
  restoredMessages: number;
  /** Answered while a backup was being made: writers were not held up. */
  answeredMeanwhile: number;
  /** In a backup, but answered only after it began. */
  ahead: number;
  killed: number;
}

export const backupHarness: Harness = {
  name: 'backup',
  summary:
    'backups while 8 clients write, one killed in the middle: restored, each holds all that was answered before',
  run: runBackup,
};

async function runBackup({ cycles, short, seed, progress }: TortureOptions): Promise<TortureResult> {
  const rounds = cycles ?? (short ? 2 : 20);
  const root = await mkdtemp(join(tmpdir(), 'holdfast-torture-backup-'));
  const seen: Seen = {
    broken: [],
    backups: 0,
    restoredMessages: 0,
    answeredMeanwhile: 0,
    ahead: 0,
    killed: 0,
  };
  const sent: Newest = new Map();
  const answered: Newest = new Map();
  try {
    await runRounds({ root, rounds, seed, sent, answered, seen, progress });
    await killRound({ root, seed, sent, answered, seen });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  if (seen.restoredMessages === 0 || seen.answeredMeanwhile === 0 || seen.killed === 0)
    seen.broken.push(
      'nothing was put to the test: nothing restored, written meanwhile, or killed in the middle',
    );
  const { broken, ...rows } = seen;
  return { rows: Object.entries({ rounds, ...rows }), broken };
}

interface Campaign extends Pick<TortureOptions, 'seed'> {
  readonly root: string;
  readonly sent: Newest;
  readonly answered: Newest;
  readonly seen: Seen;
}

async function runRounds(
  campaign: Campaign & Pick<TortureOptions, 'progress'> & { readonly rounds: number },
): Promise<void> {
  const { root, rounds, seed, sent, answered, seen, progress } = campaign;
  const system = await createSystem({ location: join(root, 'store') });
  const { client } = system;
  for (const sessionId of sessionIds) await client.sessions.create({ sessionId });
  let writing = true;
  const random = seededRandom(seed);
  const writers = Array.from({ length: clients }, async (_, index) => {
    for (let turn = 0; writing; turn++)
      await write(client, sessionIds[index * sessionsEach + (turn % sessionsEach)] ?? '', sent, answered);
  });
  try {
    for (let round = 0; round < rounds; round++) {
      for (let pause = random() * 20; pause > 0; pause--) await client.sessions.get({ sessionId: 's0' });
      const before = new Map(answered);
      const { path } = await client.backups.create();
      seen.backups += 1;
      seen.answeredMeanwhile += total(answered) - total(before);
      await judge({ ...campaign, path, before, sent: new Map(sent) });
      progress(round + 1, rounds, `${total(answered)} messages`);
    }
  } finally {
    writing = false;
    await Promise.all(writers);
    await system.close();
  }
}

async function write(client: Client, sessionId: string, sent: Newest, answered: Newest): Promise<void> {
  const n = (sent.get(sessionId) ?? 0) + 1;
  sent.set(sessionId, n);
  await client.messages.send({ sessionId, role: 'user', content: String(n) });
  answered.set(sessionId, n);
}

/** Restores a backup to a place of its own and reads every session there. */
async function judge({
  root,
  path,
  before,
  sent,
  seen,
}: Campaign & { readonly path: string; readonly before: Newest }): Promise<void> {
  const location = join(root, 'restored');
  await restoreBackup({ from: path, to: location });
  const system = await createSystem({ location });
  for (const sessionId of sessionIds) {
    const found = await messagesOf(system.client, sessionId);
    const [least, most] = [before.get(sessionId) ?? 0, sent.get(sessionId) ?? 0];
    seen.restoredMessages += found.length;
    seen.ahead += Math.max(0, found.length - least);
    if (found.some((content, i) => content !== String(i + 1)))
      seen.broken.push(`${sessionId} has in its backup not the beginning of what was sent`);
    if (found.length < least)
      seen.broken.push(
        `${sessionId} lacks in its backup ${least - found.length} messages that were answered before`,
      );
    if (found.length > most) seen.broken.push(`${sessionId} has in its backup more than was sent`);
  }
  await system.close();
  await rm(location, { recursive: true });
}

async function messagesOf(client: Client, sessionId: string): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await client.messages.list({
      sessionId,
      limit: 1000,
      ...(cursor !== undefined && { cursor }),
    });
    found.push(...page.items.map(({ content }) => content));
    cursor = page.cursor;
  }
  return found;
}

/** SIGKILL in the middle of a backup: what was answered is there, and what was unfinished is no backup and goes. */
async function killRound({ root, seed, sent, answered, seen }: Campaign): Promise<void> {
  const location = join(root, 'store');
  const backupDirectory = join(root, 'store-backups');
  const whole = (await namesOf(backupDirectory)).length;
  await kill({ location, backupDirectory, sessions: sessionIds.length }, seed, answered);
  const left = await namesOf(backupDirectory);
  if (left.some((name) => name.includes('.'))) seen.killed += 1;
  const system = await createSystem({ location });
  for (const sessionId of sessionIds) {
    const found = await messagesOf(system.client, sessionId);
    if (found.length < (answered.get(sessionId) ?? 0))
      seen.broken.push(`${sessionId} lost what was answered`);
    sent.set(sessionId, found.length);
  }
  const listed = await system.client.backups.list();
  if (listed.length !== whole || listed.some(({ status }) => status !== 'verified'))
    seen.broken.push('a backup that was killed is listed as one');
  const { path } = await system.client.backups.create();
  if ((await namesOf(backupDirectory)).some((name) => name.includes('.')))
    seen.broken.push('what a kill has left of a backup stays');
  await judge({ root, seed, seen, path, answered, before: new Map(answered), sent });
  await system.close();
}

const namesOf = async (directory: string): Promise<readonly string[]> =>
  existsSync(directory) ? readdir(directory) : [];

async function kill(job: object, seed: number, answered: Newest): Promise<void> {
  const child = fork(findWorker(), [JSON.stringify(job)]);
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  let after = 100 + Math.floor(seededRandom(seed)() * 400);
  child.on('message', (word: { sessionId?: string; n?: number; finished?: boolean }) => {
    if (word.sessionId !== undefined) answered.set(word.sessionId, word.n ?? 0);
    // Counted in answers, not in time: a slow machine is hit in the middle too.
    if (word.finished || --after === 0) end();
  });
  await once(child, 'close');
  process.off('exit', end);
}

const total = (newest: Newest): number => [...newest.values()].reduce((sum, n) => sum + n, 0);

function findWorker(): string {
  const compiled = import.meta.url.endsWith('.ts')
    ? '../../.build/test/torture/backup-worker.js'
    : './backup-worker.js';
  const path = fileURLToPath(new URL(compiled, import.meta.url));
  if (existsSync(path)) return path;
  throw new Error(`${path} is missing: run "npm run build:programs" first`);
}
