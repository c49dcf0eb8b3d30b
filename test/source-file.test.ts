// What each source file must be by itself, tried on files that are not.
import { expect, test } from 'vitest';
import { checkFiles } from './support/file-check.ts';
import { sourceTreeOf } from './support/source-tree.ts';

const violationsOf = (texts: Readonly<Record<string, string>>): readonly string[] =>
  checkFiles(sourceTreeOf(texts));

const target = 'export const a = 1;\n';

test('one that is too long, and one whose room the plan does not name, are named', () => {
  const texts = {
    'src/base/long.ts': target.repeat(401),
    'src/base/just.ts': target.repeat(400),
    'src/helpers/x.ts': target,
    'src/helpers/y.ts': target,
    'src/loose.ts': target,
  };
  expect(violationsOf(texts)).toEqual([
    'src/base/long.ts: 401 lines, the limit is 400',
    'src/helpers: the plan has no room of this name',
    'src/loose.ts: the plan has no room of this name',
  ]);
});

test.each([
  ['export default 1;', 'default export'],
  ['export default class A {}', 'default export'],
  ['const a = 1;\nexport { a as default };', 'default export'],
  ["export * as default from './y.ts';", 'default export'],
  ['export let a = 1;', 'mutable module state: let a'],
  ['var a = 1;', 'mutable module state: var a'],
  ['const a = new Map<string, number>();', 'mutable module state: const a'],
  ['class A { static count = 0; }', 'mutable module state: static count'],
])('%s is named', (text, violation) => {
  expect(violationsOf({ 'src/base/x.ts': text }).map((found) => found.replace(/^\S+: /, ''))).toEqual([
    violation,
  ]);
});

test('constants, and variables within functions, are no module state', () => {
  const text =
    "const a = new Set(['x']);\nexport * as names from './y.ts';\nconst beside = new WeakMap<object, number>();\nclass A { static readonly b = 1; c = 2; }\nfunction f() { let d = 1; return d; }\n";
  expect(violationsOf({ 'src/base/x.ts': text })).toEqual([]);
});

test('a barrel that is no entry point, and an entry barrel that holds code, are named', () => {
  const texts = {
    'src/journal/index.ts': "export { a } from './a.ts';\n",
    'src/journal/a.ts': target,
    'src/index.ts': `${target}import { b } from './b.ts';\nexport { b };\nexport * from './c.ts';\n`,
  };
  expect(violationsOf(texts)).toEqual([
    'src/journal/index.ts: barrels stand only at entry points',
    'src/index.ts:1: an entry barrel holds re-exports only',
    'src/index.ts:2: an entry barrel holds re-exports only',
    'src/index.ts:3: an entry barrel holds re-exports only',
  ]);
});
