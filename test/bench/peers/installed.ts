// Where the peers are: in test/bench/node_modules, which the package itself never needs. They are loaded by name at run
// time, so that neither the build nor the checks know of them.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

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
export async function loadPeer<T>(name: string): Promise<T> {
  const loader = pathToFileURL(join(packageRoot(), 'test/bench/peers/load.js')).href;
  const { load } = (await import(loader)) as { load: (name: string) => Promise<T> };
  try {
    return await load(name);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith(`Cannot find package '${name}'`))) throw error;
    throw new PeerMissing(`${name} is not installed: npm run bench:peers:install`);
  }
}

function packageName(folder: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string }).name;
  } catch {
    return undefined;
  }
}
