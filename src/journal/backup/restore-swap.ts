// A restored store takes the place of another by renames. What is to be done is written down before the first of them, and whoever
// opens the store finishes it: a crash leaves the store as it was before, or as it is after, and never none.
import { readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { HoldfastError, toError } from '../../base/errors.ts';
import { exists, renameDurably, syncFolder, writeDurably } from '../store/durable-files.ts';
import { assertFiles } from '../store/odd-files.ts';

/** Both stand beside the store, whose name they begin with. */
interface Swap {
  /** The whole new store. */
  readonly staged: string;
  /** Where the old one goes; null when there is none. */
  readonly aside: string | null;
}

/** Stands from the time at which the restore is certain until it is done. */
const planOf = (location: string): string => `${resolve(location)}.restore.json`;

/** True between the renames too, while there is nothing at `location`. */
export const isSwapping = (location: string): Promise<boolean> => exists(planOf(location));

/** Durable at the latest when it resolves; finished by {@link finishSwap} when it is cut off. */
export async function swapStores(location: string, swap: Swap): Promise<void> {
  await writeDurably(planOf(location), `${JSON.stringify({ holdfast: 'restore', ...named(swap) })}\n`);
  await finishSwap(location);
}

/** Finishes a restore that was cut off; nearly always there is none. May run in several processes at once. */
export async function finishSwap(location: string): Promise<void> {
  const plan = planOf(location);
  await assertFiles(location, [plan]);
  const text = await readFile(plan, 'utf8').catch((error: NodeJS.ErrnoException) => {
    // Of a name that no file can have there is no plan either: whoever opens it says what is wrong with it.
    if (/^(ENOENT|ENOTDIR|ENAMETOOLONG|ERR_INVALID_ARG_VALUE)$/.test(error.code ?? '')) return undefined;
    throw failed(error);
  });
  if (text === undefined) return;
  const root = resolve(location);
  const { staged, aside } = readPlan(text, root);
  try {
    if (await exists(staged)) {
      if (aside !== null) await renamed(root, aside);
      await renamed(staged, root);
    }
    await rm(plan, { force: true });
    await syncFolder(dirname(root));
  } catch (error) {
    throw failed(toError(error));
  }
}

const named = ({ staged, aside }: Swap): Swap => ({
  staged: basename(staged),
  aside: aside === null ? null : basename(aside),
});

/** Names beside the store and no others: what is written there is renamed. */
function readPlan(text: string, root: string): Swap {
  const { staged, aside } = parsed(text);
  const isOurs = (name: unknown): name is string =>
    typeof name === 'string' && name.startsWith(`${basename(root)}.`) && basename(name) === name;
  if (!isOurs(staged) || !(aside === null || isOurs(aside)))
    throw failed(new Error(`${planOf(root)} cannot be read: it is none of ours, or damaged`));
  const beside = (name: string): string => join(dirname(root), name);
  return { staged: beside(staged), aside: aside === null ? null : beside(aside) };
}

function parsed(text: string): Partial<Swap> {
  try {
    return (JSON.parse(text) ?? {}) as Partial<Swap>;
  } catch {
    return {};
  }
}

/** Another process may have been quicker: then the one is gone and the other there, or what is there now is the new one. */
async function renamed(from: string, to: string): Promise<void> {
  try {
    await renameDurably(from, to);
  } catch (error) {
    const { code } = toError(error) as NodeJS.ErrnoException;
    const isGone = code === 'ENOENT' && !(await exists(from)) && (await exists(to));
    const isTaken = (code === 'ENOTEMPTY' || code === 'EEXIST') && to.includes('.replaced-');
    if (!isGone && !isTaken) throw error;
  }
}

export function failed(cause: Error): HoldfastError {
  return new HoldfastError('BACKUP_FAILED', { problem: cause.message }, { cause });
}
