// The newest event that carries the state of a damaged stream, as it is looked for.
import { expect, test } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { newestBase } from '../../src/entity/rebase.ts';
import type { ReadPage, StoredEvent } from '../../src/journal/journal.ts';
import { corrupt } from '../../src/journal/journal-errors.ts';
import { codeOf } from '../support/outcome.ts';

const stream = 'session/s';
const found = (error: Error): Promise<unknown> =>
  newestBase(sessionLaw, { readFrom: () => Promise.reject(error) }, { stream, firstSeq: 1, seq: 3 });

test('a disk that refuses for a while says nothing of the records: the stream is not called damaged for it', async () => {
  expect(await codeOf(found(new HoldfastError('JOURNAL_UNAVAILABLE')))).toBe('JOURNAL_UNAVAILABLE');
  expect(await found(corrupt(stream, 3, 'it is missing'))).toBeUndefined();
});

test('is found behind a record that is sound by itself and follows from none', async () => {
  const [end, broken] = [40, 17];
  const readFrom = async (of: string, after: number, { limit = 1 } = {}): Promise<ReadPage> => {
    const seqs = Array.from({ length: Math.min(limit, end - after) }, (_, n) => after + 1 + n);
    if (after < broken - 1 && seqs.includes(broken)) throw corrupt(of, broken, 'it does not follow');
    const type = (seq: number): string => (seq === broken + 1 ? 'session.recovered' : 'message.sent');
    const events = seqs.map((seq) => ({ stream: of, seq, type: type(seq), data: {} }) as StoredEvent);
    return { events, chain: undefined, end: false };
  };
  const base = await newestBase(sessionLaw, { readFrom }, { stream, firstSeq: 1, seq: end });
  expect(base?.seq).toBe(broken + 1);
});
