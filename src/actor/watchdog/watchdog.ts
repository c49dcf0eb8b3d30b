// Names what blocks the event loop: a thread of its own looks whether it turns, and reads in shared memory whose code runs.
import { Worker } from 'node:worker_threads';
import type { WatchdogData } from './watchdog-entry.ts';
import { encode, WatchdogMemory } from './watchdog-memory.ts';

/** What a name says of whose code it is; plain data. */
export type CodeName = Readonly<Record<string, unknown>>;

export interface WatchdogOptions {
  /** So long without a turn of the loop is a stall. */
  readonly stallMs: number;
  /** So long a stall ends the process with SIGKILL; null for never. */
  readonly exitAfterMs: number | null;
  /** A stall is over: `stalledMs`, and the name of whose code it was where that is known. */
  readonly report: (stall: CodeName) => void;
}

export class Watchdog {
  readonly #memory = new WatchdogMemory();
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #ticker: NodeJS.Timeout;
  readonly #names = new WeakMap<object, Uint8Array>();
  #current: object | undefined;
  #forgetting: NodeJS.Immediate | undefined;

  constructor({ stallMs, exitAfterMs, report }: WatchdogOptions) {
    const checkMs = Math.max(5, Math.floor(stallMs / 5));
    const { buffer } = this.#memory;
    const workerData: WatchdogData = { buffer, stallMs, exitAfterMs, checkMs };
    const name = 'holdfast watchdog';
    this.#worker = new Worker(new URL('./watchdog-entry.js', import.meta.url), { workerData, name });
    this.#worker.on('message', report);
    // Without it nothing is watched; nothing else changes.
    this.#worker.on('error', (error) => report({ problem: error.message }));
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => resolve());
    });
    this.#worker.unref();
    this.#ticker = setInterval(() => this.#memory.tick(), checkMs).unref();
  }

  /** Runs code under the name of its owner. */
  run<T>(owner: object & CodeName, code: () => T): T {
    const before = this.#current;
    this.enter(owner);
    try {
      return code();
    } finally {
      this.#write(before);
    }
  }

  /** What runs from now on is the owner's, or nobody's. */
  enter(owner: (object & CodeName) | undefined): void {
    if (owner === this.#current) return;
    if (owner !== undefined && !this.#names.has(owner)) this.#names.set(owner, encode(owner));
    this.#write(owner);
  }

  /** What runs in the rest of this turn is most likely the owner's: its promise has just been settled. */
  goesOn(owner: object & CodeName): void {
    this.enter(owner);
    this.#forgetting ??= setImmediate(() => {
      this.#forgetting = undefined;
      this.enter(undefined);
    }).unref();
  }

  /** Resolves when its thread has ended. */
  async close(): Promise<void> {
    clearInterval(this.#ticker);
    clearImmediate(this.#forgetting);
    this.#memory.close();
    // Held until it has ended: whoever waits for this must not find the process gone.
    this.#worker.ref();
    await this.#exited;
  }

  #write(owner: object | undefined): void {
    this.#current = owner;
    this.#memory.write(owner && this.#names.get(owner));
  }
}
