// The directory of a store: is it ours, may we write it, does another process own it? Asked before LevelDB touches a file.
import { access, constants, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { HoldfastError, toError } from '../../base/errors.ts';
import { isSwapping } from '../backup/restore-swap.ts';
import { exists } from './durable-files.ts';
import { isEnvelopeFile } from './store-envelope.ts';
import {
  directoryFormat,
  draftFile,
  type Marker,
  markerFile,
  newMarker,
  parseMarker,
  syncDirectory,
} from './store-marker.ts';
import { assertFree, isOwnerFile } from './store-owner.ts';
import { isRepairFinished } from './store-repair.ts';
import { admitVersions, type VersionGate, versionsFrom } from './store-versions.ts';

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
}

/**
 * Looks at `location` and makes it ready, changing nothing unless it is new or ours and free.
 * Throws `JOURNAL_FOREIGN`, `JOURNAL_FORMAT`, `UPGRADE_NEEDED`, `JOURNAL_READ_ONLY`, `JOURNAL_LOCKED` or `JOURNAL_OPEN_FAILED`.
 */
export async function prepareDirectory(location: string, gate?: VersionGate): Promise<StoreDirectory> {
  const root = resolve(location);
  const database = join(root, databaseFolder);
  const names = (await namesIn(root, location)) ?? (await namesAfterSwap(root, location));
  const isNew = !names?.includes(markerFile);
  if (names === undefined) await createDirectory(root, location);
  else if (isNew && !(await isInterruptedStart(database, names))) throw foreign(location);
  const marker = isNew ? newMarker() : await readMarker(root, location);
  const versions = versionsFrom(marker.versions);
  if (gate !== undefined && versions !== undefined) admitVersions(location, versions, gate);
  await assertWritable(root, location);
  if (names?.includes(databaseFolder)) await assertWritable(database, location);
  await assertFree(root, location);
  if (!isNew) await assertDatabase(database, location);
  return { root, database, witness: join(root, witnessFolder), isNew, marker };
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

/** Of a database of which nothing is there nothing can be repaired, and LevelDB would make a new one. */
async function assertDatabase(database: string, location: string): Promise<void> {
  const isThere = (await filesOf(database)).some((name) =>
    /^(CURRENT|MANIFEST-\d+|\d+\.(log|ldb|sst))$/.test(name),
  );
  if (isThere || (await isRepairFinished(database))) return;
  throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem: 'its database is missing' });
}

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

async function readMarker(root: string, location: string): Promise<Marker> {
  const text = await readFile(join(root, markerFile), 'utf8').catch((cause: Error) => {
    throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem: cause.message }, { cause });
  });
  const marker = parseMarker(text);
  if (marker === undefined) throw foreign(location);
  if (marker.format <= directoryFormat) return marker;
  throw new HoldfastError('JOURNAL_FORMAT', {
    location,
    what: 'format',
    found: marker.format,
    supported: directoryFormat,
  });
}

/** The id that the store in `location` got when it was made; undefined where it cannot be read. */
export async function readStoreId(location: string): Promise<string | undefined> {
  const text = await readFile(join(resolve(location), markerFile), 'utf8').catch(() => undefined);
  try {
    const { uuid } = JSON.parse(text ?? '{}') as { readonly uuid?: unknown };
    return typeof uuid === 'string' ? uuid : undefined;
  } catch {
    return undefined;
  }
}
