// Every option is read by somebody, taken by the schema and written down with the defaults that hold.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { optionNames, parseConfig } from '../src/base/config.ts';
import { defaultSessionConfig, strictSessionConfig } from '../src/domain/session/session-config.ts';
import { configChanges } from '../src/operations/session-config-schema.ts';
import { checkOptions } from './support/option-check.ts';
import { checkOptionDocs, type Documented } from './support/option-docs-check.ts';
import { readSourceTree, sourceTreeOf } from './support/source-tree.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const numberNames = Object.keys(defaultSessionConfig);

const configOf = (limits: 'default' | 'strict') => {
  const { location: _, limits: __, ...config } = parseConfig({ location: 'x', limits }, configChanges).config;
  return { ...config, limits: 'default' };
};

describe('every option', () => {
  test('is read by a source, and taken by the schema', () => {
    expect(checkOptions(readSourceTree(root), optionNames, numberNames)).toEqual([]);
  });

  test('stands in docs/options.md, with its default and the one of strict limits', async () => {
    const tables: readonly Documented[] = [
      {
        heading: 'Options of createSystem',
        names: optionNames,
        defaults: configOf('default'),
        strict: configOf('strict'),
      },
      {
        heading: 'Numbers of a session',
        names: numberNames,
        defaults: { ...defaultSessionConfig },
        strict: { ...strictSessionConfig },
      },
    ];
    expect(checkOptionDocs(await readFile(`${root}/docs/options.md`, 'utf8'), tables)).toEqual([]);
  });
});

describe('an option that nothing reads is named', () => {
  const schema = 'export const schema = { ghostMs: 1 }; export const read = (o: any) => o.ghostMs;\n';
  const reader = (text: string) => ({ 'src/base/config.ts': schema, 'src/system.ts': text });

  test.each([
    ['nobody knows it', ''],
    ['it is only handed on', 'export const a = (ghostMs: number) => ({ ghostMs, b: { ghostMs: 1 } });'],
    ['it is only set', 'export const a = (o: any) => { o.ghostMs = 1; };'],
    ['it is only declared', 'export interface Parts { readonly ghostMs: number }'],
    ['it is only in a text', "export const a = 'options.ghostMs'; // options.ghostMs"],
    ['the rest is called so', 'export const a = ({ b, ...ghostMs }: any) => [b, ghostMs];'],
  ])('when %s', (_, text) => {
    expect(checkOptions(sourceTreeOf(reader(text)), ['ghostMs'], [])).toEqual([
      'ghostMs: an option that nothing reads',
    ]);
  });

  test('when only a system for tests reads it', () => {
    const tree = sourceTreeOf({ 'src/testing/a.ts': 'export const a = (o: any) => o.ghostMs;' });
    expect(checkOptions(tree, [], ['ghostMs'])).toEqual(['ghostMs: an option that nothing reads']);
  });

  test.each([
    'export const a = (o: any) => o.ghostMs;',
    "export const a = (o: any) => o['ghostMs'];",
    'export const a = (o: any) => o?.ghostMs ?? 1;',
    'export const a = ({ ghostMs }: any) => ghostMs;',
    'export const a = ({ ghostMs: b = 1 }: any) => b;',
  ])('but not with %s', (text) => {
    expect(checkOptions(sourceTreeOf(reader(text)), ['ghostMs'], [])).toEqual([]);
  });
});

test('a member of the type that the schema would refuse is named with its place', () => {
  const tree = sourceTreeOf({
    'src/system.ts':
      'export interface SystemOptions {\n  readonly ghost?: () => void;\n}\nexport const a = (o: SystemOptions) => o.ghost;\n',
    'src/domain/session/session-config.ts':
      'export interface SessionConfig { readonly few: number }\nexport const a = ({ few }: SessionConfig) => few;\n',
  });
  expect(checkOptions(tree, [], [])).toEqual([
    'src/system.ts:2: ghost is in the type, but not in the schema',
    'src/domain/session/session-config.ts:1: few is in the type, but not in the schema',
  ]);
});

describe('the docs are held to the schema', () => {
  const table: Documented = {
    heading: 'Options',
    names: ['aMs', 'b'],
    defaults: { aMs: 300_000, b: undefined },
    strict: { aMs: null },
  };
  const right = '## Options\n\n| `aMs` | how long | 300,000 | `null` |\n| `b` | what | nobody | |\n';
  const check = (markdown: string) => checkOptionDocs(markdown, [table]);

  test('and may say what is so', () => {
    expect(check(right)).toEqual([]);
  });

  test.each([
    [
      'another default',
      right.replace('300,000', '300000'),
      'aMs: the docs say default 300000, it is 300,000',
    ],
    ['another strict one', right.replace('`null`', 'none'), 'aMs: the docs say strict none, it is `null`'],
    ['no row', right.replace(/\| `b`.*\n/, ''), 'b: not in the docs, under Options'],
    [
      'another row',
      `${right}| \`c\` | what | | |\n`,
      'c: in the docs, under Options, but no option, or twice',
    ],
    [
      'a row twice',
      `${right}| \`b\` | what | | |\n`,
      'b: in the docs, under Options, but no option, or twice',
    ],
    ['no meaning', right.replace('what', ''), 'b: the docs do not say what it is'],
  ])('with %s they are not', (_, markdown, fault) => {
    expect(check(markdown)).toEqual([fault]);
  });

  test('without their heading they say nothing', () => {
    expect(check(right.replace('Options', 'Other'))).toHaveLength(2);
  });
});
