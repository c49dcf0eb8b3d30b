// The directory of a store: is it ours, may we write it, does another process own it? Asked before LevelDB touches a file.
import { access, constants, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { HoldfastError, toError } from '../../base/errors.ts';
import { isSwapping } from '../backup/restore-swap.ts';
import { isSpaceFile } from './disk-space.ts';
import { exists } from './durable-files.ts';
import { readMarkerText } from './marker-reading.ts';
import { type LostMarker, unproven } from './marker-recovery.ts';
import { assertFiles, isOdd, oddAmong } from './odd-files.ts';
import { isEnvelopeFile } from './store-envelope.ts';
import {
  directoryFormat,
  draftFile,
  type Marker,
  markerFile,
  newMarker,
  syncDirectory,
} from './store-marker.ts';
import { assertFree, isOwnerFile } from './store-owner.ts';
import { isRepairFinished } from './store-repair.ts';
import { admitVersions, type VersionGate, versionsFrom } from './store-versions.ts';
import { hasWitnessed, witnessFiles } from './witness-files.ts';

/** The layout: a marker that says whose it is, who owns it now, LevelDB in a folder of its own, and what witnessed it. */
const databaseFolder = 'store';
const witnessFolder = 'witness';

export interface StoreDirectory {
  readonly root: string;
  /** Where LevelDB lives. */
  readonly database: string;
  readonly witness: string;
  /** True when nothing was ever acknowledged here: only then may LevelDB make a new database. */
  readonly isNew: boolean;
  /** What stands there, or will. */
  readonly marker: Marker;
  /** What is wrong with the marker; where it is not {@link lost}, it is a hint that could not be read. */
  readonly problem?: string;
  /** Set where the marker is none that could be believed: it has to be made anew, once the database was asked. */
  readonly lost?: LostMarker;
}

type Found = Pick<StoreDirectory, 'isNew' | 'marker' | 'problem' | 'lost'>;

/**
 * Looks at `location` and makes it ready, changing nothing unless it is new or ours and free.
 * Throws `JOURNAL_FOREIGN`, `JOURNAL_FORMAT`, `UPGRADE_NEEDED`, `JOURNAL_READ_ONLY`, `JOURNAL_LOCKED` or `JOURNAL_OPEN_FAILED`.
 */
export async function prepareDirectory(location: string, gate?: VersionGate): Promise<StoreDirectory> {
  const root = resolve(location);
  const names = (await namesIn(root, location)) ?? (await namesAfterSwap(root, location));
  if (names === undefined) await createDirectory(root, location);
  const directory = await lookAt(root, location, names ?? [], gate);
  const { database } = directory;
  await assertWritable(root, location);
  if (names?.includes(databaseFolder)) await assertWritable(database, location);
  await assertFree(root, location);
  if (!directory.isNew) await assertDatabase(database, location, directory.lost);
  return directory;
}

/**
 * What stands there once it is claimed: another process may have had the store since {@link prepareDirectory} has looked, and what that
 * one knew is not to be written over. Throws what that throws, but for what a claim proves.
 */
export async function claimedDirectory(location: string, gate?: VersionGate): Promise<StoreDirectory> {
  const root = resolve(location);
  const directory = await lookAt(root, location, (await namesIn(root, location)) ?? [], gate);
  if (!directory.isNew) await assertDatabase(directory.database, location, directory.lost);
  return directory;
}

async function lookAt(
  root: string,
  location: string,
  names: readonly string[],
  gate: VersionGate | undefined,
): Promise<StoreDirectory> {
  const found = await findMarker(root, location, names);
  const versions = versionsFrom(found.marker.versions);
  if (gate !== undefined && versions !== undefined) admitVersions(location, versions, gate);
  return { root, database: join(root, databaseFolder), witness: join(root, witnessFolder), ...found };
}

/** A marker that says nothing beside what Holdfast alone makes is damage; beside anything else it is somebody else's file. */
async function findMarker(root: string, location: string, names: readonly string[]): Promise<Found> {
  await assertFiles(location, await openedFiles(root, names));
  if (!names.includes(markerFile)) return withoutMarker(root, location, names);
  const text = await readFile(join(root, markerFile), 'utf8').catch((cause: Error) => {
    throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem: cause.message }, { cause });
  });
  const reading = readMarkerText(text);
  if (reading.kind === 'read') {
    const { marker, problem } = reading;
    return { isNew: false, marker, ...(problem !== undefined && { problem }) };
  }
  if (reading.kind === 'damaged') {
    const { problem } = reading;
    if (await isWitnessedHere(root)) return withLost(root, names, problem, text);
    const isDatabase = (await filesOf(join(root, databaseFolder))).includes('CURRENT');
    if (isDatabase) throw unproven(location, { problem, text }, 'no witness stands beside it');
    throw foreign(location, `has a ${markerFile} that is no marker (${problem}), and no store beside it`);
  }
  const versions = { found: reading.format, supported: directoryFormat };
  throw new HoldfastError('JOURNAL_FORMAT', { location, what: 'format', ...versions });
}

