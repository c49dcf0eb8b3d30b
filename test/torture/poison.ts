// The poison campaign: sessions at whose events a version with a bug throws, loops, or takes all memory, beside healthy ones. The
// processes that fold them die, by a real kill; the next serves all healthy ones before anything is tried, and the others end
// quarantined and readable.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Harness, seededRandom, type TortureOptions, type TortureResult } from './harness.ts';

interface PoisonedSession {
  readonly sessionId: string;
  readonly how: 'throw' | 'loop' | 'memory';
  readonly contents: readonly string[];
  /** It is due at every start. */
  readonly isAtWork: boolean;
}

export interface PoisonJob {
  readonly mode: 'write' | 'ask' | 'serve';
  readonly location: string;
  readonly healthy: readonly string[];
  readonly poisoned: readonly PoisonedSession[];
  readonly stallMs: number;
  readonly ask?: string;
}

export interface ServeReport {
  readonly openMs: number;
  readonly servedMs: number;
  readonly trialsMs: number;
  /** Trials that began before every healthy session had answered. */
  readonly before: number;
  /** Healthy sessions that did not answer. */
  readonly refused: number;
  /** The slowest answer of a healthy session while others were tried. */
  readonly slowestMs: number;
  readonly bisections: number;
  readonly quarantined: readonly string[];
  readonly poisoned: readonly {
    readonly sessionId: string;
    /** What a write came to. */
    readonly write: string;
    readonly contents: readonly string[];
    readonly parked: readonly number[];
  }[];
}

export const poisonHarness: Harness = {
  name: 'poison',
  summary:
    'sessions that kill the process that folds them, beside 1,000 healthy ones that serve all the while',
  run: runPoison,
};

async function runPoison({ cycles, short, seed, progress }: TortureOptions): Promise<TortureResult> {
  const healthy = Array.from({ length: short ? 50 : 1_000 }, (_, i) => `well-${i}`);
  const poisoned = poisonedSessions(cycles ?? (short ? 2 : 10), seededRandom(seed));
  const location = await mkdtemp(join(tmpdir(), 'holdfast-torture-poison-'));
  const job = { location, healthy, poisoned, stallMs: short ? 300 : 2_000 };
  const broken: string[] = [];
  try {
    await killed(start({ ...job, mode: 'write' }), 'written');
    const fatal = poisoned.filter(({ how }) => how !== 'throw');
    for (const [index, session] of fatal.entries()) {
      await die(job, session, broken);
      progress(index + 1, fatal.length + 1, `killed while ${session.sessionId} was folded`);
    }
    const report = await serve({ ...job, mode: 'serve' });
    progress(fatal.length + 1, fatal.length + 1, 'served');
    judge(job, report, broken);
    const { poisoned: _, quarantined, ...rows } = report;
    const counts = { healthy: healthy.length, poisoned: poisoned.length, killed: fatal.length };
    const rounded = Object.entries(rows).map(([name, value]) => [name, Math.round(value)] as const);
    return {
      rows: [...Object.entries(counts), ...rounded, ['quarantinedAfterRetry', quarantined.length]],
      broken,
    };
  } finally {
    await rm(location, { recursive: true, force: true });
  }
}

const ways = ['loop', 'memory', 'throw'] as const;

function poisonedSessions(count: number, random: () => number): readonly PoisonedSession[] {
  return Array.from({ length: count }, (_, i) => {
    const how = ways[i % ways.length] ?? 'throw';
    const length = 5 + Math.floor(random() * 30);
    const at = Math.floor(random() * length);
    const contents = Array.from({ length }, (_, n) => (n === at ? `poison:${how}` : `message ${n}`));
    return { sessionId: `${how}-${i}`, how, contents, isAtWork: i === 0 };
  });
}

/** A process folds the session, because it is due or because it is asked for, and does not outlive that. */
async function die(
  job: Omit<PoisonJob, 'mode'>,
  { sessionId, how, isAtWork }: PoisonedSession,
  broken: string[],
): Promise<void> {
  const child = start({ ...job, mode: 'ask', ...(!isAtWork && { ask: sessionId }) });
  const closed = once(child, 'close');
  let isOver = false;
  void closed.then(() => {
    isOver = true;
  });
  for (const path = join(job.location, 'replaying'); !isOver; await sleep(10)) {
    const noted = (await readFile(path, 'latin1').catch(() => '')).includes(sessionId);
    if (noted && how === 'loop') child.kill('SIGKILL');
  }
  const [code, signal] = await closed;
  if (code === 0) broken.push(`${sessionId} was folded by a process that outlived it`);
  else if (signal === null && code !== 134) broken.push(`the process of ${sessionId} ended with ${code}`);
}

function judge({ poisoned }: Omit<PoisonJob, 'mode'>, report: ServeReport, broken: string[]): void {
  if (report.refused > 0) broken.push(`${report.refused} healthy sessions did not answer`);
  if (report.before > 0)
    broken.push(`${report.before} trials began before all healthy sessions had answered`);
  if (report.bisections < poisoned.length) broken.push('not every poisoned session was tried');
  if (report.quarantined.length > 0) broken.push('a session that was retried is quarantined again');
  for (const { sessionId, contents } of poisoned) {
    const seen = report.poisoned.find((one) => one.sessionId === sessionId);
    const whole = contents.filter((content) => !content.startsWith('poison:'));
    if (seen?.write !== 'SESSION_QUARANTINED') broken.push(`a write to ${sessionId} led to ${seen?.write}`);
    if (seen?.parked.length !== 1) broken.push(`${seen?.parked.length} events of ${sessionId} are parked`);
    if (JSON.stringify(seen?.contents) !== JSON.stringify(whole))
      broken.push(`${sessionId} does not show what is left of it`);
  }
}

function start(job: PoisonJob): ChildProcess {
  const preload = pathToFileURL(findBuilt('support/poisoned-law-child')).href;
  const heap = job.mode === 'ask' ? ['--max-old-space-size=160'] : [];
  const execArgv = job.mode === 'write' ? [] : ['--import', preload, ...heap];
  const stdio = ['ignore', 'inherit', job.mode === 'ask' ? 'ignore' : 'inherit', 'ipc'] as const;
  return fork(findBuilt('torture/poison-worker'), [JSON.stringify(job)], { execArgv, stdio: [...stdio] });
}

async function killed(child: ChildProcess, word: string): Promise<void> {
  const closed = once(child, 'close');
  child.on('message', ({ type }: { readonly type: string }) => type === word && child.kill('SIGKILL'));
  await closed;
}

async function serve(job: PoisonJob): Promise<ServeReport> {
  const child = start(job);
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  const reports: ServeReport[] = [];
  child.on('message', (word: { readonly report: ServeReport }) => reports.push(word.report));
  const [code] = await once(child, 'close');
  process.off('exit', end);
  const [report] = reports;
  if (report === undefined) throw new Error(`the serving process ended with ${code} and no report`);
  return report;
}

function findBuilt(program: string): string {
  const here = import.meta.url.endsWith('.ts') ? '../../.build/test/' : '../';
  const path = fileURLToPath(new URL(`${here}${program}.js`, import.meta.url));
  if (existsSync(path)) return path;
  throw new Error(`${path} is missing: run "npm run build:programs" first`);
}
