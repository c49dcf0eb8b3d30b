// The agents harness: a process whose agent has fifty steps is killed at random until the run has ended. The result is that of a run
// that was left alone, and no step whose result was durable has run twice.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { type Ran, undisturbed } from './agents/fifty-steps.ts';
import { type Harness, seededRandom, type TortureOptions, type TortureResult } from './harness.ts';

export const agentsHarness: Harness = {
  name: 'agents',
  summary: 'SIGKILL at random in a 50-step agent with effects, a child, a sleep and an approval (200 kills)',
  async run(options) {
    const location = mkdtempSync(join(tmpdir(), 'holdfast-agents-'));
    try {
      return await new Campaign(location, options).run();
    } finally {
      rmSync(location, { recursive: true, force: true, maxRetries: 5 });
    }
  },
};

interface Said {
  readonly lines: readonly string[];
  readonly ended: boolean;
}

interface Ended {
  readonly runId: string;
  readonly status: string;
  readonly result: unknown;
  readonly error: unknown;
}

interface Event {
  readonly seq: number;
  readonly type: string;
  readonly data: {
    readonly runId?: string;
    readonly step?: string;
    readonly incarnation?: number;
    readonly decision?: string;
  };
}

/** A run that is killed so often is then left alone, so that each campaign has several. */
const killsPerRun = 12;
const longestRunMs = 600;

class Campaign {
  readonly #location: string;
  readonly #options: TortureOptions;
  readonly #random: () => number;
  readonly #broken: string[] = [];
  #kills = 0;
  #approvals = 0;
  #runs = 0;
  #again = 0;
  #unknown = 0;
  #steps = 0;

