// The main entry loads a few packages and what these depend on, and nothing else.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The packages that `import 'holdfast'` may load, each with what it depends on. */
export const lightPackages: readonly string[] = [
  'xstate',
  '@xstate/store',
  'nanoid',
  'eventemitter3',
  'level',
  'zod',
];

/** Names each loaded package that neither is expected nor a dependency of one that is, and each expected one that was not loaded. */
export function checkLightEntry(
  loaded: ReadonlySet<string>,
  expected: readonly string[],
  root: string,
): readonly string[] {
  const allowed = dependenciesOf(expected, root);
  const heavy = [...loaded].filter((name) => !allowed.has(name)).sort();
  const absent = expected.filter((name) => !loaded.has(name));
  return [
    ...heavy.map(
      (name) => `loads ${name}, which is none of ${expected.join(', ')} and of their dependencies`,
    ),
    ...absent.map((name) => `does not load ${name}`),
  ];
}

/** The packages and all that they depend on, as installed for `root`. */
export function dependenciesOf(names: readonly string[], root: string): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (name: string, from: string): void => {
    found.add(name);
    const directory = installedAt(name, from);
    if (directory === undefined || visited.has(directory)) return;
    visited.add(directory);
    const manifest: Manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    for (const next of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
      visit(next, directory);
    }
  };
  const visited = new Set<string>();
  for (const name of names) visit(name, root);
  return found;
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Where Node would find the package: in the nearest `node_modules` above. */
function installedAt(name: string, from: string): string | undefined {
  const directory = join(from, 'node_modules', name);
  if (existsSync(join(directory, 'package.json'))) return directory;
  return dirname(from) === from ? undefined : installedAt(name, dirname(from));
}

/** Throws when there is no build: a test of the built package must not pass without one. */
export function assertBuilt(root: string): void {
  if (existsSync(join(root, 'dist/index.js'))) return;
  throw new Error('dist/index.js is missing: run "npm run build" first, as "npm test" does');
}
