// The scrub: reads all that is stored and checks it, slowly, so that rot is found while there are still other copies. It goes
// on where it was after a restart, and never runs twice at once.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import type { KeyValue } from '../journal.ts';
import type { LevelStore } from '../level-store.ts';
import type { NamedDamage } from './named-damage.ts';
import { type Damage, type Walk, walkStart } from './scrub-check.ts';
import { type Slice, scrubSlice, sliceBytes } from './scrub-slice.ts';
import type { TableScrub } from './table-scrub.ts';

export { NamedDamage } from './named-damage.ts';
export type { Damage } from './scrub-check.ts';

export interface ScrubReport {
  readonly streams: number;
  readonly records: number;
  readonly bytes: number;
  /** How many places were damaged. */
  readonly damaged: number;
  /** The first hundred of them. */
  readonly findings: readonly Damage[];
  /** From the beginning on, pauses of the process included. */
  readonly tookMs: number;
}

export interface LastScrub {
  /** When it ended, in milliseconds since the epoch. */
  readonly at: number;
  readonly records: number;
  readonly damaged: number;
}

export interface ScrubOptions {
  readonly store: LevelStore;
  readonly kv: Pick<KeyValue, 'get' | 'batch'>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly bytesPerSecond: number;
  /** Forgets a snapshot that is damaged: there are others, or the whole journal. */
  readonly drop: (stream: string, key: string) => Promise<void>;
  /** Outlives it. */
  readonly named: NamedDamage;
  /** Events, or a head, of a stream do not hold; called when it is named. */
  readonly onDamage: (damage: Damage) => void;
  /** Of a record that does not hold: true for one that nobody holds against its stream any more. */
  readonly isGivenUp?: (stream: string, seq: number) => Promise<boolean>;
  /** Looks at the files of the database, where it has any. */
  readonly tables?: TableScrub | undefined;
}

interface Progress extends Omit<ScrubReport, 'tookMs'> {
  readonly walk: Walk;
  readonly startedAt: number;
}

interface Stored {
  readonly progress: Progress | null;
  readonly last: LastScrub | null;
}

const placeKey = 'storage/scrub';
const findingsKept = 100;

/** How often it notes where it is, in slices: what it read since is read again after a restart. */
const slicesPerNote = 64;

export class Scrub {
  readonly #options: ScrubOptions;
  #running: Promise<ScrubReport> | undefined;
  #last: LastScrub | null | undefined;
  #stopped = false;
  #wake = (): void => {};

  constructor(options: ScrubOptions) {
    this.#options = options;
  }