  constructor(location: string, options: TortureOptions) {
    this.#location = location;
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  async run(): Promise<TortureResult> {
    const { cycles, short, progress } = this.#options;
    const wanted = cycles ?? (short ? 6 : 200);
    while (this.#kills < wanted) {
      await this.#oneRun(Math.min(wanted - this.#kills, short ? 6 : killsPerRun));
      progress(Math.min(this.#kills, wanted), wanted, `${this.#runs} runs`);
    }
    return {
      rows: [
        ...([
          ['kills', this.#kills],
          ['runs', this.#runs],
          ['steps recorded', this.#steps],
        ] as const),
        ['approvals given while nobody ran', this.#approvals],
        ['functions run again: their result was not durable', this.#again],
        ['effects found unknown, and classified', this.#unknown],
      ],
      broken: this.#broken,
    };
  }

  async #oneRun(kills: number): Promise<void> {
    const run = this.#runs++;
    const ledger = join(this.#location, `ledger-${run}`);
    writeFileSync(ledger, '');
    let isApproved = false;
    for (let left = kills; ; left--) {
      if (!isApproved && (left <= 1 || (left * 3 <= kills * 2 && this.#random() < 0.2)))
        isApproved = await this.#approve(ledger, run);
      // One that was killed before it had begun could not be approved, and would wait for it for ever.
      const mayEnd = left <= 0 && isApproved;
      const killAfterMs = mayEnd ? undefined : Math.floor(this.#random() ** 2 * longestRunMs);
      const { lines, ended } = await this.#process('run', ledger, run, killAfterMs);
      if (!ended) {
        this.#kills += 1;
        continue;
      }
      const last = lines.find((line) => line.startsWith('ended '));
      if (last !== undefined) {
        await this.#judge(ledger, run, JSON.parse(last.slice(6)) as Ended);
        return;
      }
      this.#broken.push(`run ${run}: its process has ended by itself: ${lines.join(' | ').slice(0, 500)}`);
      return;
    }
  }

  /** Nobody runs the agent meanwhile: it is not even registered. False where the run was not started yet. */
  async #approve(ledger: string, run: number): Promise<boolean> {
    const { lines } = await this.#process('approve', ledger, run, undefined);
    const isGiven = lines.includes('approved');
    if (isGiven) this.#approvals += 1;
    return isGiven;
  }

  async #judge(ledger: string, run: number, { runId, status, result, error }: Ended): Promise<void> {
    if (status !== 'completed' || !isDeepStrictEqual(result, undisturbed))
      this.#broken.push(`run ${run} is ${status} with ${JSON.stringify(result ?? error)}`);
    const { lines } = await this.#process('read', ledger, run, undefined);
    const events = lines
      .filter((line) => line.startsWith('event '))
      .map((line) => JSON.parse(line.slice(6)) as Event);
    const ran = readFileSync(ledger, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Ran);
    const finished = events.filter(({ type }) => type === 'step.completed' || type === 'step.failed');
    this.#steps += finished.length;
    this.#again += ran.length - new Set(ran.map(({ runId: of, step }) => `${of} ${step}`)).size;
    this.#unknown += events.filter(({ type }) => type === 'effect.unknown').length;
    this.#judgeSteps(run, finished, ran);
    this.#judgeEffects(run, runId, events, ran);
  }

  #judgeSteps(run: number, finished: readonly Event[], ran: readonly Ran[]): void {
    const once = new Set<string>();
    for (const { data } of finished) {
      const name = `${data.runId} ${data.step}`;
      if (once.has(name)) this.#broken.push(`run ${run}: ${name} is recorded twice`);
      once.add(name);
      const later = ran.filter(
        ({ runId, step, incarnation }) =>
          `${runId} ${step}` === name && incarnation > (data.incarnation ?? 0),
      );
      if (later.length > 0)
        this.#broken.push(`run ${run}: ${name} has run again, though its result was durable`);
    }
    const missing = ran.filter(({ runId, step }) => !once.has(`${runId} ${step}`) && step !== 'tell');
    if (missing.length > 0) this.#broken.push(`run ${run}: ${missing[0]?.step} has run, and is not recorded`);
  }

  /** Each time that an effect has run it was announced: as started, or as unknown and to be tried again. */
  #judgeEffects(run: number, runId: string, events: readonly Event[], ran: readonly Ran[]): void {
    for (const step of ['pay', 'tell']) {
      const of = events.filter(({ data }) => data.runId === runId && data.step === step);
      const announced = of.filter(
        ({ type, data }) =>
          type === 'effect.started' || (type === 'effect.unknown' && data.decision === 'retried'),
      ).length;
      const times = ran.filter((entry) => entry.runId === runId && entry.step === step).length;
      const started = of.filter(({ type }) => type === 'effect.started').length;
      if (times > announced)
        this.#broken.push(`run ${run}: ${step} has run ${times} times, ${announced} announced`);
      if (started !== 1) this.#broken.push(`run ${run}: ${step} was started ${started} times`);
      if (step === 'tell' && times > 1)
        this.#broken.push(`run ${run}: ${step} was repeated without being asked`);
    }
  }

  /** Killed `killAfterMs` after it serves, or left alone. */
  #process(mode: string, ledger: string, run: number, killAfterMs: number | undefined): Promise<Said> {
    const child = spawn(
      process.execPath,
      [findWorker(), mode, join(this.#location, 'store'), ledger, String(run)],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let said = '';
    let killer: NodeJS.Timeout | undefined;
    const kill = (): void => void child.kill('SIGKILL');
    process.prependListener('exit', kill);
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      if (killAfterMs !== undefined && killer === undefined && said.startsWith('serving'))
        killer = setTimeout(kill, killAfterMs);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (_code, signal) => {
        clearTimeout(killer);
        process.off('exit', kill);
        resolve({ lines: said.split('\n').filter(Boolean), ended: signal === null });
      });
    });
  }
}

function findWorker(): string {
  const compiled = import.meta.url.endsWith('.ts')
    ? '../../.build/test/torture/agents-worker.js'
    : './agents-worker.js';
  return fileURLToPath(new URL(compiled, import.meta.url));
}
