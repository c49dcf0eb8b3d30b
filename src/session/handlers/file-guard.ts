// Paths that a session may hold: names by default; below a root, when one is configured, links followed.
import { realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import { HoldfastError } from '../../base/errors.ts';
import { realPlace } from '../../base/places.ts';

/** The path as it is kept, or `INVALID_PATH`. With a root it is kept relative to it. */
export async function checkPath(path: string, root: string | null): Promise<string> {
  if (hasControlCharacter(path)) throw refused(path, 'it holds a control character');
  if (root === null) {
    if (path.split(/[\\/]/).includes('..')) throw refused(path, 'it leads upwards');
    return path;
  }
  const base = await realpath(root);
  const real = await realPlace(resolve(base, path));
  const inside = relative(base, real);
  if (inside === '' || inside.startsWith('..') || isAbsolute(inside))
    throw refused(path, 'it lies outside the root of files');
  return inside;
}

function hasControlCharacter(path: string): boolean {
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code < 32 || code === 127) return true;
  }
  return false;
}

function refused(path: string, problem: string): HoldfastError {
  return new HoldfastError('INVALID_PATH', { path, problem });
}