async function withoutMarker(root: string, location: string, names: readonly string[]): Promise<Found> {
  if (await hasLostMarker(root, names)) return withLost(root, names, 'it is missing', '');
  if (await isInterruptedStart(join(root, databaseFolder), names)) return newStart();
  throw foreign(location);
}

/** What a first start that was cut off leaves has witnessed nothing. */
async function hasLostMarker(root: string, names: readonly string[]): Promise<boolean> {
  const database = join(root, databaseFolder);
  if (!names.includes(databaseFolder) || !(await isWitnessedHere(root))) return false;
  return (await hasWitnessed(join(root, witnessFolder))) || !(await isInterruptedStart(database, names));
}

const isWitnessedHere = async (root: string): Promise<boolean> =>
  (await witnessFiles(join(root, witnessFolder))).files > 0;

const newStart = (): Found => ({ isNew: true, marker: newMarker() });

function withLost(root: string, names: readonly string[], problem: string, text: string): Found {
  const evidence = names
    .filter((name) => name.startsWith(`${databaseFolder}.damaged-`))
    .sort()
    .at(-1);
  const lost = { problem, text, ...(evidence !== undefined && { evidence: join(root, evidence) }) };
  return { isNew: false, marker: newMarker(), problem, lost };
}

export const foreign = (
  location: string,
  problem = "holds files that are not Holdfast's",
  cause?: Error,
): HoldfastError => new HoldfastError('JOURNAL_FOREIGN', { location, problem }, cause && { cause });

/** What file systems and desktops leave in a directory that is otherwise empty. */
const litter: ReadonlySet<string> = new Set(['lost+found', '.DS_Store']);

/**
 * A kill during the very first start leaves no marker, and at most what LevelDB made before it was open. Tables
 * without a CURRENT are no such start: LevelDB would take them for garbage.
 */
async function isInterruptedStart(database: string, names: readonly string[]): Promise<boolean> {
  if (!names.every(isOfStart)) return false;
  const files = await filesOf(database);
  if ((await oddIn(database)).length > 0) return false;
  if (!files.includes('CURRENT') && files.some((file) => file.endsWith('.ldb'))) return false;
  return files.every((file) => /^(LOG|LOG\.old|LOCK|CURRENT|MANIFEST-\d+|\d+\.(log|ldb|dbtmp))$/.test(file));
}

function isOfStart(name: string): boolean {
  return (
    name === databaseFolder ||
    name === witnessFolder ||
    name === draftFile ||
    isOwnerFile(name) ||
    isEnvelopeFile(name) ||
    litter.has(name)
  );
}

/** What is opened at a start beside the database and its owner, of what is there. A stranger's pipe is nobody's business. */
async function openedFiles(root: string, names: readonly string[]): Promise<readonly string[]> {
  const isOpened = (name: string): boolean =>
    name === markerFile || name === draftFile || isEnvelopeFile(name) || isSpaceFile(name);
  const folder = join(root, witnessFolder);
  const witnesses = await filesOf(folder);
  return [
    ...names.filter(isOpened).map((name) => join(root, name)),
    ...witnesses.map((name) => join(folder, name)),
  ];
}

