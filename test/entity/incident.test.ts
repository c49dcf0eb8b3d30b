// A failed append is the journal's incident: commands hear exactly what became of them, and entities go on.
import { describe, expect, test } from 'vitest';
import type { LevelJournalOptions } from '../../src/journal/level-journal.ts';
import { everyWrite, type Fault, nthWrite } from '../../src/testing/faulty-level.ts';
import { add, linesOf, openLedger } from '../support/ledger.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf, errorOf, quiet, watch } from '../support/outcome.ts';

async function started(options: Partial<LevelJournalOptions> = {}) {
  const store = memoryJournal();
  const journal = await store.open(options);
  const one = await openLedger(store, journal);
  await one.entity.send(add('before'));
  return { ...store, journal, ...one };
}

describe.each<Fault>(['before', 'after'])('when the disk fails %s it has written', (fault) => {
  const kept = fault === 'after';

  async function failing() {
    const store = await started();
    const { disk, entity } = store;
    const held = disk.holdWrites();
    disk.failWrites(nthWrite(disk.writes + 1, fault));
    const flying = entity.send(add('flying'));
    await held.arrived;
    return { ...store, held, flying };
  }

  test('what was with the disk is unknown, and what was decided behind it was not committed', async () => {
    const { entity, held, flying, crashes } = await failing();
    const behind = entity.send(add('behind'));
    held.release();
    const lost = await Promise.all([errorOf(flying), errorOf(behind)]);
    expect(lost.map(({ code }) => code)).toEqual(['OUTCOME_UNKNOWN', 'NOT_COMMITTED']);
    expect(lost.map((error) => Reflect.get(error, 'retryable'))).toEqual([true, true]);
    expect(lost[0]?.details).toMatchObject({ command: 'ledger.add', stream: 'ledger/one' });
    await entity.send(add('later'));
    expect(entity.durable.lines).toEqual(kept ? ['before', 'flying', 'later'] : ['before', 'later']);
    expect(crashes).toEqual([]);
  });

  test('a refusal and an answer without events that were decided on it had no effect, and say so', async () => {
    const { entity, held, flying } = await failing();
    const outcomes = [
      entity.send({ type: 'ledger.refuse' }),
      entity.send({ type: 'ledger.look' }),
      entity.send({ type: 'ledger.look' }, { operationId: 'k', digest: 'd' }),
    ].map(codeOf);
    held.release();
    await codeOf(flying);
    expect(await Promise.all(outcomes)).toEqual(['NOT_COMMITTED', 'NOT_COMMITTED', 'NOT_COMMITTED']);
  });

  test('a retry under the same key has one effect', async () => {
    const { disk, entity, journal } = await started();
    const meta = { operationId: 'k', digest: 'd' };
    disk.failWrites(nthWrite(disk.writes + 1, fault));
    expect(await codeOf(entity.send(add('once'), meta))).toBe('OUTCOME_UNKNOWN');
    const retried = await entity.send(add('once'), meta);
    expect(retried).toEqual({ durability: 'fsync', seq: 2, lines: 2, ...(kept && { repeated: true }) });
    expect(await entity.send(add('once'), meta)).toEqual({
      durability: 'fsync',
      seq: 2,
      lines: 2,
      repeated: true,
    });
    expect(linesOf((await journal.readFrom('ledger/one', 0)).events)).toEqual(['before', 'once']);
  });

  test('a retry from the same source has one effect', async () => {
    const { disk, entity } = await started();
    const meta = { source: { manager: 'm', stream: 'session/s', seq: 7, index: 0 } };
    disk.failWrites(nthWrite(disk.writes + 1, fault));
    expect(await codeOf(entity.send(add('once'), meta))).toBe('OUTCOME_UNKNOWN');
    expect((await entity.send(add('once'), meta)).seq).toBe(2);
    expect(entity.durable.lines).toEqual(['before', 'once']);
  });

  test('what the disk kept after all is told, once, and in its place', async () => {
    const { entity, held, flying, told, become } = await failing();
    held.release();
    await codeOf(flying);
    await entity.send(add('later'));
    expect(told).toEqual(kept ? [['before'], ['flying'], ['later']] : [['before'], ['later']]);
    expect(become).toEqual(told.flat());
  });

  test('the first event of a stream is no different', async () => {
    const { disk, journal, ...store } = await started();
    const { entity } = await openLedger(store, journal, { stream: 'ledger/new' });
    disk.failWrites(nthWrite(disk.writes + 1, fault));
    expect(await codeOf(entity.send(add('first')))).toBe('OUTCOME_UNKNOWN');
    expect((await entity.send(add('second'))).seq).toBe(kept ? 2 : 1);
  });
});

