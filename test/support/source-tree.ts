// Sources as parsed files: from the disk, or, for fixtures, from memory. Paths are relative and have forward slashes.
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import ts from 'typescript';

export type SourceTree = ReadonlyMap<string, ts.SourceFile>;

export function sourceTreeOf(texts: Readonly<Record<string, string>>): SourceTree {
  return new Map(Object.entries(texts).map(([path, text]) => [path, parse(path, text)]));
}

/** Every TypeScript or JavaScript file below `root/folder`, in the order of the paths. */
export function readSourceTree(root: string, folder = 'src'): SourceTree {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  const paths = names.filter((name) => /\.[cm]?[jt]sx?$/.test(name)).sort();
  return new Map(
    paths.map((name) => {
      const path = `${folder}/${name.split(sep).join('/')}`;
      return [path, parse(path, readFileSync(join(root, path), 'utf8'))];
    }),
  );
}

/** The node and all that is below it, in the order of the text. Comments are not nodes. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => {
    children.push(child);
  });
  for (const child of children) yield* nodesOf(child);
}

/** `src/base/clock.ts:12`, for messages. */
export function placeOf(node: ts.Node): string {
  const file = node.getSourceFile();
  return `${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}
