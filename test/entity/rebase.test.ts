// The newest event that carries the state of a damaged stream, as it is looked for.
import { expect, test } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import { sessionLaw } from '../../src/domain/session-law.ts';
import { newestBase } from '../../src/entity/rebase.ts';
import { corrupt } from '../../src/journal/journal-errors.ts';
import { codeOf } from '../support/outcome.ts';

const stream = 'session/s';
const found = (error: Error): Promise<unknown> =>
  newestBase(sessionLaw, { readFrom: () => Promise.reject(error) }, { stream, firstSeq: 1, seq: 3 });

test('a disk that refuses for a while says nothing of the records: the stream is not called damaged for it', async () => {
  expect(await codeOf(found(new HoldfastError('JOURNAL_UNAVAILABLE')))).toBe('JOURNAL_UNAVAILABLE');
  expect(await found(corrupt(stream, 3, 'it is missing'))).toBeUndefined();
});
