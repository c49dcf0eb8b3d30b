// One group, one answer to how far it got: synced when somebody needs it, and then all of it; else with the system alone.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Durability } from '../../src/base/durability.ts';
import type { Append, Journal } from '../../src/journal/journal.ts';
import { LevelJournal } from '../../src/journal/level-journal.ts';
import { openLevelJournal } from '../../src/journal/open-level-journal.ts';
import { faultyLevel, nthWrite } from '../../src/testing/faulty-level.ts';
import { draft, headDraft, readPages } from '../../src/testing/journal-conformance/journal-fixture.ts';

const append = (journal: Journal, of: string, durability: Durability): Promise<Append> =>
  journal.append(of, null, [draft(1, 1, of)], { head: headDraft, durability });

async function opened() {
  const disk = faultyLevel();
  const barriers: number[] = [];
  const journal = await LevelJournal.open({
    open: disk.open,
    syncWritten: async () => void barriers.push(disk.writes),
  });
  onTestFinished(() => journal.close());
  const syncs = disk.syncs;
  return { disk, journal, barriers, synced: () => disk.syncs - syncs };
}

describe('a group', () => {
  test('of those for whom the operating system is enough is not synced, and says so', async () => {
    const { journal, synced, disk } = await opened();
    const before = disk.writes;
    const answers = await Promise.all(['a', 'b', 'c'].map((id) => append(journal, `session/${id}`, 'os')));
    expect(answers.map((answer) => answer.ok && answer.durability)).toEqual(['os', 'os', 'os']);
    expect([disk.writes - before, synced()]).toEqual([1, 0]);
  });

  test('with one that needs it is synced as a whole, and says so to all', async () => {
    const { journal, synced, disk } = await opened();
    const before = disk.writes;
    const wanted = ['os', 'fsync', 'os'] as const;
    const answers = await Promise.all(wanted.map((each, i) => append(journal, `session/s${i}`, each)));
    expect(answers.map((answer) => answer.ok && answer.durability)).toEqual(['fsync', 'fsync', 'fsync']);
    expect([disk.writes - before, synced()]).toEqual([1, 1]);
  });

  test('that nobody said anything of is synced', async () => {
    const { journal, synced } = await opened();
    const answer = await journal.append('session/a', null, [draft(1, 1, 'session/a')], { head: headDraft });
    expect([answer.ok && answer.durability, synced()]).toEqual(['fsync', 1]);
  });

  test('asking for a head while others wait makes nobody wait for the disk', async () => {
    const { journal, synced } = await opened();
    const appended = append(journal, 'session/a', 'os');
    expect(await journal.head('session/a')).toMatchObject({ seq: 1 });
    await appended;
    expect(synced()).toBe(0);
  });
});

describe('what was written without a sync', () => {
  test('is durable before what is synced after it, in whatever file it is, and when the journal closes', async () => {
    const { journal, barriers, disk } = await opened();
    await append(journal, 'session/a', 'fsync');
    expect(barriers).toEqual([]);
    await append(journal, 'session/b', 'os');
    await append(journal, 'session/c', 'os');
    const written = disk.writes;
    await append(journal, 'session/d', 'fsync');
    await append(journal, 'session/e', 'fsync');
    expect(barriers).toEqual([written]);
    await append(journal, 'session/f', 'os');
    await journal.close();
    expect(barriers).toEqual([written, disk.writes]);
  });

  test('fails with the disk as everything does, and what is synced after the incident is whole', async () => {
    const { journal, disk } = await opened();
    disk.failWrites(nthWrite(disk.writes + 1, 'before'));
    expect(await append(journal, 'session/a', 'os')).toMatchObject({ ok: false, reason: 'unknown' });
    disk.heal();
    await journal.incident;
    expect(await append(journal, 'session/a', 'fsync')).toMatchObject({ ok: true, durability: 'fsync' });
  });

  test('goes with a sync that fails: nobody is told that it is durable', async () => {
    const disk = faultyLevel();
    let fails = true;
    const journal = await LevelJournal.open({
      open: disk.open,
      syncWritten: async () => {
        if (fails) throw new Error('the disk lost it');
      },
    });
    onTestFinished(() => journal.close());
    await append(journal, 'session/a', 'os');
    expect(await append(journal, 'session/b', 'fsync')).toMatchObject({ ok: false, reason: 'unknown' });
    fails = false;
    await journal.incident;
    expect(await append(journal, 'session/b', 'fsync')).toMatchObject({ ok: true });
  });
});

test('in a directory a log that LevelDB has left is synced with what comes after it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-durability-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const journal = await openLevelJournal(directory);
  const large = 'x'.repeat(1024 * 1024);
  for (let i = 0; i < 10; i++)
    await journal.append(`session/s${i}`, null, [draft(1, large, `session/s${i}`)], {
      head: headDraft,
      durability: i % 4 === 3 ? 'fsync' : 'os',
    });
  await journal.close();
  const reopened = await openLevelJournal(directory);
  onTestFinished(() => reopened.close());
  for (let i = 0; i < 10; i++)
    expect((await readPages(reopened, 1, `session/s${i}`)).flatMap(({ events }) => events).length).toBe(1);
});
