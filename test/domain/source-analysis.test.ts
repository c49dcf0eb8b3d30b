// What is said of source files without a parser: by example for each language, and never slower than its text is long.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { analyseSource } from '../../src/domain/text/source-analysis.ts';
import { maskComments } from '../../src/domain/text/source-language.ts';

const script = `// import 'not-this'
import { a } from './a.ts';
import type { B } from "b";
export * from '../c';
const d = require('d'), e = await import('e');
/* class NotThis { */
export class Shop<T> {
  const inner = "{ not a bracket";
}
export default async function buy() {}
let sold = 0;
`;

describe('a source file', () => {
  test('in TypeScript has its imports and declarations, without what stands in comments and texts', () => {
    const { language, syntax, dependencies, structure } = analyseSource('src/shop.ts', script, 'full');
    expect(language).toBe('typescript');
    expect(syntax).toEqual({ lines: 11, codeLines: 9, balanced: true, unbalancedAt: null });
    expect(dependencies).toEqual({ relative: ['../c', './a.ts'], external: ['b', 'd', 'e'] });
    expect(structure).toEqual([
      { kind: 'const', name: 'd', line: 5, isExported: false },
      { kind: 'class', name: 'Shop', line: 7, isExported: true },
      { kind: 'function', name: 'buy', line: 10, isExported: true },
      { kind: 'let', name: 'sold', line: 11, isExported: false },
    ]);
  });

  test.each([
    [
      'a.py',
      'import os\nfrom .b import c\n# import d\n"""\nclass No(\n"""\nclass Yes:\n  def _f(self): pass',
      ['os'],
      ['.b'],
      ['Yes', '_f'],
    ],
    [
      'a.go',
      'import (\n  "fmt"\n  x "a/b"\n)\nfunc (s *S) Run() {}\ntype t struct {}',
      ['a/b', 'fmt'],
      [],
      ['Run', 't'],
    ],
    ['a.rs', 'use crate::x;\nuse std::io;\npub fn f() {}\nstruct S;', ['std::io'], ['crate::x'], ['f', 'S']],
    ['A.java', 'import a.b.C;\npublic final class A {}', ['a.b.C'], [], ['A']],
    ['a.txt', 'import x from "y"', [], [], []],
  ])('%s', (path, text, external, relative, names) => {
    const { dependencies, structure, syntax } = analyseSource(path, text, 'full');
    expect(dependencies).toEqual({ external, relative });
    expect(structure?.map(({ name }) => name)).toEqual(names);
    expect(syntax?.balanced).toBe(true);
  });

  test('with a bracket too many or too few says on which line', () => {
    const syntaxOf = (text: string) => analyseSource('a.js', text, 'syntax').syntax;
    expect(syntaxOf('f(\n[1, 2)\n')).toMatchObject({ balanced: false, unbalancedAt: 2 });
    expect(syntaxOf('a {\nb {\n}\n')).toMatchObject({ balanced: false, unbalancedAt: 1 });
  });

  test('has only the part that was asked for', () => {
    expect(Object.keys(analyseSource('a.ts', script, 'dependencies'))).toEqual(['language', 'dependencies']);
    expect(Object.keys(analyseSource('a.ts', script, 'structure'))).toEqual(['language', 'structure']);
  });

  test('keeps its length and its lines without comments, whatever it holds', () => {
    const pieces = fc.constantFrom('/*', '*/', '//', '"', "'", '`', '\\', '\n', 'a', '{', '😀', '"""');
    const text = fc.array(pieces, { maxLength: 60, size: 'max' }).map((all) => all.join(''));
    fc.assert(
      fc.property(text, fc.constantFrom('typescript', 'python', 'rust', 'text'), (given, language) => {
        const { code, bare } = maskComments(given, language);
        for (const masked of [code, bare]) {
          expect(masked.length).toBe(given.length);
          expect(masked.split('\n').length).toBe(given.split('\n').length);
        }
      }),
      { numRuns: 200 },
    );
  });
});
