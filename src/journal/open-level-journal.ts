// A journal in a directory: preflight, LevelDB, and this process's claim on it, in that order.
import { HoldfastError, toError } from '../base/errors.ts';
import { finishSwap } from './backup/restore-swap.ts';
import { headDamaged, lookFor, type Survey } from './head/head-survey.ts';
import { prefixRange } from './keys.ts';
import { LevelJournal, type LevelJournalOptions } from './level-journal.ts';
import type { Store } from './level-store.ts';
import { defaultReserveBytes, filePlace } from './store/file-place.ts';
import { syncLogs } from './store/log-files.ts';
import { storageFault } from './store/storage-health.ts';
import { prepareDirectory } from './store/store-directory.ts';
import { findEnvelope, type KnownEnvelope, noteEnvelope } from './store/store-envelope.ts';
import { StoreKeeper, type StoreKeeperOptions } from './store/store-keeper.ts';
import { admitVersions, storedVersions, type VersionGate } from './store/store-versions.ts';

export interface OpenLevelJournalOptions
  extends Omit<LevelJournalOptions, 'open' | 'onClosed' | 'syncWritten' | 'watch'>,
    Partial<Pick<StoreKeeperOptions, 'repair'>> {
  /** Kept free beside the database, for what must be written when the disk is full. */
  readonly reserveBytes?: number;
  /** What a store that is filled from elsewhere needs to be read. */
  readonly inherited?: KnownEnvelope | undefined;
  /** What whoever opens it can read and will write; anything where it is not given. */
  readonly gate?: VersionGate;
  /** The first survey, in one pass with the count that every opening makes; it begins anew when the opening does. */
  readonly survey?: (() => Pick<Survey, 'prefix' | 'visit'>) | undefined;
  /** Asked when it is closed: true leaves the claim on the directory to the caller. */
  readonly keepsClaim?: () => boolean;
}

/**
 * Opens the journal in `location`, a directory that is new, empty, or was made by this function. What is damaged in it is
 * repaired on a copy and reported, unless that is refused: see {@link LevelJournal.opening}.
 * Throws `JOURNAL_LOCKED`, `JOURNAL_READ_ONLY`, `JOURNAL_FOREIGN`, `JOURNAL_FORMAT`, `UPGRADE_NEEDED`,
 * `JOURNAL_DAMAGED` or `JOURNAL_OPEN_FAILED`.
 */
export async function openLevelJournal(
  location: string,
  options: OpenLevelJournalOptions = {},
): Promise<LevelJournal> {
  try {
    return await openOnce(location, options);
  } catch (error) {
    // What it takes to open is what the reserve is for. Given back, it is not there another time.
    if (storageFault(error) !== 'full' || !(await filePlace(location, 0).releaseReserve())) throw error;
    options.telemetry?.('storage.reserveReleased');
    return openOnce(location, options);
  }
}

async function openOnce(
  location: string,
  {
    repair = 'auto',
    reserveBytes = defaultReserveBytes,
    inherited,
    gate,
    survey,
    keepsClaim,
    ...options
  }: OpenLevelJournalOptions,
): Promise<LevelJournal> {
  await finishSwap(location);
  const directory = await prepareDirectory(location, gate);
  const telemetry = options.telemetry ?? (() => {});
  const { atRest = {} } = options;
  const envelope = await findEnvelope(directory.root, atRest, inherited);
  const beforeWrite = (): Promise<void> => noteEnvelope(directory.root, atRest, inherited);
  const onHeads = survey && (() => lookFor({ ...survey(), damaged: headDamaged(telemetry) }));
  const opening = { location, repair, telemetry, envelope, beforeWrite, onHeads, gate };
  const keeper = new StoreKeeper(directory, opening);
  const open = (): Promise<LevelJournal> =>
    LevelJournal.open({
      place: filePlace(location, reserveBytes),
      ...prepared(location, options, gate, beforeWrite),
      watch: keeper,
      open: () => keeper.open(),
      onClosed: () => keeper.closed(keepsClaim?.()),
      syncWritten: () => syncLogs(directory.database),
    });
  return coded(location, async () => {
    await keeper.start();
    try {
      return await open().catch((error) => againAfterRepair(toError(error), keeper, open));
    } catch (error) {
      await keeper.closed();
      throw error;
    }
  });
}

/** What a gate refuses is left as it is found, and what fills the database writes to it. */
function prepared<Options extends Pick<LevelJournalOptions, 'load'>>(
  location: string,
  options: Options,
  gate: VersionGate | undefined,
  beforeWrite: () => Promise<void>,
): Options {
  const { load: fill } = options;
  const filling = async (db: Store): Promise<void> => {
    await beforeWrite();
    await fill?.(db);
  };
  const filled = fill === undefined ? options : { ...options, load: filling };
  const admitted = gate === undefined ? filled : gated(location, filled, gate);
  const load = async (db: Store): Promise<void> => {
    await admitted.load?.(db);
    await beforeWrite();
  };
  return { ...admitted, load };
}

/** The database is asked too: it may have come from a backup, without a marker of its own. */
export function gated<Options extends Pick<LevelJournalOptions, 'load'>>(
  location: string,
  options: Options,
  gate: VersionGate,
): Options {
  const load = async (db: Store): Promise<void> => {
    await options.load?.(db);
    const [head] = await db.keys({ ...prefixRange('h!'), limit: 1 }).all();
    if (head !== undefined) admitVersions(location, await storedVersions(db), gate);
  };
  return { ...options, load };
}

/** A block that LevelDB cannot read stops its compactions, and with them all writes. */
function againAfterRepair<T>(error: Error, keeper: StoreKeeper, open: () => Promise<T>): Promise<T> {
  if (!('code' in error) || error.code !== 'LEVEL_CORRUPTION') throw error;
  keeper.suspect(error.message);
  return open();
}

/** What the disk refuses while a journal is being opened, in the house's words. */
async function coded<T>(location: string, job: () => Promise<T>): Promise<T> {
  try {
    return await job();
  } catch (error) {
    if (HoldfastError.is(error)) throw error;
    const cause = toError(error);
    throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem: cause.message }, { cause });
  }
}