  /** The last one that ended: read once, and known from then on, also while nothing can be read. */
  async last(): Promise<LastScrub | null> {
    if (this.#last === undefined) this.#last = (await this.#stored()).last;
    return this.#last;
  }

  /** True when one was cut off by the end of a process. */
  async isUnfinished(): Promise<boolean> {
    return (await this.#stored()).progress !== null;
  }

  /** Reads everything, or what the one that was cut off has left; joins the one that runs. */
  run(from: 'start' | 'rest' = 'start'): Promise<ScrubReport> {
    this.#running ??= this.#run(from).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Resolves when it reads nothing any more. Where it was is kept. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    await this.#running?.catch(() => undefined);
  }

  async #run(from: 'start' | 'rest'): Promise<ScrubReport> {
    const { clock, named } = this.#options;
    const { progress: left, last } = await this.#stored();
    const rest = from === 'rest' ? left : null;
    if (rest === null) named.begin();
    let progress = rest ?? beginning(clock.now());
    for (let slices = 1; ; slices++) {
      if (this.#stopped) throw new HoldfastError('SYSTEM_NOT_SERVING', { status: 'draining' });
      const slice = await this.#options.store
        .read('scrub', progress.walk.key, (db) => scrubSlice(db, progress.walk))
        .catch((error: unknown) => this.#stumble(error));
      const found = await this.#held(slice.damage);
      for (const each of found) await this.#tell(each);
      progress = after(progress, { ...slice, damage: found });
      if (slice.end) return this.#finish(withDamage(progress, await this.#scrubTables()));
      if (slices % slicesPerNote === 0) await this.#note({ progress, last });
      await this.#pace(slice.bytes);
    }
  }

  async #scrubTables(): Promise<readonly Damage[]> {
    const { tables } = this.#options;
    let unpaced = 0;
    const pace = async (bytes: number): Promise<void> => {
      unpaced += bytes;
      if (unpaced < sliceBytes) return;
      await this.#pace(unpaced);
      unpaced = 0;
      if (this.#stopped) throw new HoldfastError('SYSTEM_NOT_SERVING', { status: 'draining' });
    };
    return tables === undefined ? [] : tables(pace);
  }

  #pace(bytes: number): Promise<void> {
    return this.#pause((bytes / this.#options.bytesPerSecond) * 1_000);
  }

  async #finish({ walk: _, startedAt, ...counts }: Progress): Promise<ScrubReport> {
    const now = this.#options.clock.now();
    const { records, damaged } = counts;
    this.#last = { at: now, records, damaged };
    this.#options.named.end();
    await this.#note({ progress: null, last: this.#last });
    const report = { ...counts, tookMs: now - startedAt };
    this.#options.telemetry('scrub.finished', { ...report, findings: counts.findings.length });
    return report;
  }

  /** What cannot be asked is held against its stream. */
  async #held(damage: Slice['damage']): Promise<Slice['damage']> {
    const { isGivenUp = async () => false } = this.#options;
    const held: Slice['damage'][number][] = [];
    for (const each of damage) {
      const { kind, stream, seq } = each;
      const mayBe = kind === 'record' && typeof seq === 'number';
      if (!(mayBe && (await isGivenUp(stream, seq).catch(() => false)))) held.push(each);
    }
    return held;
  }

  async #tell({ kind, key, stream, seq, problem }: Slice['damage'][number]): Promise<void> {
    const { named, telemetry, drop, onDamage } = this.#options;
    const isNew = named.isNew({ stream, seq, problem });
    if (isNew) telemetry('scrub.damaged', { stream, seq, problem });
    // What cannot be dropped now is passed over by its readers, and found again.
    if (kind === 'snapshot') await drop(stream, key).catch(() => undefined);
    if (isNew && (kind === 'record' || kind === 'head')) onDamage({ stream, seq, problem });
  }

  async #stored(): Promise<Stored> {
    const none: Stored = { progress: null, last: null };
    try {
      return ((await this.#options.kv.get(placeKey)) as Stored | undefined) ?? none;
    } catch (error) {
      // Its own note is damaged: it begins anew, and the next note takes its place.
      if (HoldfastError.is(error, 'JOURNAL_CORRUPT')) return none;
      throw error;
    }
  }

  /** A disk that takes no note costs reading again, nothing else. */
  async #note(stored: Stored): Promise<void> {
    await this.#options.kv
      .batch([{ key: placeKey, value: stored as unknown as Json }])
      .catch(() => undefined);
  }

  /** A block that LevelDB cannot read ends a walk: its table is looked for at once, and repaired. */
  async #stumble(error: unknown): Promise<never> {
    if (HoldfastError.is(error, 'JOURNAL_CORRUPT')) await this.#scrubTables();
    throw error;
  }

  /** Ends early when it is stopped. */
  #pause(delayMs: number): Promise<void> {
    if (this.#stopped || delayMs < 1) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#options.clock.schedule(Math.ceil(delayMs), resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

const beginning = (startedAt: number): Progress => ({
  ...{ walk: walkStart, startedAt, streams: 0, records: 0, bytes: 0, damaged: 0, findings: [] },
});

function after(progress: Progress, slice: Slice): Progress {
  const { streams, records, bytes, damage, walk } = slice;
  const found = damage.map(({ stream, seq, problem }) => ({ stream, seq, problem }));
  return {
    ...withDamage(progress, found),
    walk,
    streams: progress.streams + streams,
    records: progress.records + records,
    bytes: progress.bytes + bytes,
  };
}

const withDamage = (progress: Progress, found: readonly Damage[]): Progress => ({
  ...progress,
  damaged: progress.damaged + found.length,
  findings: [...progress.findings, ...found].slice(0, findingsKept),
});
