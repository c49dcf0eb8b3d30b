// A disk that fails when it is told to: memory-level as LevelDB behaves, whose writes a plan lets fail. Data outlive handles.
import { MemoryLevel } from 'memory-level';
import type { OpenStore, Store } from '../journal/level-store.ts';
import { seededRandom } from './seeded-random.ts';

/** `before`: nothing of the write is there. `after`: all of it is, and only the answer is lost. */
export type Fault = 'before' | 'after';

/** Decides the fate of the n-th write since the disk was made, counted from 1. */
export type FaultPlan = (write: number) => Fault | undefined;

export const nthWrite =
  (n: number, fault: Fault): FaultPlan =>
  (write) =>
    write === n ? fault : undefined;

export const everyWrite =
  (fault: Fault): FaultPlan =>
  () =>
    fault;

/** Lets about `rate` of all writes fail, before or after, the same ones for the same seed. */
export function randomWrites(seed: number, rate: number): FaultPlan {
  const random = seededRandom(seed);
  return () => {
    if (random() >= rate) return undefined;
    return random() < 0.5 ? 'before' : 'after';
  };
}

export interface FaultyLevel {
  /** Opens a handle to the data. Like LevelDB, it refuses while another handle is open. */
  readonly open: OpenStore;
  /** How many writes were asked for: batches, puts, deletes and clears. */
  readonly writes: number;
  /** How many of the chained batches among them were synced: each group commit is one. */
  readonly syncs: number;
  /** The keys and values that are there. Changing it is what rot does. */
  readonly data: Pick<Store, 'get' | 'put' | 'del' | 'keys' | 'iterator'>;
  /** From now on writes fail by `plan`. As in LevelDB, a handle that met a fault fails until it is opened anew. */
  failWrites(plan: FaultPlan): void;
  /** The next `count` openings fail, with the code `LEVEL_IO_ERROR` unless another is given. */
  failOpens(count: number, code?: string): void;
  /** Nothing fails any more, once the handle that met a fault was opened anew. */
  heal(): void;
  /** Lets so many more writes pass; those after them wait, before they are carried out, until they are released. */
  holdWrites(after?: number): HeldWrites;
  /** What kill -9 leaves: the handle is gone with all that waited, and what was written is there. */
  crash(): Promise<void>;
}

export interface HeldWrites {
  /** Resolves when the first write waits. */
  readonly arrived: Promise<void>;
  release(): void;
}

export function faultyLevel(): FaultyLevel {
  const disk: Disk = {
    writes: 0,
    syncs: 0,
    plan: () => undefined,
    pass: async () => {},
    failingOpens: 0,
    openCode: ioError,
  };
  const platter = new MemoryLevel<string, string>();
  let handle: Store | undefined;
  return {
    async open() {
      if (disk.failingOpens > 0) {
        disk.failingOpens -= 1;
        throw fault('the disk cannot be opened', disk.openCode);
      }
      if (handle !== undefined && handle.status !== 'closed') throw fault('the disk is open already');
      handle = handleOn(platter, disk);
      await handle.open();
      return handle;
    },
    get writes() {
      return disk.writes;
    },
    get syncs() {
      return disk.syncs;
    },
    data: sublevelOf(platter),
    failWrites(plan) {
      disk.plan = plan;
    },
    failOpens(count, code = ioError) {
      disk.failingOpens = count;
      disk.openCode = code;
    },
    heal() {
      disk.plan = () => undefined;
      disk.failingOpens = 0;
    },
    holdWrites(after = 0) {
      const [arrived, arrive] = signal();
      const [released, release] = signal();
      const last = disk.writes + after;
      disk.pass = async (write) => {
        if (write <= last) return;
        arrive();
        await released;
      };
      return { arrived, release };
    },
    async crash() {
      await handle?.close();
    },
  };
}

interface Disk {
  writes: number;
  syncs: number;
  plan: FaultPlan;
  /** Resolves when the n-th write may be carried out. */
  pass: (write: number) => Promise<void>;
  failingOpens: number;
  openCode: string;
}

/** A sublevel is a handle of its own: it closes for good, and what was written through it stays. */
const sublevelOf = (platter: Store): Store => platter.sublevel('data') as unknown as Store;

type Write = <T>(carryOut: () => Promise<T>) => Promise<T>;

function handleOn(platter: Store, disk: Disk): Store {
  let broken = false;
  const write: Write = async (carryOut) => {
    disk.writes += 1;
    const number = disk.writes;
    const fate = broken ? 'before' : disk.plan(number);
    broken ||= fate !== undefined;
    await disk.pass(number);
    if (fate === 'before') throw fault('the disk failed before the write');
    const result = await carryOut();
    if (fate === 'after') throw fault('the disk failed after the write');
    return result;
  };
  const handle = sublevelOf(platter);
  const { put, del, clear, batch } = handle;
  return Object.assign(handle, {
    put: (...args: unknown[]) => write(() => Reflect.apply(put, handle, args)),
    del: (...args: unknown[]) => write(() => Reflect.apply(del, handle, args)),
    clear: (...args: unknown[]) => write(() => Reflect.apply(clear, handle, args)),
    batch: (...args: unknown[]) =>
      args.length > 0
        ? write(() => Reflect.apply(batch, handle, args))
        : chainedBatch(handle, batch, disk, write),
  });
}

/** An empty batch does not reach the disk. */
function chainedBatch(
  handle: Store,
  batch: Store['batch'],
  disk: Disk,
  write: Write,
): ReturnType<typeof batch> {
  const chained = batch.call(handle);
  const carryOut = chained.write.bind(chained);
  return Object.assign(chained, {
    write: (options: { readonly sync?: boolean } = {}) => {
      if (chained.length === 0) return carryOut(options);
      if (options.sync === true) disk.syncs += 1;
      return write(() => carryOut(options));
    },
  });
}

function signal(): [Promise<void>, () => void] {
  let give = (): void => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return [given, () => give()];
}

const ioError = 'LEVEL_IO_ERROR';

function fault(message: string, code = ioError): Error {
  return Object.assign(new Error(message), { code });
}
