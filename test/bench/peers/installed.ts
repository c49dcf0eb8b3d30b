// Where the peers are: in test/bench/node_modules, which the package itself never needs. They are loaded by name at run
// time, so that neither the build nor the checks know of them.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Says in one line why a peer cannot be measured here. */
export class PeerMissing extends Error {
  override readonly name = 'PeerMissing';
}

/** The folder of the package: compiled programs run from .build, and find their way by its package.json. */
export function packageRoot(from: string = import.meta.dirname): string {
  if (packageName(from) === 'holdfast') return from;
  const parent = dirname(from);
  if (parent === from) throw new Error('the bench runs inside the package');
  return packageRoot(parent);
}

/** `T` is what the caller uses of the peer's module. */
export function loadPeer<T>(name: string): T {
  const require = createRequire(join(packageRoot(), 'test/bench/package.json'));
  try {
    require.resolve(name);
  } catch {
    throw new PeerMissing(`${name} is not installed: npm run bench:peers:install`);
  }
  return require(name) as T;
}

function packageName(folder: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string }).name;
  } catch {
    return undefined;
  }
}
