// A build that makes only what changed leaves what a build from nothing would leave.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-build-'));
  // The project's own configurations, on a library of two files and one program that need no package.
  for (const name of ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.programs.json']) {
    write(name, readFileSync(join(root, name), 'utf8').replace('"types": ["node"]', '"types": []'));
  }
  write('package.json', JSON.stringify({ name: 'holdfast', type: 'module' }));
  write('src/index.ts', "export { one } from './room/one.ts';\n");
  write('src/room/one.ts', 'export const one: number = 1;\n');
  write('examples/first/main.ts', "import { one } from 'holdfast';\n\nexport const text = one.toFixed();\n");
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
};

const read = (path: string): string => readFileSync(join(directory, path), 'utf8');

const exists = (path: string): boolean => existsSync(join(directory, path));

const writtenAt = (path: string): number => statSync(join(directory, path)).mtimeMs;

const build = (...args: readonly string[]): { readonly status: number | null; readonly stdout: string } => {
  const script = join(root, 'scripts/build.js');
  const { status, stdout } = spawnSync(process.execPath, [script, ...args], {
    cwd: directory,
    encoding: 'utf8',
  });
  return { status, stdout };
};

const fine = { status: 0, stdout: '' };

/** The outputs by name, without what a build remembers. */
const outputs = (folder: string): readonly string[] =>
  readdirSync(join(directory, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(js|ts|map)$/.test(path))
    .sort();

/** The types of each source, and one file of code for the entry point. */
const wholeLibrary = [
  ...['index.d.ts', 'index.d.ts.map', 'index.js', 'index.js.map'],
  ...['room/one.d.ts', 'room/one.d.ts.map'],
];

describe('a build', () => {
  test('makes the library and the programs, and leaves both alone when nothing changed', () => {
    expect(build('programs')).toEqual(fine);
    expect(outputs('dist')).toEqual(wholeLibrary);
    expect(outputs('.build')).toEqual(['examples/first/main.js', 'examples/first/main.js.map']);
    const before = ['dist/index.js', '.build/examples/first/main.js'].map(writtenAt);

    expect(build('programs')).toEqual(fine);
    expect(['dist/index.js', '.build/examples/first/main.js'].map(writtenAt)).toEqual(before);
  });

  test('compiles what changed, however old its date, and fails until what uses it fits', () => {
    write(
      'src/index.ts',
      "import { one } from './room/one.ts';\n\nexport const text = () => one.toFixed();\n",
    );
    build();
    write('src/room/one.ts', "export const one: string = 'one';\n");
    utimesSync(join(directory, 'src/room/one.ts'), 0, 0);

    const failed = build();
    expect(failed.status).not.toBe(0);
    expect(failed.stdout).toContain("Property 'toFixed' does not exist");
    expect(build()).toEqual(failed);
    write('src/room/one.ts', 'export const one: number = 2;\n');
    expect(build()).toEqual(fine);
    expect(read('dist/index.js')).toContain('=> 2');
  });

  test('removes what has no source any more', () => {
    write('src/room/two.ts', 'export const two: number = 2;\n');
    build();
    expect(exists('dist/room/two.d.ts')).toBe(true);
    rmSync(join(directory, 'src/room/two.ts'));
    write('dist/stray.js', '');

    expect(build()).toEqual(fine);
    expect(outputs('dist')).toEqual(wholeLibrary);
  });

  test('mends an output that is missing or was written since, and a memory that is torn', () => {
    build();
    const library = wholeLibrary.map((path) => read(`dist/${path}`));
    const damages = [
      () => rmSync(join(directory, 'dist/room/one.d.ts')),
      () => write('dist/room/one.d.ts', 'export declare const on'),
      () => write('dist/index.js', 'export const on'),
      () => write('dist/.tsbuildinfo', '{"version":'),
      () => write('dist/.stamp.json', '{"inputs":'),
    ];
    for (const damage of damages) {
      damage();
      expect(build()).toEqual(fine);
      expect(outputs('dist')).toEqual(wholeLibrary);
      expect(wholeLibrary.map((path) => read(`dist/${path}`))).toEqual(library);
    }
  });
});

describe('the package', () => {
  const { files, scripts }: { files: readonly string[]; scripts: { readonly prepare: string } } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );

  test('is built when it is packed, and holds neither what a build remembers nor maps to sources that it lacks', () => {
    const prepare = scripts.prepare.replace('scripts/', join(root, 'scripts/'));
    const manifest = { name: 'holdfast', version: '0.0.1', type: 'module', files, scripts: { prepare } };
    write('package.json', JSON.stringify(manifest));
    write('docs/semantics.md', '');
    for (const command of ['npm pack --silent', 'tar -xzf holdfast-0.0.1.tgz'])
      expect(spawnSync(command, { cwd: directory, shell: true })).toMatchObject({ status: 0 });
    expect(readdirSync(join(directory, 'package/dist'), { recursive: true }).toSorted()).toEqual([
      ...['index.d.ts', 'index.js', 'index.js.map', 'room', 'room/one.d.ts'],
    ]);
    expect(exists('package/docs/semantics.md')).toBe(true);
    expect(exists('package/src')).toBe(false);
  });

  test('holds all that its pages link to', () => {
    const shipped = ['package.json', ...files];
    const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' });
    const pages = [...shipped, ...docs.map((path) => join('docs', path))].filter((path) =>
      path.endsWith('.md'),
    );
    expect(pages.length).toBeGreaterThan(20);
    const isShipped = (path: string): boolean =>
      shipped.some((name) => path === name || path.startsWith(`${name}/`));
    for (const page of pages) {
      const links = [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)];
      const linked = links.map(([, link = '']) => join(dirname(page), link));
      expect([page, linked.filter((path) => !isShipped(path))]).toEqual([page, []]);
    }
  });
});
