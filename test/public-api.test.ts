// The public names are a promise: each entry point exports what is listed, no more and no less.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exportNamesOf } from './support/export-names.ts';
import { publicApi } from './support/public-api.ts';
import { buildOutputs, checkExportNames, checkPackageExports } from './support/public-api-check.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

describe('the package', () => {
  test.each(Object.entries(publicApi))(
    'exports from %s exactly the promised names',
    (entry, { source, names }) => {
      expect(checkExportNames(entry, names, exportNamesOf(join(root, source)))).toEqual([]);
    },
  );

  test('has entry points that the build makes, and no others', () => {
    const manifest: { exports: unknown } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(checkPackageExports(manifest.exports, Object.keys(publicApi), buildOutputs(root))).toEqual([]);
  });
});

describe('the names of a module', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-api-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };

  test('are read through re-exports, and types are told from values', () => {
    write(
      'thing.ts',
      'export class Thing {}\nexport interface Shape { a: 1 }\nexport const make = () => 1;\n',
    );
    write('middle.ts', "export type { Thing as Hidden } from './thing.ts';\n");
    const entry = write(
      'index.ts',
      "export * from './thing.ts';\nexport { Hidden } from './middle.ts';\nexport { type Thing as Alias } from './thing.ts';\n",
    );
    const names = ['Thing', 'make', 'type Alias', 'type Hidden', 'type Shape'];
    expect(exportNamesOf(entry)).toEqual(names);
  });

  test('are none for a module without exports, and an entry point that is missing is an error', () => {
    expect(exportNamesOf(write('index.ts', 'const a = 1;\n'))).toEqual([]);
    expect(() => exportNamesOf(join(directory, 'gone.ts'))).toThrow(/gone\.ts does not exist/);
  });
});

describe('the check', () => {
  test('names what is exported without a promise, and what is promised but gone or only a type', () => {
    expect(
      checkExportNames('.', ['createSystem', 'attempt'], ['attempt', 'type createSystem', 'leak']),
    ).toEqual([
      '.: exports type createSystem, which is not promised: make it private or add it to test/support/public-api.ts',
      '.: exports leak, which is not promised: make it private or add it to test/support/public-api.ts',
      '.: no longer exports createSystem: put it back, or take it out of test/support/public-api.ts and say so in CHANGELOG.md',
    ]);
  });

  test('names entry points that are unknown or lacking, and targets that no build makes', () => {
    const exports = {
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './mcp': './dist/mcp/index.js',
      './package.json': './package.json',
    };
    const outputs = new Set(['./dist/index.js', './dist/mcp/index.js']);
    expect(checkPackageExports(exports, ['.', './client'], outputs)).toEqual([
      'package.json exports ./mcp, whose names test/support/public-api.ts does not list',
      'package.json does not export ./client',
      'package.json exports . as ./dist/index.d.ts, which the build does not make',
    ]);
  });

  test('names every entry point when package.json has no exports, and one that leads nowhere', () => {
    expect(checkPackageExports(null, ['.'], new Set())).toEqual(['package.json does not export .']);
    expect(checkPackageExports({ '.': null }, ['.'], new Set())).toEqual([
      'package.json exports . as null, which the build does not make',
    ]);
  });

  test('knows what the build makes from its configuration', () => {
    const outputs = buildOutputs(root);
    expect(outputs).toContain('./dist/testing/index.js');
    expect(outputs).toContain('./dist/base/errors.d.ts');
    expect(outputs).not.toContain('./dist/base/errors.js');
    expect([...outputs].filter((file) => !file.startsWith('./dist/'))).toEqual([]);
  });
});
