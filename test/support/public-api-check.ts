// The public names against the promised ones, and `exports` of package.json against what the build makes.
import { posix, relative, sep } from 'node:path';
import ts from 'typescript';

const listFile = 'test/support/public-api.ts';

/** Names each export that is not promised, and each promised name that is not exported. */
export function checkExportNames(
  entry: string,
  expected: readonly string[],
  actual: readonly string[],
): readonly string[] {
  const added = actual.filter((name) => !expected.includes(name));
  const gone = expected.filter((name) => !actual.includes(name));
  return [
    ...added.map(
      (name) => `${entry}: exports ${name}, which is not promised: make it private or add it to ${listFile}`,
    ),
    ...gone.map(
      (name) =>
        `${entry}: no longer exports ${name}: put it back, or take it out of ${listFile} and say so in CHANGELOG.md`,
    ),
  ];
}

/** Names entry points of package.json that are not checked, checked ones that it lacks, and targets that no build makes. */
export function checkPackageExports(
  exports: unknown,
  entries: readonly string[],
  outputs: ReadonlySet<string>,
): readonly string[] {
  const targets = Object.entries(isObject(exports) ? exports : {}).filter(
    ([entry]) => entry !== './package.json',
  );
  const declared = targets.map(([entry]) => entry);
  const unchecked = declared.filter((entry) => !entries.includes(entry));
  const missing = entries.filter((entry) => !declared.includes(entry));
  return [
    ...unchecked.map((entry) => `package.json exports ${entry}, whose names ${listFile} does not list`),
    ...missing.map((entry) => `package.json does not export ${entry}`),
    ...targets.flatMap(([entry, target]) =>
      filesOf(target)
        .filter((file) => !outputs.has(file))
        .map((file) => `package.json exports ${entry} as ${file}, which the build does not make`),
    ),
  ];
}

function filesOf(target: unknown): readonly string[] {
  if (typeof target === 'string') return [target];
  return isObject(target) ? Object.values(target).flatMap((inner) => filesOf(inner)) : [String(target)];
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/**
 * What a build would write by names that are known before, relative to `root` and beginning with `./`, without writing it: the types of
 * each source, and the code of each entry point, which is an `index.ts`.
 */
export function buildOutputs(root: string, configFile = 'tsconfig.build.json'): ReadonlySet<string> {
  const path = posix.join(root, configFile);
  const { config, error } = ts.readConfigFile(path, ts.sys.readFile);
  if (error !== undefined) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'));
  const build = ts.parseJsonConfigFileContent(config, ts.sys, root, undefined, path);
  const outputs = build.fileNames
    .filter((file) => !file.endsWith('.d.ts'))
    .flatMap((file) => ts.getOutputFileNames(build, file, !ts.sys.useCaseSensitiveFileNames))
    .map((file) => `./${relative(root, file).split(sep).join('/')}`);
  const entries = outputs.filter((path) => path.endsWith('/index.d.ts'));
  return new Set([...outputs, ...entries.map((path) => path.replace('.d.ts', '.js'))]);
}
