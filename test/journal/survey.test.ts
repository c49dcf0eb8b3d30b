// A survey of more heads than one step holds: what is damaged is reported and left out, and an incident makes it see none twice.
import { expect, onTestFinished, test } from 'vitest';
import { encodeHead } from '../../src/journal/head/head.ts';
import type { Version } from '../../src/journal/journal.ts';
import type { LevelJournal } from '../../src/journal/level-journal.ts';
import { nthWrite } from '../../src/testing/faulty-level.ts';
import { commitNew } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { type MemoryJournal, memoryJournal } from '../support/memory-journal.ts';
import { codeOf } from '../support/outcome.ts';

const streams = Array.from({ length: 1_600 }, (_, i) => `session/s${String(i).padStart(4, '0')}`);

async function filled(): Promise<{ at: MemoryJournal; journal: LevelJournal }> {
  const at = memoryJournal();
  for (const stream of streams) {
    const place = { seq: 1, firstSeq: 1, chain: 'c', epoch: 1, updatedAt: 0, operations: 0 };
    const head = { stream, version: '1-a' as Version, status: 'active', dueAt: null, summary: null };
    const { key, value } = encodeHead({ ...place, ...head });
    await at.disk.data.put(key, value ?? '');
  }
  const journal = await at.open();
  onTestFinished(() => journal.close());
  return { at, journal };
}

test('damaged heads are reported, one by one, and left out', async () => {
  const { at, journal } = await filled();
  const rotten = [3, 499, 500, 1_599].map((i) => streams[i] ?? '');
  const [first = '', second = '', ...others] = rotten;
  await at.disk.data.put(`h!${first}`, '');
  const swapped = (await at.disk.data.get(`h!${streams[4]}`)) ?? '';
  await at.disk.data.put(`h!${second}`, swapped);
  for (const stream of others) {
    const stored = (await at.disk.data.get(`h!${stream}`)) ?? '';
    await at.disk.data.put(`h!${stream}`, stored.replace('"active"', '"paused"'));
  }
  const seen: string[] = [];
  await journal.survey('session/', (glance) => void seen.push(glance.whole().stream));
  expect(seen).toEqual(streams.filter((stream) => !rotten.includes(stream)));
  expect(at.reports.map(({ name, data }) => [name, data.stream])).toEqual(
    rotten.map((stream) => ['head.damaged', stream]),
  );
});

test('one that an incident cuts off goes on in the reopened journal, and sees no head twice', async () => {
  const { at, journal } = await filled();
  const seen: string[] = [];
  let failed: Promise<string> | undefined;
  await journal.survey('session/', (glance) => {
    seen.push(glance.whole().stream);
    if (failed !== undefined) return;
    at.disk.failWrites(nthWrite(at.disk.writes + 1, 'before'));
    failed = codeOf(commitNew(journal, 1, 'task/a'));
  });
  await failed;
  await journal.incident;
  expect(at.reports.map(({ name }) => name)).toContain('journal.reopened');
  expect(seen).toEqual(streams);
});

test('what its visitor throws ends it', async () => {
  const { journal } = await filled();
  const survey = journal.survey('session/', () => {
    throw new Error('enough');
  });
  await expect(survey).rejects.toThrow('enough');
});
