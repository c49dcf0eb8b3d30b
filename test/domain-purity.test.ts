// The check that keeps the law pure, tried on laws that are not.
import { expect, test } from 'vitest';
import { checkDomain } from './support/domain-check.ts';
import { sourceTreeOf } from './support/source-tree.ts';

const path = 'src/domain/x.ts';
const violationsOf = (text: string): readonly string[] => checkDomain(sourceTreeOf({ [path]: text }));

test.each([
  ['const at = () => Date.now();', 'Date.now'],
  ['const at = () => new Date();', 'new Date()'],
  ['const at = () => Date();', 'Date'],
  ['const { now } = Date;', 'Date'],
  ['const at = () => performance.now();', 'performance'],
  ['const at = () => Math.random();', 'Math.random'],
  ["const at = () => Math['random']();", 'Math.random'],
  ['const id = () => crypto.randomUUID();', 'crypto'],
  ['const id = () => globalThis.crypto.randomUUID();', 'globalThis'],
  ['const wait = (task: () => void) => setTimeout(task, 1);', 'setTimeout'],
  ['const env = () => ({ process });', 'process'],
  ['const env = ({ host = process }) => host;', 'process'],
  ["import { systemClock } from '../base/clock.ts';", 'systemClock'],
  ["import { randomId as id } from '../base/ids.ts';", 'randomId'],
])('clock, chance and process are named in the law: %s', (text, use) => {
  expect(violationsOf(text)).toEqual([`${path}:1: the law may not use ${use}`]);
});

test.each([
  'const at = (ms: number) => new Date(ms).toISOString();',
  'const at = (text: string) => Date.parse(text);',
  'const least = Math.min(1, 2);',
  'interface A { process: string; readonly at: Date; performance(): void }',
  'const rate = (a: { process: string }) => a.process;',
  'const run = (process: string) => process;',
  '// Date.now() is forbidden here\nconst text = "Math.random()";',
  'const name = ({ process: name }: { process: string }) => name;',
  "import type { Clock, systemClock } from '../base/clock.ts';",
  "import { type randomId } from '../base/ids.ts';",
  "import { read } from './read.ts';\nconst page = (seq: number) => read({ after: seq });",
  "import type { Snapshot } from 'xstate';\nconst page = (seq: number) => ({ after: seq });",
])('words that only look like them are not: %s', (text) => {
  expect(violationsOf(text)).toEqual([]);
});

const machine = (state: string): string =>
  `import { createMachine } from 'xstate';\nexport const m = createMachine({ states: { a: { ${state} } } });\n`;

test.each([
  ["invoke: { src: 'x' }", 'invoke'],
  ["after: { 1000: 'b' }", 'after'],
  ["'after': { 1000: 'b' }", 'after'],
  ['invoke() {}', 'invoke'],
  ['after', 'after'],
  ["entry: raise({ type: 'x' }, { delay: 10 })", 'delay'],
  ["entry: assign(({ spawn }) => ({ child: spawn('x') }))", 'spawn'],
])('a machine that starts or awaits something by itself is named: %s', (state, key) => {
  expect(violationsOf(machine(state))).toEqual([`${path}:2: a machine of the law may not have ${key}`]);
});

test('the makers of children are named where they are imported', () => {
  const text = "import { createMachine, fromPromise, spawnChild } from 'xstate';\n";
  expect(violationsOf(text)).toEqual([
    `${path}:1: a machine of the law may not use fromPromise`,
    `${path}:1: a machine of the law may not use spawnChild`,
  ]);
});

test('a machine of plain transitions is no violation, and other rooms are not judged', () => {
  expect(violationsOf(machine("on: { go: 'b' }"))).toEqual([]);
  expect(checkDomain(sourceTreeOf({ 'src/actor/x.ts': machine("invoke: { src: 'x' }") }))).toEqual([]);
});
