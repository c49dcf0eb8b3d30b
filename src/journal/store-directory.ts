// The directory of a store: is it ours, may we write it, does another process own it? Asked before LevelDB touches a file.
import { randomUUID } from 'node:crypto';
import {
  access,
  constants,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { HoldfastError, toError } from '../base/errors.ts';

/** The layout: a marker that says whose it is, who owns it now, and LevelDB in a folder of its own. */
const markerFile = 'HOLDFAST.json';
const draftFile = `${markerFile}.draft`;
const ownerFile = 'owner.json';
const databaseFolder = 'store';

const directoryFormat = 1;

interface Owner {
  readonly pid: number;
  readonly startedAt: string;
  readonly bootId: string;
}

export interface StoreDirectory {
  /** Where LevelDB lives. */
  readonly database: string;
  /** True when nothing was ever acknowledged here: only then may LevelDB make a new database. */
  readonly isNew: boolean;
  /** Says whose the directory is and that this process owns it, once LevelDB's lock is held. */
  claim(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Looks at `location` and makes it ready, changing nothing unless it is new or ours and free.
 * Throws `JOURNAL_FOREIGN`, `JOURNAL_FORMAT`, `JOURNAL_READ_ONLY`, `JOURNAL_LOCKED` or `JOURNAL_OPEN_FAILED`.
 */
export async function prepareDirectory(location: string): Promise<StoreDirectory> {
  const root = resolve(location);
  const database = join(root, databaseFolder);
  const names = await namesIn(root, location);
  const isNew = !names?.includes(markerFile);
  if (names === undefined) await createDirectory(root, location);
  else if (!isNew) await assertFormat(root, location);
  else if (!(await isInterruptedStart(database, names)))
    throw new HoldfastError('JOURNAL_FOREIGN', { location });
  await assertWritable(root, location);
  if (names?.includes(databaseFolder)) await assertWritable(database, location);
  await assertFree(root, location);
  if (!isNew) await assertDatabase(database, location);
  return {
    database,
    isNew,
    async claim() {
      if (isNew) await writeMarker(root);
      await writeFile(join(root, ownerFile), JSON.stringify(await thisProcess()));
    },
    release: () => rm(join(root, ownerFile), { force: true }),
  };
}

/** What file systems and desktops leave in a directory that is otherwise empty. */
const litter: ReadonlySet<string> = new Set(['lost+found', '.DS_Store']);

/**
 * A kill during the very first start leaves no marker, and at most what LevelDB made before it was open. Tables
 * without a CURRENT are no such start: LevelDB would take them for garbage.
 */
async function isInterruptedStart(database: string, names: readonly string[]): Promise<boolean> {
  if (!names.every((name) => name === databaseFolder || name === draftFile || litter.has(name))) return false;
  const files = await filesOf(database);
  if (!files.includes('CURRENT') && files.some((file) => file.endsWith('.ldb'))) return false;
  return files.every((file) => /^(LOG|LOG\.old|LOCK|CURRENT|MANIFEST-\d+|\d+\.(log|ldb|dbtmp))$/.test(file));
}

/** LevelDB makes files while it finds out that its own are gone. */
async function assertDatabase(database: string, location: string): Promise<void> {
  if ((await filesOf(database)).includes('CURRENT')) return;
  throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem: 'its database is missing' });
}

const filesOf = (folder: string): Promise<readonly string[]> => readdir(folder).catch(() => []);

async function namesIn(root: string, location: string): Promise<string[] | undefined> {
  try {
    return await readdir(root);
  } catch (error) {
    const cause = toError(error);
    if ('code' in cause && cause.code === 'ENOENT') return undefined;
    if ('code' in cause && cause.code === 'ENOTDIR')
      throw new HoldfastError('JOURNAL_FOREIGN', { location }, { cause });
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

async function assertFormat(root: string, location: string): Promise<void> {
  const text = await readFile(join(root, markerFile), 'utf8').catch((cause: Error) => {
    throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem: cause.message }, { cause });
  });
  const format = readFormat(text);
  if (format === undefined) throw new HoldfastError('JOURNAL_FOREIGN', { location });
  if (format > directoryFormat) {
    throw new HoldfastError('JOURNAL_FORMAT', { location, found: format, supported: directoryFormat });
  }
}

function readFormat(text: string): number | undefined {
  try {
    const { format } = JSON.parse(text) as { format?: unknown };
    return typeof format === 'number' ? format : undefined;
  } catch {
    return undefined;
  }
}

/** Synced before and after it gets its name: a store whose marker is lost in a power cut would be refused for ever. */
async function writeMarker(root: string): Promise<void> {
  const marker = {
    holdfast: 'store',
    format: directoryFormat,
    uuid: randomUUID(),
    createdAt: new Date().toISOString(),
  };
  await writeFile(join(root, draftFile), `${JSON.stringify(marker)}\n`, { flush: true });
  await rename(join(root, draftFile), join(root, markerFile));
  await syncDirectory(root);
}

/** Where a directory cannot be opened, as on Windows or without the right to list it, its names are kept as they are. */
async function syncDirectory(path: string): Promise<void> {
  const directory = process.platform === 'win32' ? undefined : await open(path).catch(() => undefined);
  await directory?.sync().finally(() => directory.close());
}

/** LevelDB rotates its LOG before it tries its lock, so a living owner is looked for first. */
async function assertFree(root: string, location: string): Promise<void> {
  const text = await readFile(join(root, ownerFile), 'utf8').catch(() => undefined);
  const owner = text === undefined ? undefined : readOwner(text);
  if (!owner?.bootId) return;
  const living = await processIdentity(Number(owner.pid));
  if (living !== undefined && living.startedAt === owner.startedAt && living.bootId === owner.bootId) {
    throw new HoldfastError('JOURNAL_LOCKED', { location, pid: owner.pid });
  }
}

function readOwner(text: string): Partial<Owner> | null | undefined {
  try {
    return JSON.parse(text) as Partial<Owner> | null;
  } catch {
    return undefined;
  }
}

async function thisProcess(): Promise<Owner> {
  return (await processIdentity(process.pid)) ?? { pid: process.pid, startedAt: '', bootId: '' };
}

/**
 * A process that cannot be mistaken for a later one with the same pid: field 22 of /proc/<pid>/stat is its start,
 * the boot id its kernel's run. Undefined where it is gone, a zombie, or there is no /proc: then LevelDB's lock decides.
 */
async function processIdentity(pid: number): Promise<Owner | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    return fields[0] === 'Z' ? undefined : { pid, startedAt: fields[19] ?? '', bootId };
  } catch {
    return undefined;
  }
}
