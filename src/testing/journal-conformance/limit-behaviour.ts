// What is too large is refused by name, before it is stored, and harms nothing that stands beside it.
import {
  commit,
  commitNew,
  draft,
  headDraft,
  type JournalSuite,
  snapshotAt,
  snapshotsOf,
  stream,
} from './journal-fixture.ts';

export function testLimits({ describe, test, expect, withJournal }: JournalSuite): void {
  describe('a limit', () => {
    test('refuses a value that is too large, counted in bytes', () =>
      withJournal(async (journal) => {
        const limit = journal.limits.valueBytes;
        const { version } = await commitNew(journal, 1);
        for (const text of ['x'.repeat(limit), '€'.repeat(Math.ceil(limit / 3))]) {
          const append = journal.append(stream, version, [draft(2, text)], { head: headDraft });
          await expect(append).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE', details: { stream, limit } });
          const batch = journal.kv.batch([{ key: 'k', value: text }]);
          await expect(batch).rejects.toMatchObject({
            code: 'VALUE_TOO_LARGE',
            details: { stream: 'k', limit },
          });
        }
      }));

    test('refuses a snapshot that is too large', () =>
      withJournal(async (journal) => {
        const head = await commitNew(journal, 1);
        const state = JSON.stringify('€'.repeat(Math.ceil(journal.limits.valueBytes / 3)));
        const put = journal.putSnapshot(stream, { ...snapshotAt(head, 1), state });
        await expect(put).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE' });
        expect(await snapshotsOf(journal)).toEqual([]);
      }));

    test('refuses a batch that is too large, counted in bytes, although each of its values fits', () =>
      withJournal(async (journal) => {
        const { batchBytes: limit, valueBytes } = journal.limits;
        const size = Math.floor(Math.min(valueBytes, limit) / 4);
        const count = Math.ceil(limit / size) + 1;
        for (const text of ['x'.repeat(size), '€'.repeat(Math.floor(size / 3))]) {
          const events = Array.from({ length: count }, (_, i) => draft(i + 1, text));
          const append = journal.append(stream, null, events, { head: headDraft });
          await expect(append).rejects.toMatchObject({ code: 'BATCH_TOO_LARGE', details: { stream, limit } });
        }
      }));

    test('refuses a key that is too large, counted in bytes', () =>
      withJournal(async (journal) => {
        const limit = journal.limits.keyBytes;
        for (const key of ['k'.repeat(limit), '€'.repeat(Math.ceil(limit / 3))]) {
          const receipts = [{ key, value: 1 }];
          const append = journal.append(stream, null, [draft(1)], { head: headDraft, receipts });
          await expect(append).rejects.toMatchObject({ code: 'KEY_TOO_LARGE' });
          const batch = journal.kv.batch([{ key, value: 1 }]);
          await expect(batch).rejects.toMatchObject({ code: 'KEY_TOO_LARGE' });
        }
      }));

    test('refuses one append alone: those beside it, also of its own stream, are committed', () =>
      withJournal(async (journal) => {
        const { version } = await commitNew(journal, 1);
        const tooLarge = draft(2, 'x'.repeat(journal.limits.valueBytes));
        const before = commitNew(journal, 1, 'session/before');
        const refused = journal.append(stream, version, [tooLarge], { head: headDraft });
        const same = commit(journal, version, [draft(2)]);
        const after = commitNew(journal, 1, 'session/after');
        await expect(refused).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE', retryable: false });
        const heads = await Promise.all([before, same, after]);
        expect(heads.map(({ seq }) => seq)).toEqual([1, 2, 1]);
        expect(journal.incident).toBeUndefined();
      }));
  });
}
