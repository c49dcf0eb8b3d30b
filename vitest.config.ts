import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`src/${path}`, import.meta.url));

/** The first files of threads and processes, which cannot load TypeScript: under test they are the built ones, as `npm test` has built them. */
const builtThreads = {
  name: 'built-threads',
  enforce: 'pre' as const,
  transform: (code: string): string =>
    code.replaceAll(/new URL\('\.\/([\w-]+-entry)\.js', import\.meta\.url\)/g, (_, name: string) => {
      const built = new URL(`dist/chunks/${name}.js`, import.meta.url);
      return `new URL(${JSON.stringify(built.href)})`;
    }),
};

const testFiles = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map((path) => join('test', path))
  .filter((path) => path.endsWith('.test.ts') && !path.includes('node_modules'));

/** Whoever replaces a module, or counts what is in memory, is alone; all others share the library, since loading it costs more than most tests. */
const alone = testFiles.filter((path) => /vi\.mock\(|collectGarbage\(/.test(readFileSync(path, 'utf8')));

export default defineConfig({
  plugins: [builtThreads],
  resolve: {
    alias: [
      { find: /^holdfast$/, replacement: source('index.ts') },
      { find: /^holdfast\/client$/, replacement: source('client/index.ts') },
      { find: /^holdfast\/testing$/, replacement: source('testing/index.ts') },
    ],
  },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'shared', include: testFiles.filter((path) => !alone.includes(path)), isolate: false },
      },
      { extends: true, test: { name: 'alone', include: alone, isolate: true } },
    ],
    setupFiles: ['test/support/fixed-chance.ts'],
    pool: 'forks',
    maxWorkers: '100%',
    retry: 0,
    // Against what hangs, also on a machine that does much else: no test waits for time to pass.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary'],
      thresholds: { lines: 90, branches: 85 },
    },
  },
});
