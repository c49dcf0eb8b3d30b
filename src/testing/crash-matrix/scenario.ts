// What is tried, and on what: the words of the crash matrix.
import type { IdSource } from '../../base/ids.ts';
import type { OpenStore } from '../../journal/level-store.ts';
import type { ManualClock } from '../manual-clock.ts';
import type { Random } from '../seeded-random.ts';
import type { DiskFault } from '../simulated-disk.ts';

/** All that is not determined by the commands: hand it to what is tested, and nothing else changes from run to run. */
export interface CrashPorts {
  readonly store: OpenStore;
  /** Stands still unless a command advances it. Timers of the next ten seconds run when nothing else can go on. */
  readonly clock: ManualClock;
  /** Counts within each command. */
  readonly newId: IdSource;
  /** Chance, the same for the same command in every run. */
  readonly random: Random;
}

/** Where a command stands. */
export interface CommandPlace {
  readonly index: number;
  /** The same in every run: good as an idempotency key. */
  readonly key: string;
}

export interface CrashScenario<Handle, Command> {
  /** Opens what is tested over what a disk holds. */
  start(ports: CrashPorts): Promise<Handle>;
  /** What is asked of it, or what makes that up from chance. */
  readonly commands: readonly Command[] | ((random: Random) => readonly Command[]);
  /**
   * Carries out one command. When it resolves, the command is acknowledged; a value whose `durability` is `'os'` says that a loss of
   * power may take it. When it rejects, {@link outcome} says what became of it.
   */
  run(handle: Handle, command: Command, place: CommandPlace): Promise<unknown>;
  /** All that must not be lost, as plain data: the same commands must lead to the same. It waits until what was begun is over. */
  read(handle: Handle): Promise<unknown> | unknown;
  /** What must hold of every state that is recovered, beside being the right one: throws when it does not. */
  check?(state: unknown): void;
  /**
   * What is promised for later: lets the time pass on the clock of the ports, and throws where it has not come. Asked at the end of each
   * recovery and of each process that went on behind a fault.
   */
  later?(handle: Handle): Promise<void>;
  /** Whether a command that rejected may have happened. By default one with any code but `OUTCOME_UNKNOWN` has not. */
  outcome?(error: unknown): 'refused' | 'unknown';
  /** Ends it in order; where there is one, an orderly restart is part of each life. */
  stop?(handle: Handle): Promise<void>;
  /** Gives back what a life held that is not looked at any more; {@link stop} by default. */
  drop?(handle: Handle): Promise<void> | void;
}

/** One failing point: hand it to `only` to run just that again. */
export interface CrashPlace {
  readonly sequence: number;
  /** The commands that are needed, by their index. */
  readonly commands: readonly number[];
  /** The number of the disk's operation. */
  readonly point: number;
  readonly fault: DiskFault;
  /** How many of the batches that were not synced had reached the disk. */
  readonly kept: number;
}

export interface CrashMatrixOptions {
  /** Chooses commands, samples and orders; 1 by default. */
  readonly seed?: number;
  /** How many lists of commands are tried; 1 by default, or 20 where chance makes them up. */
  readonly sequences?: number;
  /** The faults that are tried; all by default. */
  readonly faults?: readonly DiskFault[];
  /** At most so many points of a sequence at which the process ends, chosen by chance; all by default. */
  readonly crashes?: number;
  /** At most so many points of a sequence at which an operation fails and the process goes on; all by default. */
  readonly errors?: number;
  /** After so many recoveries, one goes on to the end of the commands; 1, each, by default. */
  readonly finishEvery?: number;
  /** Commands that are under way at once; 1 by default, and at most 4. */
  readonly inFlight?: number;
  /** Lets chance order the answers of the disk and change LevelDB's log files; true by default. */
  readonly shuffle?: boolean;
  /** So many shorter lists of commands are tried when one fails; 200 by default. 0 shows it as it was found. */
  readonly shrinks?: number;
  /** Runs one point that was reported. */
  readonly only?: CrashPlace;
  /** Hears after each sequence how far it has come. */
  readonly progress?: (done: CrashMatrixResult) => void;
}

export interface CrashMatrixResult {
  readonly seed: number;
  readonly sequences: number;
  readonly commands: number;
  /** Operations of the disk, each with one fault: of all kinds together. */
  readonly points: number;
  readonly pointsByFault: Readonly<Partial<Record<DiskFault, number>>>;
  /** Different contents of the disk that were recovered. */
  readonly recoveries: number;
}
