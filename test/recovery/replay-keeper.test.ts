// Who may be folded, and when what is suspected is tried: behind all that is served, one at a time, and at once when it is wanted.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parkedStream } from '../../src/domain/recovery/parked-law.ts';
import { ParkedEvents } from '../../src/recovery/parked/parked-events.ts';
import type { BisectionResult } from '../../src/recovery/trial/bisection.ts';
import { ReplayKeeper } from '../../src/recovery/trial/replay-keeper.ts';
import { ReplayNotes } from '../../src/recovery/trial/replay-notes.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf } from '../support/outcome.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-notes-'));
});
afterEach(() => rm(directory, { recursive: true }));

const openNotes = (): ReplayNotes => ReplayNotes.open(directory, () => {});

async function keeperWith(...suspects: readonly string[]) {
  const before = openNotes();
  for (const sessionId of suspects) before.enter(sessionId);
  const { open, clock } = memoryJournal();
  const journal = await open();
  const parked = await ParkedEvents.load({ journal, clock, telemetry: () => {}, tell: () => {} });
  const tried: string[] = [];
  const answers: ((result: BisectionResult) => void)[] = [];
  const trials = {
    close: () => {},
    bisect: (sessionId: string): Promise<BisectionResult> => {
      tried.push(sessionId);
      return new Promise((resolve) => answers.push(resolve));
    },
  };
  const notes = openNotes();
  const load = { isBusy: false };
  const isBusy = (): boolean => load.isBusy;
  const keeper = new ReplayKeeper({ parked, trials, notes, clock, isBusy, telemetry: () => {} });
  const rung: string[] = [];
  const poisoned: string[] = [];
  keeper.serveBy({ ring: (id) => rung.push(id), poisoned: (id) => poisoned.push(id) }, []);
  return { keeper, load, clock, tried, rung, poisoned, answer: answers, parked, journal };
}

test('nothing is tried before all is served and nobody was folded for a second, and then one after the other', async () => {
  const { keeper, clock, tried, answer, rung } = await keeperWith('a', 'b');
  await clock.advance(100_000);
  expect(tried).toEqual([]);
  keeper.begin();
  for (let i = 0; i < 10; i++) {
    await clock.advance(900);
    const left = await keeper.enter('session/healthy');
    left?.();
  }
  expect(tried).toEqual([]);
  await clock.advance(1_000);
  expect(tried).toEqual(['a']);
  expect([keeper.mayWake('a'), keeper.mayWake('b'), keeper.mayWake('healthy')]).toEqual([false, false, true]);
  answer[0]?.({ outcome: 'clean' });
  await clock.advance(1_000);
  expect(tried).toEqual(['a', 'b']);
  expect(rung).toEqual(['a']);
  answer[1]?.({ outcome: 'clean' });
  await clock.advance(0);
  expect(keeper.suspects).toEqual([]);
});

test('while there is much to do nothing is tried, but what somebody waits for', async () => {
  const { keeper, clock, tried, load, answer } = await keeperWith('a', 'b');
  load.isBusy = true;
  keeper.begin();
  await clock.advance(20_000);
  expect(tried).toEqual([]);
  void keeper.enter('session/b');
  expect(tried).toEqual(['b']);
  answer[0]?.({ outcome: 'clean' });
  await clock.advance(1_000);
  expect(tried).toEqual(['b']);
  load.isBusy = false;
  await clock.advance(2_000);
  expect(tried).toEqual(['b', 'a']);
});

test('under load it does not wait for longer than half a minute', async () => {
  const { keeper, clock, tried } = await keeperWith('a');
  keeper.begin();
  for (let i = 0; i < 61; i++) {
    await clock.advance(500);
    (await keeper.enter('session/healthy'))?.();
  }
  expect(tried).toEqual(['a']);
});

test('one that somebody waits for is tried at once; who waits goes on when it may be folded, and hears why it may not', async () => {
  const { keeper, clock, tried, answer, poisoned } = await keeperWith('a', 'b', 'c');
  keeper.begin();
  const wanted = keeper.enter('session/b');
  expect(tried).toEqual(['b']);
  answer[0]?.({ outcome: 'clean' });
  await wanted;
  const refused = Promise.resolve(keeper.enter('session/c'));
  await clock.advance(0);
  answer[1]?.({ outcome: 'unfoldable', problem: 'all of it' });
  expect(await codeOf(refused)).toBe('SESSION_POISONED');
  expect(await codeOf(Promise.resolve(keeper.enter('session/c')))).toBe('SESSION_POISONED');
  expect([tried, poisoned]).toEqual([['b', 'c'], ['c']]);
  keeper.reconsider('c');
  void keeper.enter('session/c');
  expect(tried).toEqual(['b', 'c', 'c']);
});