describe('while the journal is being reopened', () => {
  async function reopening() {
    const store = await started();
    store.disk.failWrites(nthWrite(store.disk.writes + 1, 'before'));
    store.disk.failOpens(2);
    expect(await codeOf(store.entity.send(add('lost')))).toBe('OUTCOME_UNKNOWN');
    return store;
  }

  test('the state can be read, and commands wait for the journal instead of failing', async () => {
    const { entity, clock } = await reopening();
    expect(entity.durable.lines).toEqual(['before']);
    const waiting = [add('a'), add('b')].map((command) => entity.send(command));
    const watched = waiting.map(watch);
    await quiet();
    expect(watched.map(({ outcome }) => outcome)).toEqual(['waiting', 'waiting']);
    await clock.advance(1_000);
    expect((await Promise.all(waiting)).map(({ seq }) => seq)).toEqual([2, 3]);
    expect(entity.durable.lines).toEqual(['before', 'a', 'b']);
  });

  test('an entity that had nothing on its way waits with the others and loses nothing', async () => {
    const { clock, journal, ...store } = await started();
    const other = await openLedger({ clock, ...store }, journal, { stream: 'ledger/two' });
    await other.entity.send(add('mine'));
    store.disk.failWrites(nthWrite(store.disk.writes + 1, 'before'));
    store.disk.failOpens(2);
    await codeOf(store.entity.send(add('lost')));
    const waiting = other.entity.send(add('yours'));
    expect(other.entity.durable.lines).toEqual(['mine']);
    await clock.advance(1_000);
    expect((await waiting).seq).toBe(2);
    expect(other.told).toEqual([['mine'], ['yours']]);
    expect(other.crashes).toEqual([]);
  });

  test('a second failure right behind the first loses nothing that was answered', async () => {
    const { entity, disk, clock } = await reopening();
    disk.failWrites(nthWrite(disk.writes + 2, 'before'));
    const calls = [add('a'), add('b')].map((command) => codeOf(entity.send(command)));
    await clock.advance(1_000);
    await Promise.all(calls);
    disk.heal();
    await entity.send(add('c'));
    const answered = (await Promise.all(calls)).filter((outcome) => outcome === 'answered').length;
    expect(entity.durable.lines.length).toBe(2 + answered);
  });
});

describe('when reopening is given up', () => {
  test('what waited is refused as not committed, and the entity ends', async () => {
    const { entity, disk, clock, crashes } = await started();
    disk.failWrites(everyWrite('before'));
    disk.failOpens(1, 'LEVEL_CORRUPTION');
    expect(await codeOf(entity.send(add('lost')))).toBe('OUTCOME_UNKNOWN');
    const waiting = codeOf(entity.send(add('waiting')));
    await clock.advance(60_000);
    expect(await waiting).toBe('JOURNAL_UNAVAILABLE');
    expect(crashes.map(({ message }) => message)).toEqual([
      expect.stringContaining('cannot be read, written or reopened'),
    ]);
    await entity.settle();
  });
});

test('an append that another writer was first with is not committed, and the entity learns what is there', async () => {
  const { entity, journal, ...store } = await started();
  const rival = await openLedger(store, journal, { incarnation: 2 });
  await rival.entity.send(add('rival'));
  expect(await codeOf(entity.send(add('late')))).toBe('NOT_COMMITTED');
  expect(await entity.send(add('now'))).toEqual({ durability: 'fsync', seq: 3, lines: 3 });
  expect(entity.durable.lines).toEqual(['before', 'rival', 'now']);
});

test('an event that is too large refuses its own command alone', async () => {
  const store = memoryJournal();
  const journal = await store.open({ limits: { valueBytes: 8_192 } });
  const { entity } = await openLedger(store, journal);
  const outcomes = [add('a'), add('x'.repeat(8_192)), add('b')].map((command) =>
    codeOf(entity.send(command)),
  );
  expect(await Promise.all(outcomes)).toEqual(['answered', 'TOO_LARGE', 'answered']);
  expect(entity.durable.lines).toEqual(['a', 'b']);
});
