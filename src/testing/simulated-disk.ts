// A disk that is a model: every operation of a store on it is a numbered point, at which a plan may let it fail or the process
// die, and what is left then is what LevelDB leaves. The same seed and the same calls give the same answers in the same order.
import type { OpenStore, Store } from '../journal/level-store.ts';
import type { DiskGate, DiskOperation } from './disk-gate.ts';
import { DiskImage, type KeyWrite } from './disk-image.ts';
import { type Random, seededRandom } from './seeded-random.ts';
import { SimulatedLevel } from './simulated-level.ts';

/** One operation on the way to the disk. */
export interface DiskPoint {
  /** Counts the operations of the disk, from 1. */
  readonly number: number;
  readonly operation: DiskOperation;
  /** True for a write that is answered only when it is durable. */
  readonly synced: boolean;
}

/**
 * What becomes of one operation. `crash-before`, `crash-after`: the process ends before or after it is carried out, and nobody
 * hears of it. `torn`: it ends in the middle; LevelDB drops half a batch, so that of a write nothing is there. `error-before`,
 * `error-after`: it fails, not carried out or carried out with its answer lost. `full`: there is no room; the next opening
 * fails too. A handle of which a write has failed takes no more writes until it is opened anew, as in LevelDB.
 */
export type DiskFault = 'crash-before' | 'crash-after' | 'torn' | 'error-before' | 'error-after' | 'full';

export interface SimulatedDiskOptions {
  /** What is on it; nothing by default. */
  readonly image?: DiskImage;
  /** The fate of each operation. */
  readonly plan?: (point: DiskPoint) => DiskFault | undefined;
  /**
   * With a seed, operations that are under way at once are carried out and answered in an order of its choice, and LevelDB
   * changes its log file at moments of its choice. Without, each is answered in turn, and there is one log file.
   */
  readonly seed?: number;
  /** Sees each operation just before and just after it is carried out; `image` is what is on the disk then. */
  readonly observe?: (moment: 'before' | 'after', point: DiskPoint, image: DiskImage) => void;
}

export interface SimulatedDisk {
  /** Opens a handle; refuses while another is open. What `syncWritten` does to log files is part of it. */
  readonly open: OpenStore;
  /** How many operations there were. */
  readonly points: number;
  /** Operations that are under way. */
  readonly waiting: number;
  /** What is on it now. */
  readonly image: DiskImage;
  /** The operation at which the plan let the process die: from then on nothing is carried out or answered any more. */
  readonly crashedAt: DiskPoint | undefined;
}

export function simulatedDisk(options: SimulatedDiskOptions = {}): SimulatedDisk {
  return new Disk(options);
}

class Disk implements SimulatedDisk, DiskGate {
  readonly open: OpenStore;
  image: DiskImage;
  points = 0;
  waiting = 0;
  crashedAt: DiskPoint | undefined;
  readonly #options: SimulatedDiskOptions;
  readonly #random: Random | undefined;
  readonly #released: (() => void)[] = [];
  #failingOpens = 0;
  #handle: Store | undefined;

  constructor(options: SimulatedDiskOptions) {
    this.#options = options;
    this.image = options.image ?? DiskImage.of([]);
    this.#random = options.seed === undefined ? undefined : seededRandom(options.seed);
    this.open = Object.assign(() => this.#open(), { syncWritten: () => this.#syncWritten() });
  }

  /** Counts an operation, and carries it out unless the plan has something else in mind. */
  async run<T>(operation: DiskOperation, synced: boolean, carryOut: () => T | Promise<T>): Promise<T> {
    const point = this.#count(operation, synced);
    this.waiting += 1;
    try {
      if (this.#random !== undefined) await this.#turn(this.#random);
      const fault = this.#begin(point);
      const result = await carryOut();
      this.#end(point, fault);
      if (this.crashedAt !== undefined) await never;
      return result;
    } catch (error) {
      if (this.crashedAt !== undefined) await never;
      throw error;
    } finally {
      this.waiting -= 1;
    }
  }

  /** The same for an operation that is answered at once. */
  runSync<T>(operation: DiskOperation, carryOut: () => T): T {
    const point = this.#count(operation, false);
    const fault = this.#begin(point);
    const result = carryOut();
    this.#end(point, fault);
    if (this.crashedAt !== undefined) throw ioError('the process is dead');
    return result;
  }

  write(writes: readonly KeyWrite[], sync: boolean): void {
    if (this.#random !== undefined) {
      if (this.#random() < 0.15) this.image = this.image.rotated();
      if (this.#random() < 0.15) this.image = this.image.compacted();
    }
    this.image = this.image.written(writes, sync);
  }

  #count(operation: DiskOperation, synced: boolean): DiskPoint {
    this.points += 1;
    return { number: this.points, operation, synced };
  }

  #begin(point: DiskPoint): DiskFault | undefined {
    if (this.crashedAt !== undefined) throw ioError('the process is dead');
    this.#options.observe?.('before', point, this.image);
    const fault = this.#options.plan?.(point);
    if (fault === 'crash-before' || fault === 'torn') this.crashedAt = point;
    if (fault === 'full') this.#failingOpens = 1;
    if (fault === undefined || fault === 'crash-after' || fault === 'error-after') return fault;
    throw ioError(messages[fault]);
  }

  #end(point: DiskPoint, fault: DiskFault | undefined): void {
    this.#options.observe?.('after', point, this.image);
    if (fault === 'crash-after') this.crashedAt = point;
    if (fault === 'error-after') throw ioError(messages[fault]);
  }

  async #open(): Promise<Store> {
    const held = this.#handle?.status;
    if (held === 'open' || held === 'opening' || held === 'closing')
      throw ioError('the disk is open already');
    this.#handle = await this.run('open', false, async () => {
      if (this.#failingOpens > 0) {
        this.#failingOpens -= 1;
        throw ioError(messages.full);
      }
      // What a log held is a table now, and synced.
      this.image = DiskImage.of(this.image.entries());
      const handle = new SimulatedLevel(this) as unknown as Store;
      await handle.open();
      return handle;
    });
    return this.#handle;
  }

  #syncWritten(): Promise<void> {
    return this.run('syncWritten', true, () => {
      this.image = this.image.synced();
    });
  }

  /** In each turn of the event loop one of those that wait goes on. */
  #turn(random: Random): Promise<void> {
    return new Promise((resolve) => {
      this.#released.push(resolve);
      setImmediate(() => {
        const [next] = this.#released.splice(Math.floor(random() * this.#released.length), 1);
        next?.();
      });
    });
  }
}

const never = new Promise<never>(() => {});

const messages: Readonly<Record<DiskFault, string>> = {
  'crash-before': 'the process ends',
  'crash-after': 'the process ends',
  torn: 'the process ends',
  'error-before': 'Input/output error, nothing was written',
  'error-after': 'Input/output error, the answer was lost',
  full: 'No space left on device',
};

function ioError(message: string): Error {
  return Object.assign(new Error(message), { code: 'LEVEL_IO_ERROR' });
}