/** Of a database of which nothing is there nothing can be repaired, and LevelDB would make a new one. */
async function assertDatabase(database: string, location: string, lost?: LostMarker): Promise<void> {
  const isThere = (await filesOf(database)).some((name) =>
    /^(CURRENT|MANIFEST-\d+|\d+\.(log|ldb|sst))$/.test(name),
  );
  if (isThere || (await isRepairFinished(database))) return;
  const problem = 'its database is missing';
  if (lost !== undefined) throw unproven(location, lost, problem);
  throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem });
}

const oddIn = async (folder: string): Promise<readonly string[]> =>
  oddAmong(folder, await readdir(folder, { withFileTypes: true }).catch(() => []));

const filesOf = (folder: string): Promise<readonly string[]> => readdir(folder).catch(() => []);

/** Nothing is there for a moment while a restored store takes the place: nothing is to be made in between. */
async function namesAfterSwap(root: string, location: string): Promise<string[] | undefined> {
  const problem = 'a backup is being restored to it: open it once that is done';
  if (await isSwapping(location)) throw new HoldfastError('JOURNAL_LOCKED', { location, problem });
  return namesIn(root, location);
}

async function namesIn(root: string, location: string): Promise<string[] | undefined> {
  try {
    return await readdir(root);
  } catch (error) {
    const cause = toError(error);
    if ('code' in cause && cause.code === 'ENOENT') return undefined;
    if ('code' in cause && cause.code === 'ENOTDIR')
      throw foreign(
        location,
        (await exists(root)) ? 'is a file, not a directory' : 'lies below a file',
        cause,
      );
    throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem: cause.message }, { cause });
  }
}

async function createDirectory(root: string, location: string): Promise<void> {
  await assertWritable(await nearestExisting(dirname(root)), location);
  try {
    await mkdir(root, { recursive: true, mode: 0o700 });
    await syncDirectory(dirname(root));
  } catch (error) {
    const cause = toError(error);
    if ('code' in cause && /^(EACCES|EPERM|EROFS)$/.test(String(cause.code)))
      throw new HoldfastError('JOURNAL_READ_ONLY', { location }, { cause });
    throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem: cause.message }, { cause });
  }
}

async function nearestExisting(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined && dirname(path) !== path ? nearestExisting(dirname(path)) : path;
}

/** The mode is looked at too: to root every directory seems writable, also one that was made read-only on purpose. */
async function assertWritable(path: string, location: string): Promise<void> {
  const { mode } = await stat(path);
  const refused = await access(path, constants.W_OK).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if ((mode & 0o222) !== 0 && refused === undefined) return;
  throw new HoldfastError('JOURNAL_READ_ONLY', { location }, { cause: refused });
}

/** The id that the store in `location` got when it was made; undefined where it cannot be read. */
export async function readStoreId(location: string): Promise<string | undefined> {
  const path = join(resolve(location), markerFile);
  if (await isOdd(path)) return undefined;
  const reading = readMarkerText(await readFile(path, 'utf8').catch(() => ''));
  return reading.kind === 'read' ? reading.marker.uuid : undefined;
}

/** True for a directory that holds a store, be it damaged or newer. */
export async function isStore(location: string): Promise<boolean> {
  const root = resolve(location);
  const names = await filesOf(root);
  if (!names.includes(markerFile)) return hasLostMarker(root, names);
  const text = await readFile(join(root, markerFile), 'utf8').catch(() => '');
  return readMarkerText(text).kind !== 'damaged' || isWitnessedHere(root);
}

/**
 * Opening makes a store where none is, which nobody who wants to look at one has asked for.
 *
 * @throws HoldfastError `JOURNAL_OPEN_FAILED` where there is none, `JOURNAL_DAMAGED`
 */
export async function assertStore(location: string): Promise<void> {
  await assertFiles(location, [join(resolve(location), markerFile)]);
  if (!(await isStore(location)))
    throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem: 'there is no store' });
}
