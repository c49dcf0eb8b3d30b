// Where paths lie in relation to each other: what is about to be written must not lie in what is read, or goes away with it.
import { realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';

/** True for the folder itself too. Links are not followed: see {@link realPlace}. */
export function isWithin(path: string, folder: string): boolean {
  const way = relative(resolve(folder), resolve(path));
  return way === '' || !(way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way));
}

/** Where the path leads once all links are followed; what does not exist yet counts by its nearest parent that does. */
export async function realPlace(path: string): Promise<string> {
  const found = resolve(path);
  try {
    return await realpath(found);
  } catch {
    const parent = dirname(found);
    return parent === found ? found : join(await realPlace(parent), basename(found));
  }
}
