// The place that a restored store is to take: a store that is replaced, or nothing yet. It is this process's own from before
// its store is closed until it is moved away, so that nobody opens meanwhile what is about to go.
import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { LevelJournal } from '../level-journal.ts';
import { openLevelJournal } from '../open-level-journal.ts';
import { isFolder } from '../store/durable-files.ts';
import { foreign, isStore, readStoreId } from '../store/store-directory.ts';
import { claimDirectory, isOwnerFile, type StandingClaim, standingClaim } from '../store/store-owner.ts';
import type { AtRest } from '../store/value-envelope.ts';
import { makeBackup } from './backup.ts';
import type { BackupFacts } from './backup-manifest.ts';

export interface RestoredPlace {
  /** Of the store that is there; 0 where there is none that could be opened. */
  readonly epoch: number;
  /** The folder of the backup of what is there; undefined when there is nothing that could be read. */
  backUp(directory: string, replacedBy: BackupFacts): Promise<string | undefined>;
  /** What is there is closed, and is nobody else's until {@link letGo}. */
  hold(): Promise<void>;
  /** Gives the place back, or what became of it: the folder to which it was moved. */
  letGo(aside?: string): Promise<void>;
}

export const somethingThere =
  'something is there: name an empty place, or force it, and it is backed up and replaced';

export const refused = (location: string, problem: string): HoldfastError =>
  new HoldfastError('RESTORE_REFUSED', { location, problem });

/** A store. One that is damaged so that it cannot be opened may be replaced too; one that is open, foreign or newer may not. */
export async function occupiedPlace(location: string, atRest: AtRest): Promise<RestoredPlace> {
  if (!(await isFolder(location))) throw foreign(location, 'is a file or a link, not a directory');
  let keepsClaim = false;
  try {
    const journal = await openLevelJournal(location, { atRest, keepsClaim: () => keepsClaim });
    return new OpenPlace(location, journal, () => {
      keepsClaim = true;
    });
  } catch (error) {
    const isLost =
      HoldfastError.is(error, 'JOURNAL_OPEN_FAILED') || HoldfastError.is(error, 'JOURNAL_CORRUPT');
    if (!isLost || !(await isStore(location))) throw error;
    return new UnreadPlace(location);
  }
}

class OpenPlace implements RestoredPlace {
  readonly #location: string;
  readonly #journal: LevelJournal;
  readonly #keepClaim: () => void;
  #claim: StandingClaim | undefined;

  constructor(location: string, journal: LevelJournal, keepClaim: () => void) {
    this.#location = location;
    this.#journal = journal;
    this.#keepClaim = keepClaim;
  }

  get epoch(): number {
    return this.#journal.epoch;
  }

  async backUp(directory: string, { backupId: replacedBy }: BackupFacts): Promise<string> {
    const { backupId } = await makeBackup({
      journal: this.#journal,
      directory: resolve(directory),
      clock: systemClock,
      telemetry: () => {},
      cause: 'restore',
      note: `before it was replaced by ${replacedBy}`,
      storeId: await readStoreId(this.#location),
    });
    return join(resolve(directory), backupId);
  }

  async hold(): Promise<void> {
    this.#claim = await standingClaim(this.#location);
    this.#keepClaim();
    await this.#journal.close();
  }

  async letGo(aside?: string): Promise<void> {
    const claim = this.#claim;
    this.#claim = undefined;
    await this.#journal.close();
    await claim?.giveUp(aside ?? this.#location);
  }
}

/** What nobody can open: nothing is known of it. */
class UnreadPlace implements RestoredPlace {
  readonly epoch = 0;
  protected readonly location: string;
  #claim: StandingClaim | undefined;

  constructor(location: string) {
    this.location = location;
  }

  async backUp(): Promise<undefined> {}

  async hold(): Promise<void> {
    await claimDirectory(this.location, this.location);
    this.#claim = await standingClaim(this.location);
  }

  async letGo(aside?: string): Promise<void> {
    const claim = this.#claim;
    this.#claim = undefined;
    await claim?.giveUp(aside ?? this.location);
  }
}

/** Nothing: a folder is made there, so that it can be held. */
export class VacantPlace extends UnreadPlace {
  #made = false;

  override async hold(): Promise<void> {
    const { location } = this;
    this.#made = (await mkdir(location, { recursive: true, mode: 0o700 })) !== undefined;
    await super.hold();
    if (!(await isVacant(location))) throw refused(location, somethingThere);
  }

  override async letGo(aside?: string): Promise<void> {
    await super.letGo(aside);
    if (this.#made && aside === undefined) await rmdir(this.location).catch(() => undefined);
  }
}

/** True when there is nothing at `location`, or a directory without anything in it but what a restore that died has left. */
export async function isVacant(location: string): Promise<boolean> {
  const names = await readdir(location).catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? [] : undefined,
  );
  return names?.every(isOwnerFile) ?? false;
}
