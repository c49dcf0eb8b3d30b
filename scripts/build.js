// Brings `dist` (the package) and, with the word `programs`, `.build` (examples, torture, bench, children of tests) up to date: nothing
// is done when nothing changed, else what changed is made again. What stands afterwards is what a build from nothing would leave.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const script = (path) => fileURLToPath(new URL(path, import.meta.url));
const compiler = script('../node_modules/typescript-7/bin/tsc');

const library = {
  config: 'tsconfig.build.json',
  sources: 'src',
  output: 'dist',
  inputs: ['src'],
  endings: ['.d.ts', '.d.ts.map'],
  /** Types are the compiler's, code is the bundler's. Returns its files. */
  finish: async () => (await import('./bundle.js')).bundle('src', 'dist'),
};

const programs = {
  config: 'tsconfig.programs.json',
  sources: '.',
  output: '.build',
  inputs: ['src', 'examples', 'test'],
  endings: ['.js', '.js.map'],
  finish: async () => [],
};

/** What the compiler remembers, and what this script does. They stand among the outputs, so that all goes together. */
const infoOf = (target) => join(target.output, '.tsbuildinfo');
const stampOf = (target) => join(target.output, '.stamp.json');

const filesIn = (directory) =>
  existsSync(directory)
    ? readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .sort()
    : [];

function print(lines) {
  const hash = createHash('sha256');
  for (const line of lines) hash.update(line).update('\0');
  return hash.digest('hex');
}

/** All that decides what is made: sources, configurations, installed packages and these scripts, by their content. */
function inputPrint({ inputs, config }) {
  const sources = inputs
    .flatMap(filesIn)
    .filter((path) => path.endsWith('.ts') && !path.includes('node_modules'));
  const others = ['tsconfig.json', config, 'package.json', 'node_modules/.package-lock.json'];
  const scripts = ['./build.js', './bundle.js'].map(script);
  const paths = [...sources, ...others, ...scripts].filter(existsSync);
  return print(paths.flatMap((path) => [path, readFileSync(path)]));
}

/** What stands there, by size and date. */
const outputPrint = (target) =>
  print(
    filesIn(target.output).flatMap((path) => {
      const { size, mtimeMs } = statSync(path);
      return path === stampOf(target) ? [] : [path, `${size} ${mtimeMs}`];
    }),
  );

function readStamp(target) {
  try {
    return JSON.parse(readFileSync(stampOf(target), 'utf8'));
  } catch {
    return {};
  }
}

/** The compiler's status, 0 when all is well. Without an end (interrupted, say) no stamp stands, and the next build starts from nothing. */
async function build(target) {
  const inputs = inputPrint(target);
  const stamp = readStamp(target);
  const untouched = stamp.outputs === outputPrint(target);
  if (untouched && stamp.inputs === inputs) return 0;
  rmSync(untouched ? stampOf(target) : target.output, { recursive: true, force: true });
  const { status } = spawnSync(process.execPath, [compiler, '-p', target.config], { stdio: 'inherit' });
  if (status === null || !existsSync(infoOf(target))) return status || 1;
  if (status === 0) removeStrays(target, await target.finish());
  const outputs = outputPrint(target);
  writeFileSync(stampOf(target), JSON.stringify(status === 0 ? { inputs, outputs } : { outputs }));
  return status;
}

/** Outputs of sources that are gone. */
function removeStrays(target, finished) {
  const { fileNames } = JSON.parse(readFileSync(infoOf(target), 'utf8'));
  const compiled = fileNames
    .map((name) => relative(target.sources, resolve(target.output, name)))
    .filter((name) => !name.startsWith('..') && !name.endsWith('.d.ts'))
    .flatMap((name) => target.endings.map((ending) => join(target.output, name.replace(/\.ts$/, ending))));
  const kept = new Set([infoOf(target), ...compiled, ...finished]);
  for (const path of filesIn(target.output)) if (!kept.has(path)) rmSync(path);
}

for (const target of process.argv[2] === 'programs' ? [library, programs] : [library]) {
  process.exitCode = await build(target);
  if (process.exitCode !== 0) break;
}
