// One catalogue of errors: what the sources raise, what it lists and what the docs explain are the same.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { errorCatalogue } from '../src/base/error-catalogue.ts';
import { checkErrorDocs } from './support/error-docs-check.ts';
import { checkErrorUse } from './support/error-use-check.ts';
import { readSourceTree, sourceTreeOf } from './support/source-tree.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

describe('the error catalogue', () => {
  test('equals docs/errors.md, both ways', () => {
    expect(checkErrorDocs(errorCatalogue, readFileSync(`${root}docs/errors.md`, 'utf8'))).toEqual([]);
  });

  test('holds exactly the codes that the sources raise', () => {
    expect(checkErrorUse(errorCatalogue, readSourceTree(root))).toEqual([]);
  });
});

const small = {
  DISK_FULL: { message: 'The disk of {host} is full', retryable: true },
  NOT_FOUND: { message: 'There is none', retryable: false },
};

const sectionOf = (code: string, retryable: string, advice = 'What to do: make room on `host`.'): string =>
  `### ${code}\n\nIt happened.\n\nRetryable: ${retryable}\n\n${advice}\n\n`;

describe('the check of the docs', () => {
  test('accepts docs that say the same', () => {
    expect(checkErrorDocs(small, sectionOf('DISK_FULL', 'yes') + sectionOf('NOT_FOUND', 'no'))).toEqual([]);
  });

  test('names a missing, a superfluous and a repeated section', () => {
    const docs = sectionOf('DISK_FULL', 'yes') + sectionOf('DISK_FULL', 'yes') + sectionOf('toString', 'no');
    expect(checkErrorDocs(small, `${docs}${sectionOf('MELTED', 'no')}`)).toEqual([
      'NOT_FOUND: in the catalogue, but without a section in the docs',
      'DISK_FULL: has more than one section in the docs',
      'MELTED: in the docs, but not in the catalogue',
    ]);
  });

  test('names a wrong and a missing word on retrying', () => {
    expect(checkErrorDocs(small, sectionOf('DISK_FULL', 'no') + sectionOf('NOT_FOUND', 'perhaps'))).toEqual([
      'DISK_FULL: the docs say "Retryable: no", the catalogue says yes',
      'NOT_FOUND: the docs do not say whether it is retryable',
    ]);
  });

  test('names missing and empty advice, and a detail that is not explained', () => {
    const docs = sectionOf('DISK_FULL', 'yes', 'Good luck.') + sectionOf('NOT_FOUND', 'no', 'What to do: ');
    expect(checkErrorDocs(small, docs)).toEqual([
      'DISK_FULL: the docs do not say what to do',
      'DISK_FULL: the docs do not explain its detail host',
      'NOT_FOUND: the docs do not say what to do',
    ]);
  });

  test('does not take the advice of the next section for this one', () => {
    const docs = `### DISK_FULL\n\nSee \`host\`.\n\n## More\n\n${sectionOf('NOT_FOUND', 'no')}`;
    expect(checkErrorDocs(small, docs)).toEqual([
      'DISK_FULL: the docs do not say whether it is retryable',
      'DISK_FULL: the docs do not say what to do',
    ]);
  });
});

describe('the check of the sources', () => {
  const violationsOf = (text: string): readonly string[] =>
    checkErrorUse(small, sourceTreeOf({ 'src/base/x.ts': text }));

  test('accepts codes that are raised, at once or through another function', () => {
    const text = "throw new HoldfastError('DISK_FULL');\nthrow refusal('NOT_FOUND');\n";
    expect(violationsOf(text)).toEqual([]);
  });

  test('names a raised code that is not in the catalogue, also within a condition', () => {
    const text =
      "refuse('DISK_FULL', 'NOT_FOUND');\nthrow new HoldfastError('MELTED');\n" +
      "throw new HoldfastError(hot ? 'DISK_FULL' : ('BURNT'), {});\n";
    expect(violationsOf(text)).toEqual([
      'src/base/x.ts:2: raises MELTED, which is not in the catalogue',
      'src/base/x.ts:3: raises BURNT, which is not in the catalogue',
    ]);
  });

  test.each([
    "if (HoldfastError.is(error, 'DISK_FULL')) retry();",
    "if (error.code === 'DISK_FULL') retry();",
    "switch (error.code) { case 'DISK_FULL': retry(); }",
    "type Code = 'DISK_FULL';",
    'const DISK_FULL = 1; use(DISK_FULL);',
    "// new HoldfastError('DISK_FULL')",
  ])('names a code that is never raised: %s is not raising', (text) => {
    expect(violationsOf(`${text}\nrefuse('NOT_FOUND');\n`)).toEqual([
      'DISK_FULL: in the catalogue, but no source uses it',
    ]);
  });

  test.each(['src/base/error-catalogue.ts', 'src/testing/suite.ts'])('does not count %s', (path) => {
    const tree = sourceTreeOf({ [path]: "use('DISK_FULL', 'NOT_FOUND');\n" });
    expect(checkErrorUse(small, tree)).toHaveLength(2);
  });
});
