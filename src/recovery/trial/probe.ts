// One try to fold a session's events in a process of its own, bounded in memory and in the time that one event may take. What
// becomes of that process is the answer; this one goes on, whatever it is.
import { type ChildProcess, fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { toError } from '../../base/errors.ts';
import type { Parking } from '../../journal/replay-guard.ts';

export interface ProbeHeader {
  readonly stream: string;
  readonly firstSeq: number;
  /** The seq that `state` is the state of; without one, the place before the first event. */
  readonly from: number;
  readonly state?: string;
  readonly parked: readonly Parking[];
}

/** `damaged`: a record cannot be proven, which is not what is looked for here. `unavailable`: there was no process to ask. */
export type ProbeVerdict =
  | { readonly ok: true }
  | {
      readonly ok: false;
      /** The event that was being folded. */
      readonly seq: number;
      readonly how: 'threw' | 'stalled' | 'died' | 'damaged' | 'unavailable';
      readonly problem: string;
    };

export interface ProbeLimits {
  /** So long the processor may be busy with one event, in milliseconds; ten times that, whatever it is busy with. */
  readonly stallMs: number;
  /** The heap of the process, in megabytes. */
  readonly memoryMb: number;
}

/** Reads records as they are stored, behind a seq. */
export type ReadRecords = (after: number, limit: number) => Promise<readonly string[]>;

const recordsAtOnce = 256;
/** A machine under load takes its time to start a process. */
const startMs = 60_000;

/** Folds the events up to `through` elsewhere, and says how far that went. */
export async function probe(
  header: ProbeHeader,
  through: number,
  read: ReadRecords,
  limits: ProbeLimits,
  signal: AbortSignal,
): Promise<ProbeVerdict> {
  const child = new Probe(limits, header.from);
  const kill = (): void => child.kill();
  signal.addEventListener('abort', kill);
  try {
    await child.write(JSON.stringify(header));
    for (let after = header.from; after < through && child.isOpen; ) {
      const records = await read(after, Math.min(recordsAtOnce, through - after));
      if (records.length === 0) break;
      for (const record of records) await child.write(JSON.stringify(record));
      after += records.length;
    }
    child.end();
    return await child.verdict;
  } finally {
    signal.removeEventListener('abort', kill);
    child.kill();
  }
}

class Probe {
  readonly verdict: Promise<ProbeVerdict>;
  readonly #limits: ProbeLimits;
  readonly #child: ChildProcess;
  readonly #kill = (): void => this.kill();
  #timer: NodeJS.Timeout;
  #seq: number;
  #isFolding = false;
  /** It came as far as its first event. */
  #hasBegun = false;
  #rest = '';
  #said: ProbeVerdict | undefined;
  #isOpen = true;
  #drained: () => void = () => {};

  constructor(limits: ProbeLimits, from: number) {
    this.#limits = limits;
    this.#seq = from;
    const path = fileURLToPath(new URL('./bisect-entry.js', import.meta.url));
    const own = inherited(process.execArgv);
    this.#child = fork(path, [String(limits.memoryMb), String(limits.stallMs)], {
      execArgv: [...own, `--max-old-space-size=${limits.memoryMb}`],
      stdio: ['pipe', 'pipe', 'ignore', 'ipc'],
    });
    process.once('exit', this.#kill);
    const { pid, stdin, stdout } = this.#child;
    yieldTo(pid);
    this.#timer = setTimeout(() => this.kill(), startMs).unref();
    stdin?.on('error', () => this.#close());
    stdin?.on('drain', () => this.#drained());
    stdout?.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    this.verdict = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(this.#unavailable(toError(error).message)));
      this.#child.once('close', (code, signal) => resolve(this.#said ?? this.#died(code, signal)));
    });
    this.verdict.then(() => this.#close(), nothing);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resolves when there is room for more, or nobody reads it any more. */
  async write(line: string): Promise<void> {
    const { stdin } = this.#child;
    if (!this.#isOpen || stdin === null || stdin.write(`${line}\n`)) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  end(): void {
    this.#child.stdin?.end();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** A seq is told before its event is folded, `-` when more is waited for. */
  #hear(text: string): void {
    const words = (this.#rest + text).split('\n');
    this.#rest = words.pop() ?? '';
    for (const word of words) {
      if (word === 'stalled') this.#stall();
      else if (word.startsWith('{')) this.#said = JSON.parse(word) as ProbeVerdict;
      this.#isFolding = word !== '-' && this.#said === undefined;
      if (!this.#isFolding) continue;
      this.#seq = Number(word);
      this.#hasBegun = true;
    }
    clearTimeout(this.#timer);
    const { stallMs } = this.#limits;
    if (this.#said !== undefined) this.#timer = setTimeout(() => this.kill(), startMs).unref();
    else if (this.#isFolding) this.#timer = setTimeout(() => this.#stall(), 10 * stallMs).unref();
  }

  #stall(): void {
    const problem = `it is not folded within ${this.#limits.stallMs} ms`;
    this.#said ??= { ok: false, seq: this.#seq, how: 'stalled', problem };
    this.kill();
  }

  #died(code: number | null, signal: string | null): ProbeVerdict {
    // Before its first event there is none that could have ended it.
    if (!this.#hasBegun || (!this.#isFolding && code === 1))
      return this.#unavailable(`the process ended with ${signal ?? code} before it had folded anything`);
    const problem = `the process that folded it ended with ${signal ?? code}`;
    return { ok: false, seq: this.#seq, how: 'died', problem };
  }

  #unavailable(problem: string): ProbeVerdict {
    return { ok: false, seq: this.#seq, how: 'unavailable', problem };
  }

  #close(): void {
    clearTimeout(this.#timer);
    process.off('exit', this.#kill);
    this.#isOpen = false;
    this.#drained();
  }
}

/** A program that was given as text would run again in the child. */
const inherited = (options: readonly string[]): readonly string[] =>
  options.some((option) => /^(-[ep]+|--eval|--print|--input-type)/.test(option))
    ? []
    : options.filter((option) => !/^--(inspect|max-old-space-size)/.test(option));

/** Whoever serves comes first. */
function yieldTo(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, 10);
  } catch {
    // it has ended already, or the machine does not know priorities
  }
}

function nothing(): void {}
