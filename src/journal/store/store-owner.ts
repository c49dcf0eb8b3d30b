// Who has the directory of a store open: one file that is there as long as somebody does, and stays behind when he was killed.
import { link, lstat, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError, toError } from '../../base/errors.ts';
import { randomId } from '../../base/ids.ts';
import { ownIdentity, processIdentity } from '../../base/process-identity.ts';
import { assertFiles } from './odd-files.ts';
import type { PreviousOwner } from './store-report.ts';

export const ownerFile = 'owner.json';

/** The file itself, or what a process that was killed while it claimed the directory left. */
export const isOwnerFile = (name: string): boolean => name === ownerFile || name.startsWith(`${ownerFile}.`);

/** LevelDB rotates its LOG before it tries its lock, so a living owner is looked for first. */
export async function assertFree(root: string, location: string): Promise<void> {
  const path = join(root, ownerFile);
  await assertFiles(location, [path]);
  const owner = await readOwner(path);
  if (await isAlive(owner)) throw ownedBy(owner, location);
}

function ownedBy(owner: PreviousOwner | undefined, location: string): HoldfastError {
  const problem =
    owner?.pid === process.pid
      ? 'this very process has it open: share that system, or close it first'
      : 'another process owns it: close that one, or give this one a directory of its own';
  return new HoldfastError('JOURNAL_LOCKED', { location, problem, pid: owner?.pid });
}

/** LevelDB's own lock is taken, by whom it does not say. */
export const openAlready = (location: string, cause: Error): HoldfastError => {
  const problem =
    'its database is open already: close whoever has it, or give this one a directory of its own';
  return new HoldfastError('JOURNAL_LOCKED', { location, problem }, { cause });
};

/**
 * Makes this process the owner, before it changes anything: of several that come at once one alone goes on. Answers with the
 * owner before, when it left without a word.
 */
export async function claimDirectory(root: string, location: string): Promise<PreviousOwner | undefined> {
  const path = join(root, ownerFile);
  const draft = `${path}.${randomId()}`;
  let previous: PreviousOwner | undefined;
  try {
    await writeFile(draft, JSON.stringify(ownIdentity()));
    while (!(await takeName(draft, path))) {
      await assertFree(root, location);
      previous = (await takeAway(path, location)) ?? previous;
    }
    return previous;
  } finally {
    await rm(draft, { force: true });
  }
}

export interface StandingClaim {
  /** Releases the directory, wherever it is by now; never what somebody else has claimed in its place. */
  giveUp(root: string): Promise<void>;
}

/** The claim of this process that stands there now. */
export async function standingClaim(root: string): Promise<StandingClaim> {
  const { ino } = await stat(join(root, ownerFile));
  return {
    async giveUp(at) {
      const found = await stat(join(at, ownerFile)).catch(() => undefined);
      if (found?.ino === ino) await releaseDirectory(at);
    },
  };
}

export const releaseDirectory = (root: string): Promise<void> => rm(join(root, ownerFile), { force: true });

/** With all that is in it, or not at all. False when the name is taken. */
async function takeName(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (thrown) {
    const { code } = toError(thrown) as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // A file system without links: there the name comes before what it says.
    return writeInPlace(path, await readFile(draft));
  }
}

/** A name that was taken and says nothing, because the disk is full, is not left behind. */
async function writeInPlace(path: string, text: Buffer): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (thrown) {
    if ((toError(thrown) as NodeJS.ErrnoException).code === 'EEXIST') return false;
    await rm(path, { force: true });
    throw thrown;
  }
}

/** Who was first is put back when two find the same dead owner. */
async function takeAway(path: string, location: string): Promise<PreviousOwner | undefined> {
  const aside = `${path}.${randomId()}`;
  await readFile(path).catch(async (cause: Error) => {
    throw (await isLink(path)) ? leadsNowhere(path, location, cause) : cause;
  });
  await rename(path, aside);
  const owner = await readOwner(aside);
  if (!(await isAlive(owner))) {
    await rm(aside, { force: true });
    return owner;
  }
  await rename(aside, path);
  throw ownedBy(owner, location);
}

const isLink = (path: string): Promise<boolean> =>
  lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );

function leadsNowhere(path: string, location: string, cause: Error): HoldfastError {
  const problem = `${path} is a link that cannot be followed: remove it, and start again (${cause.message})`;
  return new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem }, { cause });
}

async function isAlive(owner: PreviousOwner | undefined): Promise<boolean> {
  if (!owner?.bootId) return false;
  const living = await processIdentity(owner.pid);
  return living !== undefined && living.startedAt === owner.startedAt && living.bootId === owner.bootId;
}

async function readOwner(path: string): Promise<PreviousOwner | undefined> {
  try {
    const owner = JSON.parse(await readFile(path, 'utf8')) as Partial<PreviousOwner> | null;
    const { pid, startedAt, bootId } = owner ?? {};
    return pid === undefined
      ? undefined
      : { pid, startedAt: String(startedAt), bootId: String(bootId ?? '') };
  } catch {
    return undefined;
  }
}
