// Makes the package's code: a file for each entry point, and beside them a few that they share. Node spends most of the time of an
// import on the number of files, and the sources are hundreds.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { rolldown } from 'rolldown';

/** First files of threads and processes. Who starts one looks for it beside itself: it stands where the shared files stand. */
const isThread = (path) => path.endsWith('-entry.ts');

const shared = 'chunks';

/** Writes what differs from what is there, so that programs that run are left alone. Returns the paths of all. */
export async function bundle(sources, output) {
  const files = await bundled(sources);
  for (const [name, content] of files) {
    const path = join(output, name);
    if (existsSync(path) && readFileSync(path, 'utf8') === content) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  return files.map(([name]) => join(output, name));
}

async function bundled(sources) {
  const paths = readdirSync(sources, { recursive: true })
    .sort()
    .map((path) => join(sources, path));
  // What package.json exports.
  const entryPoints = paths.filter((path) => basename(path) === 'index.ts');
  const named = [
    ...entryPoints.map((path) => [relative(sources, path).replace(/\.ts$/, ''), path]),
    ...paths.filter(isThread).map((path) => [`${shared}/${basename(path, '.ts')}`, path]),
  ];
  const build = await rolldown({
    input: Object.fromEntries(named),
    platform: 'node',
    external: /^[^./]/,
    tsconfig: false,
    transform: { target: 'es2022' },
  });
  const { output } = await build.generate({
    format: 'esm',
    sourcemap: true,
    // Names of functions and exports stay what they are in the sources.
    keepNames: true,
    minifyInternalExports: false,
    chunkFileNames: `${shared}/[name].js`,
  });
  await build.close();
  return output.map((file) => [file.fileName, file.type === 'chunk' ? file.code : String(file.source)]);
}
