// The import plan is a test: the real sources keep it, and each kind of breach is named.
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkArchitecture } from './support/architecture-check.ts';
import { packagePlan, roomPlan } from './support/architecture-plan.ts';
import { findCycles, graphOf } from './support/cycle-search.ts';
import { readSourceTree, sourceTreeOf } from './support/source-tree.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

const violationsOf = (texts: Readonly<Record<string, string>>): readonly string[] =>
  checkArchitecture(sourceTreeOf(texts));

const target = 'export const a = 1;\n';

describe('the house', () => {
  test('keeps its plan', () => {
    expect(checkArchitecture(readSourceTree(root))).toEqual([]);
  });

  test('has a plan without cycles, in which every name is a room', () => {
    const edges = Object.entries(roomPlan).flatMap(([room, { may, types = [] }]) =>
      [...may, ...types].map((other): [string, string] => [room, other]),
    );
    expect(findCycles(graphOf(edges))).toEqual([]);
    const packages = Object.values(packagePlan).flatMap(({ may, types = [] }) => [...may, ...types]);
    const named = [...edges.map(([, other]) => other), ...packages];
    expect(named.filter((room) => !Object.hasOwn(roomPlan, room))).toEqual([]);
  });

  test('lets nobody import the doors, the cluster, the adapters and the tests', () => {
    const closed = ['gateway', 'mcp', 'dashboard', 'cli', 'cluster', 'adapters', 'testing', 'index'];
    const open = Object.entries(roomPlan).flatMap(([room, { may, types = [] }]) =>
      [...may, ...types].filter((other) => closed.includes(other)).map((other) => `${room} -> ${other}`),
    );
    expect(open).toEqual([]);
  });
});

describe('arrows between rooms', () => {
  test.each([
    ['an import', "import { a } from '../session/a.ts';"],
    ['a type import', "import type { a } from '../session/a.ts';"],
    ['an import for its effect', "import '../session/a.ts';"],
    ['a re-export', "export { a } from '../session/a.ts';"],
    ['a lazy import', "export const a = () => import('../session/a.ts');"],
    ['an import of a type in place', "export type A = import('../session/a.ts').A;"],
    ['a require', "const a = require('../session/a.ts');"],
    ['an import of the emitted name', "import { a } from '../session/a.js';"],
  ])('a forbidden one is named when it is %s', (_, text) => {
    expect(violationsOf({ 'src/journal/x.ts': text, 'src/session/a.ts': target })).toEqual([
      'src/journal/x.ts -> src/session/a.ts: journal may not import session',
    ]);
  });

  test('one in a comment or in a text does not count', () => {
    const text =
      "// import '../session/a.ts'\n/* import 'nats' */\nexport const a = \"import '../session/a.ts'\";\n";
    expect(violationsOf({ 'src/journal/x.ts': text, 'src/session/a.ts': target })).toEqual([]);
  });

  test('one that is computed at run time names nothing', () => {
    expect(violationsOf({ 'src/actor/x.ts': 'export const load = (url: string) => import(url);\n' })).toEqual(
      [],
    );
  });

  test('a lawful one and one within a room are no violation', () => {
    const texts = {
      'src/session/x.ts': "import { a } from './y.ts';\nimport { b } from '../base/b.ts';\n",
      'src/session/y.ts': target,
      'src/base/b.ts': 'export const b = 1;\n',
    };
    expect(violationsOf(texts)).toEqual([]);
  });

  test('the public names may show only types of the journal', () => {
    const texts = {
      'src/index.ts': "export { a } from './journal/a.ts';\nexport type { A } from './journal/b.ts';\n",
      'src/journal/a.ts': target,
      'src/journal/b.ts': 'export type A = 1;\n',
    };
    expect(violationsOf(texts)).toEqual([
      'src/index.ts -> src/journal/a.ts: index may take only types of journal, with "import type" or "export type"',
    ]);
  });

  test('one that leaves the sources, leads nowhere or goes through an entry barrel is named', () => {
    const texts = {
      'src/client/index.ts': "export { a } from './a.ts';\n",
      'src/client/a.ts': target,
      'src/client/b.ts': "import '../../test/x.ts';\nimport './gone.ts';\n",
      'src/system.ts': "import { a } from './client/index.ts';\n",
    };
    expect(violationsOf(texts)).toEqual([
      'src/client/b.ts -> test/x.ts: an import may not leave src',
      'src/client/b.ts -> src/client/gone.ts: there is no such file',
      'src/system.ts -> src/client/index.ts: inside, a file imports files, not an entry barrel',
    ]);
  });

  test('cycles of files and of rooms are named, also when types alone make them', () => {
    const files = {
      'src/base/a.ts': "import './b.ts';\n",
      'src/base/b.ts': "import type { A } from './c.ts';\n",
      'src/base/c.ts': "import './a.ts';\n",
    };
    expect(violationsOf(files)).toEqual([
      'cycle of files: src/base/a.ts -> src/base/b.ts -> src/base/c.ts -> src/base/a.ts',
    ]);
    const rooms = {
      'src/base/a.ts': "import type { B } from '../journal/b.ts';\n",
      'src/base/c.ts': target,
      'src/journal/b.ts': "import '../base/c.ts';\n",
    };
    expect(violationsOf(rooms)).toEqual([
      'src/base/a.ts -> src/journal/b.ts: base may not import journal',
      'cycle of rooms: base -> journal -> base',
    ]);
  });
});