test('what is found is parked before anybody folds the session', async () => {
  const { keeper, clock, answer, parked, poisoned, journal } = await keeperWith('a');
  keeper.begin();
  const wanted = Promise.resolve(keeper.enter('session/a')).then(() => parked.find('session/a'));
  const poison = [{ seq: 3, hash: 'h3', how: 'stalled', problem: 'it loops' }];
  answer[0]?.({ outcome: 'poisoned', poison });
  expect((await wanted)?.get(3)).toMatchObject({ seq: 3, hash: 'h3', action: 'skip' });
  expect(poisoned).toEqual(['a']);
  const again = await ParkedEvents.load({ journal, clock, telemetry: () => {}, tell: () => {} });
  expect(again.list('a')).toMatchObject([{ seq: 3, reason: 'it cannot be folded (stalled): it loops' }]);
});

test('a list of parked events that cannot be read lets nobody fold its session, and no other session waits', async () => {
  const { open, clock, disk } = memoryJournal();
  const journal = await open();
  const options = { journal, clock, telemetry: () => {}, tell: () => {} };
  const parked = await ParkedEvents.load(options);
  const data = { seq: 1, hash: 'h', action: 'skip', by: null, reason: 'r' } as const;
  for (const sessionId of ['a', 'b'])
    await parked.send(sessionId, { type: 'parked.park', events: [data], askedAt: 0 });
  const key = (await disk.data.keys().all()).find(
    (name) => name.includes(parkedStream('a')) && name.startsWith('e'),
  );
  await disk.data.put(key ?? '', 'rotten');
  const again = await ParkedEvents.load(options);
  expect(() => again.find('session/a')).toThrow(expect.objectContaining({ code: 'JOURNAL_CORRUPT' }));
  expect(again.find('session/b')?.size).toBe(1);
  expect(again.find('session/c')).toBeUndefined();
});

test('notes outlive the process that made them, and go when what they are about is done', async () => {
  const first = openNotes();
  const done = first.enter('one');
  first.enter('two');
  first.enter('a'.repeat(64));
  done();
  first.enter('three');
  const second = openNotes();
  expect([...second.suspects].sort()).toEqual(['a'.repeat(64), 'three', 'two']);
  second.clear('two');
  second.clear('three');
  second.clear('a'.repeat(64));
  second.close();
  expect((await stat(join(directory, 'replaying'))).size).toBe(0);
  expect(openNotes().suspects).toEqual([]);
});

test('a file that is no list of notes suspects nobody', async () => {
  await writeFile(join(directory, 'replaying'), '\0{"not": "a list"}'.repeat(100));
  const notes = openNotes();
  expect(notes.suspects).toEqual([]);
  notes.enter('one');
  expect(openNotes().suspects).toEqual(['one']);
  expect((await readFile(join(directory, 'replaying'))).length).toBeGreaterThan(0);
});

test('where there is no process to try a session in, it is tried again a few times before it is given up', async () => {
  const { keeper, clock, tried, answer, rung, poisoned } = await keeperWith('a', 'b');
  const untried = { outcome: 'untried', problem: 'no process' } as const;
  keeper.begin();
  await clock.advance(1_000);
  for (let tries = 0; tries < 3; tries++) {
    answer[tries]?.(untried);
    await clock.advance(9_000);
    expect(tried).toHaveLength(tries + 1);
    await clock.advance(1_000);
  }
  expect([tried, poisoned]).toEqual([['a', 'a', 'a', 'a'], []]);
  answer[3]?.({ outcome: 'clean' });
  await clock.advance(1_000);
  expect([rung, poisoned]).toEqual([['a'], []]);
  for (let tries = 4; tries < 8; tries++) {
    answer[tries]?.(untried);
    await clock.advance(10_000);
  }
  expect([tried.slice(4), poisoned]).toEqual([['b', 'b', 'b', 'b'], ['b']]);
});

test('whoever closes does not wait for the next try', async () => {
  const { keeper, clock, answer, tried } = await keeperWith('a');
  keeper.begin();
  await clock.advance(1_000);
  answer[0]?.({ outcome: 'untried', problem: 'no process' });
  await clock.advance(1_000);
  await keeper.close();
  expect(tried).toEqual(['a']);
});
