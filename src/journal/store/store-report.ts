// What an opening of a store found: plain data, complete before the first call is served.
import type { Store } from '../level-store.ts';
import type { StoreVersions } from './store-versions.ts';

/** Who had the store open last, when it did not close it. */
export interface PreviousOwner {
  readonly pid: number;
  /** In clock ticks since the machine was started. */
  readonly startedAt: string;
  readonly bootId: string;
}

/** A stream that ends before what was witnessed as durable. `found` is 0 when nothing of it is there. */
export interface LostHistory {
  readonly stream: string;
  readonly found: number;
  readonly witnessed: number;
}

/** A stream of which something cannot be proven. `seq` is the record's, or `head`, or where the feed ends. */
export interface DamagedHistory {
  readonly stream: string;
  readonly seq: number | string;
  readonly problem: string;
}

/**
 * `whole`: read and compared. `torn`: its last line was being written when the process ended, which is no damage. `none`: the
 * store had none yet.
 */
export type WitnessState = 'none' | 'whole' | 'torn' | 'damaged' | 'missing';

export interface StoreReport {
  readonly shutdown: 'new' | 'clean' | 'unclean';
  readonly previousOwner?: PreviousOwner;
  /** Set when the database was repaired: where the damaged one is kept, and why. */
  readonly repaired?: { readonly evidence: string; readonly reasons: readonly string[] };
  /** What LevelDB wrote into its LOG of damage during this opening. */
  readonly logFindings: readonly string[];
  readonly witness: WitnessState;
  /** What was wrong with the marker of the directory, where it had to be made anew or a hint of it could not be read. */
  readonly marker?: string;
  readonly lost: readonly LostHistory[];
  readonly damaged: readonly DamagedHistory[];
  /** How many streams were compared with what was witnessed of them. */
  readonly checkedStreams: number;
  readonly tookMs: number;
}

export interface DamagedTable {
  readonly file: string;
  readonly problem: string;
}

/** Keeps watch over what an open journal does to its store. */
export interface StoreWatch {
  readonly report: StoreReport;
  /** A group commit is in the database, with this entry of the feed. Never waits and never throws. */
  committed(entry: { readonly key: string; readonly value: string | undefined }, isDurable: boolean): void;
  /** Hands out the report of the opening while what it found was not recorded yet. */
  settle(record: (report: StoreReport) => Promise<void>): Promise<void>;
  /** Notes outside of the database what is written into it from now on. */
  raise(versions: StoreVersions): Promise<void>;
  /** The tables of which a block does not hold; waits with `pace` after each that it has read. */
  damagedTables(pace: (bytes: number) => Promise<void>): Promise<readonly DamagedTable[]>;
  /** The next opening is to repair the database. False where that is refused. */
  suspect(problem: string): boolean;
  /** Nothing is written any more, and the database is whole. */
  closing(db: Store): Promise<void>;
}

/** Of a store that has no files nothing can be found. */
export const unexamined: StoreReport = Object.freeze({
  shutdown: 'new',
  logFindings: [],
  witness: 'none',
  lost: [],
  damaged: [],
  checkedStreams: 0,
  tookMs: 0,
});
