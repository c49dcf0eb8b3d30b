// Who embeds Holdfast loads little: a real program is run, and the packages that it loads are counted.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { assertBuilt, checkLightEntry, dependenciesOf, lightPackages } from './support/light-entry-check.ts';
import { loadedPackages } from './support/loaded-packages.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-light-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const write = (name: string, text: string): string => {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
};

/** A package in the temporary `node_modules`, as an ES module or, with `commonjs`, not. */
const install = (name: string, text: string, type: 'module' | 'commonjs' = 'module'): void => {
  write(`node_modules/${name}/package.json`, JSON.stringify({ name, type, main: 'index.js' }));
  write(`node_modules/${name}/index.js`, text);
};

describe('the main entry', () => {
  test('loads its few packages and nothing else, while a system starts, creates a session and closes', async () => {
    assertBuilt(root);
    mkdirSync(join(directory, 'node_modules'));
    symlinkSync(root, join(directory, 'node_modules/holdfast'), 'dir');
    const script = write(
      'main.mjs',
      `import { createSystem } from 'holdfast';
const system = await createSystem({ location: process.argv[2] });
await system.client.sessions.create({});
await system.close();
`,
    );
    const loaded = await loadedPackages(script, [join(directory, 'store')]);
    expect(checkLightEntry(loaded, lightPackages, root)).toEqual([]);
  });

  test('is not judged without a build', () => {
    expect(() => assertBuilt(directory)).toThrow('dist/index.js is missing');
  });
});

describe('a program that loads more', () => {
  test.each([
    ['imported', "import 'stowaway';"],
    ['imported late', "await import('stowaway');"],
    ['required', "import { createRequire } from 'node:module';\ncreateRequire(import.meta.url)('stowaway');"],
    ['imported by a package that it imports', "import 'carrier';"],
    ['required by a package that it imports', "import 'old-carrier';"],
    [
      'imported by a worker thread',
      "import { Worker } from 'node:worker_threads';\nnew Worker(new URL('data:text/javascript,import \"' + import.meta.resolve('stowaway') + '\"'));",
    ],
  ])('is found out: the package is %s', async (_, text) => {
    install('stowaway', 'module.exports = 1;\n', 'commonjs');
    install('carrier', "import 'stowaway';\n");
    install('old-carrier', "require('stowaway');\n", 'commonjs');
    const loaded = await loadedPackages(write('main.mjs', `${text}\n`));
    expect(checkLightEntry(loaded, ['carrier', 'old-carrier'], directory)).toContain(
      'loads stowaway, which is none of carrier, old-carrier and of their dependencies',
    );
  });

  test('is found out by the full name of a scoped package in a nested folder', async () => {
    install('carrier', "import '@deep/stowaway';\n");
    install('carrier/node_modules/@deep/stowaway', 'export {};\n');
    const loaded = await loadedPackages(write('main.mjs', "import 'carrier';\n"));
    expect([...loaded].sort()).toEqual(['@deep/stowaway', 'carrier']);
  });
});

describe('the check', () => {
  test('names what is loaded without need, and what is expected but not loaded', () => {
    expect(checkLightEntry(new Set(['level', 'classic-level', 'express']), ['level', 'zod'], root)).toEqual([
      'loads express, which is none of level, zod and of their dependencies',
      'does not load zod',
    ]);
  });

  test('knows the dependencies of dependencies', () => {
    const names = dependenciesOf(['level'], root);
    expect(names).toContain('classic-level');
    expect(names).toContain('node-gyp-build');
    expect(names).not.toContain('memory-level');
  });

  test('knows dependencies that depend on each other, and ones that are not installed', () => {
    write('node_modules/a/package.json', JSON.stringify({ dependencies: { b: '1' } }));
    write('node_modules/b/package.json', JSON.stringify({ optionalDependencies: { a: '1', absent: '1' } }));
    expect([...dependenciesOf(['a'], directory)]).toEqual(['a', 'b', 'absent']);
  });

  test('says what the program said when it fails', async () => {
    const script = write('main.mjs', "throw new Error('no room in the boat');\n");
    await expect(loadedPackages(script)).rejects.toThrow('no room in the boat');
  });
});
