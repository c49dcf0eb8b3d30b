// Is the directory that was opened still there, and still ours? LevelDB does not notice for a long time: it goes on writing
// into files that have no name any more.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError } from '../../base/errors.ts';
import { isOdd } from './odd-files.ts';

/** Never opened, least of all the lock: closing it would give LevelDB's own lock away. */
const watched = ['.', 'store', 'store/CURRENT', 'store/LOCK'] as const;

type Identity = string | undefined;

export class DirectoryWatch {
  readonly #root: string;
  #known: readonly Identity[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  /** Notes what is there as what was opened. */
  async note(): Promise<void> {
    this.#known = await this.#identities();
  }

  /** `JOURNAL_GONE` with what is wrong, or undefined. What cannot be looked at, as without rights, is not said to be gone. */
  async look(): Promise<HoldfastError | undefined> {
    const now = await this.#identities();
    for (const [index, name] of watched.entries()) {
      const [before, found] = [this.#known[index], now[index]];
      if (before === undefined || before === 'unknown' || found === 'unknown' || before === found) continue;
      const what = name === '.' ? 'its directory' : name;
      return this.#gone(`${what} was ${found === undefined ? 'deleted' : 'replaced'} while it was open`);
    }
    const owner = await this.#owner();
    if (owner !== undefined && owner !== process.pid)
      return this.#gone(`the process ${owner} has taken it over`);
    return undefined;
  }

  #gone(problem: string): HoldfastError {
    return new HoldfastError('JOURNAL_GONE', { location: this.#root, problem });
  }

  #identities(): Promise<Identity[]> {
    return Promise.all(watched.map((name) => identityOf(join(this.#root, name))));
  }

  /** The process that the store's owner file names, if it can be read. */
  async #owner(): Promise<number | undefined> {
    const path = join(this.#root, 'owner.json');
    if (await isOdd(path)) return undefined;
    try {
      const { pid } = JSON.parse(await readFile(path, 'utf8')) as { pid?: unknown };
      return typeof pid === 'number' ? pid : undefined;
    } catch {
      return undefined;
    }
  }
}

async function identityOf(path: string): Promise<Identity> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : 'unknown';
  }
}
