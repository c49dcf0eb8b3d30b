// The power harness: a process that serves clients on a real LevelDB is killed, its files are cut to what was synced of them, and the
// next process must find what was acknowledged. A control, whose disk lies, shows that the cut is real.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import type { Harness, TortureOptions, TortureResult } from './harness.ts';
import { readLines } from './kill/lines.ts';
import { Books } from './power/books.ts';
import { type Lengths, lengthsIn, losePower } from './power/power-loss.ts';
import type { PowerJob, PowerWord } from './power-worker.ts';

const fullCycles = 300;
const shortCycles = 10;
/** A store is left after so many cycles: those behind it are read once more, all of them. */
const cyclesPerStore = 50;
const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\.build\/$/, '');
const built = join(root, '.build/test/torture');

export const powerHarness: Harness = {
  name: 'power',
  summary: 'loss of power: files are cut to what was synced of them (300 cycles, Linux with a C compiler)',
  run,
};

async function run(options: TortureOptions): Promise<TortureResult> {
  const shim = compiledShim();
  if (shim === undefined) return { rows: [], broken: [], skipped: 'it needs Linux and a C compiler, cc' };
  const cycles = options.cycles ?? (options.short ? shortCycles : fullCycles);
  const controls = Math.max(2, Math.round(cycles / 10));
  const honest = new PowerCycles(shim, options, false);
  const lying = new PowerCycles(shim, { ...options, progress: () => {} }, true);
  await honest.run(cycles);
  await lying.run(controls);
  const { lost, holes } = honest.books;
  const seen = lying.books.lost.length + lying.refused.length;
  return {
    rows: [
      ['cycles', cycles],
      ['messages acknowledged', honest.books.acknowledged],
      ['bytes cut off', honest.bytesLost],
      ['acknowledged and lost', lost.length],
      ['holes', holes.length],
      ['stores that did not open', honest.refused.length],
      ['answers of class os that were lost, lawfully', honest.books.tails],
      ['control: cycles on a disk that lies', controls],
      ['control: messages acknowledged', lying.books.acknowledged],
      ['control: sessions that lost what was sure', lying.books.lost.length],
      ['control: stores that did not open', lying.refused.length],
    ],
    broken: [
      ...some('acknowledged and lost', lost),
      ...some('holes', holes),
      ...some('stores that did not open', honest.refused),
      ...(honest.bytesLost === 0 ? ['no loss of power cut anything off'] : []),
      ...(seen === 0 ? ['the control lost nothing that could be seen: the cut is not real'] : []),
    ],
  };
}

/** Undefined where it cannot be made. */
export function compiledShim(): string | undefined {
  const target = join(built, 'power/shim.so');
  try {
    mkdirSync(dirname(target), { recursive: true });
    const source = join(root, 'test/torture/power/shim.c');
    execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', target, source, '-ldl'], { stdio: 'ignore' });
    return process.platform === 'linux' && existsSync(target) ? target : undefined;
  } catch {
    return undefined;
  }
}

class PowerCycles {
  readonly books = new Books();
  readonly refused: string[] = [];
  bytesLost = 0;
  readonly #shim: string;
  readonly #options: TortureOptions;
  readonly #lies: boolean;
  readonly #random: () => number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-power-'));

  constructor(shim: string, options: TortureOptions, lies: boolean) {
    this.#shim = shim;
    this.#options = options;
    this.#lies = lies;
    this.#random = seededRandom(options.seed);
  }

  async run(cycles: number): Promise<void> {
    const cleanUp = (): void => rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
    process.once('exit', cleanUp);
    try {
      // Of a disk that lies nothing is left: each cycle has a store of its own.
      const each = this.#lies ? 1 : cyclesPerStore;
      for (let first = 1; first <= cycles; first += each)
        await this.#store(first, Math.min(cycles, first + each - 1));
    } finally {
      process.off('exit', cleanUp);
      cleanUp();
    }
  }

  async #store(first: number, last: number): Promise<void> {
    const location = join(this.#folder, `s${first}`);
    // Made in order, by a process that ends in order: it is there.
    await this.#live({ location, look: [], write: [], syncEvery: 5 });
    let written: string[] = [];
    const all: string[] = [];
    for (let cycle = first; cycle <= last; cycle++) {
      const write = sessionsOf(cycle);
      for (const { session, durability } of write) this.books.open(session, durability);
      const opened = await this.#cycle(location, { location, look: written, write, syncEvery: 5 });
      written = write.map(({ session }) => session);
      all.push(...written);
      this.#options.progress(cycle, last, `${this.books.acknowledged} acknowledged`);
      if (!opened) break;
    }
    if (!(await this.#live({ location, look: all, write: [], syncEvery: 5 }))) this.books.loseAll(written);
    this.books.forget();
    rmSync(location, { recursive: true });
  }

  /** Serves, is killed at a moment of chance, and loses power. False when it did not open. */
  async #cycle(location: string, job: PowerJob): Promise<boolean> {
    const notes = join(this.#folder, 'notes');
    rmSync(notes, { force: true });
    const before: Lengths = lengthsIn(location);
    const opened = await this.#live(job, { notes, killAfterMs: 20 + this.#random() * 300 });
    // Half of them take all that was not synced, half a part of it.
    const some = this.#lies || this.#random() < 0.5 ? undefined : this.#random;
    this.bytesLost += losePower(location, before, notes, some);
    return opened;
  }

  #live(job: PowerJob, end?: { readonly notes: string; readonly killAfterMs: number }): Promise<boolean> {
    const shimmed = {
      LD_PRELOAD: this.#shim,
      POWER_DIR: job.location,
      POWER_LOG: end?.notes,
      ...(this.#lies && { POWER_FORGET: '1' }),
    };
    const child = spawn(process.execPath, [join(built, 'power-worker.js'), JSON.stringify(job)], {
      env: { ...process.env, ...(end && shimmed) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return this.#ended(child, end?.killAfterMs);
  }

  #ended(child: ChildProcess, killAfterMs: number | undefined): Promise<boolean> {
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    let served = false;
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    if (child.stdout !== null) {
      readLines<PowerWord>(child.stdout, (word) => {
        this.books.hear(word);
        if (word.word !== 'serving') return;
        served = true;
        if (killAfterMs !== undefined) setTimeout(kill, killAfterMs);
      });
    }
    return new Promise((resolve) => {
      child.once('close', () => {
        process.off('exit', kill);
        if (!served) this.refused.push(lastLine(errors));
        resolve(served);
      });
    });
  }
}

function sessionsOf(cycle: number): PowerJob['write'] {
  return Array.from({ length: 6 }, (_, n) => ({
    session: `c${cycle}-${n}`,
    durability: n % 3 === 2 ? ('os' as const) : ('fsync' as const),
  }));
}

const lastLine = (text: string): string => /^.*Error.*$/m.exec(text)?.[0] ?? text.trim().slice(-200);

function some(what: string, found: readonly string[]): string[] {
  return found.length === 0 ? [] : [`${what}: ${found.length}, such as ${found.slice(0, 3).join('; ')}`];
}