describe('outside packages', () => {
  test.each([
    ['src/session/x.ts', "import { Level } from 'level';", 'level: only journal may open level'],
    ['src/entity/x.ts', "import { z } from 'zod/v4';", 'zod/v4: only base and operations may open zod'],
    ['src/domain/x.ts', "import '@xstate/store';", '@xstate/store: only projection may open @xstate/store'],
    [
      'src/journal/x.ts',
      "import { kv } from '@nats-io/kv';",
      '@nats-io/kv: only cluster may open @nats-io/kv',
    ],
    ['src/journal/x.ts', "import 'memory-level';", 'memory-level: only testing may open memory-level'],
    ['src/base/x.ts', "import 'left-pad';", 'left-pad: the plan has no room for the package left-pad'],
    ['src/base/x.ts', "import 'holdfast';", 'holdfast: the plan has no room for the package holdfast'],
    ['src/base/x.ts', "import 'fs';", 'fs: write node:fs'],
    ['src/domain/x.ts', "import 'node:crypto';", 'node:crypto: domain may not open node: builtins'],
  ])('one in the wrong room is named: %s, %s', (path, text, violation) => {
    expect(violationsOf({ [path]: `${text}\n` })).toEqual([`${path} -> ${violation}`]);
  });

  test('one that is open for types is not open for values, nor for an inline type that still loads it', () => {
    const typed = "import type { Actor } from 'xstate';\nexport type A = import('xstate').Snapshot;\n";
    expect(violationsOf({ 'src/session/x.ts': typed })).toEqual([]);
    for (const text of [
      "import { createActor } from 'xstate';\n",
      "import { type Actor } from 'xstate';\n",
      "const lazy = () => import('xstate');\n",
    ]) {
      expect(violationsOf({ 'src/session/x.ts': text })).toEqual([
        'src/session/x.ts -> xstate: session may take only types of xstate, with "import type"',
      ]);
    }
  });

  test('one in its room is no violation', () => {
    const texts = {
      'src/journal/x.ts': "import { Level } from 'level';\nimport { join } from 'node:path';\n",
      'src/actor/x.ts': "import { createActor } from 'xstate';\n",
      'src/cluster/x.ts': "import { connect } from '@nats-io/transport-node';\n",
    };
    expect(violationsOf(texts)).toEqual([]);
  });
});
