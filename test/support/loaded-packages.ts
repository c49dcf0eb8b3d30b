// Which packages a program really loads: a child process runs it under a loader hook that writes down every file.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { packageNameOf } from './package-name.ts';

/** ES modules pass through the hook, in workers too. */
const hooks = `
import { appendFileSync } from 'node:fs';
const record = new URL('./loaded.txt', import.meta.url);
export async function load(url, context, nextLoad) {
  appendFileSync(record, url + '\\n');
  return nextLoad(url, context);
}
`;

/** What CommonJS modules require of each other passes no hook, but stands in the cache at the end; addons do too. */
const preload = `
import { appendFileSync } from 'node:fs';
import { createRequire, register } from 'node:module';
const record = new URL('./loaded.txt', import.meta.url);
register('./hooks.mjs', import.meta.url);
const { cache } = createRequire(import.meta.url);
process.on('exit', () => appendFileSync(record, Object.keys(cache).join('\\n') + '\\n'));
`;

/**
 * Runs `node script ...args` to its end and returns the names of the packages under `node_modules` that it loaded.
 * Rejects with the script's error output when it fails or takes longer than 20 s.
 */
export async function loadedPackages(
  script: string,
  args: readonly string[] = [],
): Promise<ReadonlySet<string>> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-loaded-'));
  try {
    await writeFile(join(directory, 'hooks.mjs'), hooks);
    await writeFile(join(directory, 'preload.mjs'), preload);
    await run(['--import', pathToFileURL(join(directory, 'preload.mjs')).href, script, ...args]);
    const record = await readFile(join(directory, 'loaded.txt'), 'utf8');
    return new Set(record.split('\n').flatMap((file) => packageOf(file) ?? []));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The hook writes URLs, the cache holds paths. */
function packageOf(file: string): string | undefined {
  const path = file.startsWith('file:') ? fileURLToPath(file) : file;
  const parts = path.split(/[\\/]node_modules[\\/]/);
  const inside = parts.length > 1 ? parts.at(-1) : undefined;
  return inside && packageNameOf(inside.replaceAll('\\', '/'));
}

function run(args: readonly string[]): Promise<void> {
  // A runner's own options would load the runner's packages into the child.
  const { NODE_OPTIONS: _options, NODE_V8_COVERAGE: _coverage, ...env } = process.env;
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { env, timeout: 20_000 }, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}
