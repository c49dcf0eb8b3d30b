// A law that throws ends its own incarnation and nothing else: what was acknowledged is there in the next one.
import { describe, expect, test } from 'vitest';
import { add, type FaultPlace, ledgerLaw, openLedger } from '../support/ledger.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf, errorOf, quiet } from '../support/outcome.ts';

async function started() {
  const store = memoryJournal();
  const journal = await store.open();
  const one = await openLedger(store, journal);
  await one.entity.send(add('kept'));
  return { ...store, journal, ...one };
}

describe.each<FaultPlace>(['decide', 'evolve'])('a fault in %s', (place) => {
  test('refuses its command, ends the incarnation once, and leaves nothing in the journal', async () => {
    const { entity, journal, crashes, ...store } = await started();
    const error = await errorOf(entity.send({ type: 'ledger.break', place }));
    expect(error).toMatchObject({ code: 'NOT_COMMITTED', details: { problem: `broken in ${place}` } });
    expect(crashes.map(({ message }) => message)).toEqual([`broken in ${place}`]);
    expect(await codeOf(entity.send(add('late')))).toBe('NOT_COMMITTED');
    const next = await openLedger(store, journal, { incarnation: 2 });
    expect(next.entity.durable.lines).toEqual(['kept']);
    expect(await codeOf(next.entity.send(add('next')))).toBe('answered');
  });

  test('lets what is with the disk be answered, and tells it', async () => {
    const { entity, disk, journal, told, become, ...store } = await started();
    const held = disk.holdWrites();
    const flying = entity.send(add('flying'));
    await held.arrived;
    const behind = codeOf(entity.send(add('behind')));
    const fault = codeOf(entity.send({ type: 'ledger.break', place }));
    expect(await Promise.all([behind, fault])).toEqual(['NOT_COMMITTED', 'NOT_COMMITTED']);
    held.release();
    expect(await flying).toEqual({ durability: 'fsync', seq: 2, lines: 2 });
    expect(told).toEqual([['kept'], ['flying']]);
    expect(become).toEqual(['kept']);
    const next = await openLedger({ ...store, clock: store.clock }, journal, { incarnation: 2 });
    expect(next.entity.durable.lines).toEqual(['kept', 'flying']);
  });
});

test('a fault in the summary of a state refuses what led to it, and the session goes on', async () => {
  const { entity, journal } = await started();
  expect(await codeOf(entity.send({ type: 'ledger.break', place: 'summarize' }))).toBe('NOT_COMMITTED');
  await quiet();
  expect(await entity.send(add('next'))).toEqual({ durability: 'fsync', seq: 2, lines: 2 });
  expect((await journal.head('ledger/one'))?.seq).toBe(2);
});

test('a fault of the law in a deadline ends the incarnation too', async () => {
  const { journal, crashes: _, ...store } = await started();
  const law = {
    ...ledgerLaw,
    due: () => {
      throw new TypeError('no idea');
    },
  };
  const { entity, crashes } = await openLedger(store, journal, { law });
  entity.wake();
  expect(crashes.map(({ message }) => message)).toEqual(['no idea']);
});

test('an event that the law of today does not take is damage, not a state', async () => {
  const { journal, ...store } = await started();
  const law = { ...ledgerLaw, evolve: () => undefined };
  expect(await codeOf(openLedger(store, journal, { law }))).toBe('JOURNAL_CORRUPT');
});

test('an owner that cannot take on what is on the disk ends, and its caller hears that the outcome is unknown', async () => {
  const store = memoryJournal();
  const journal = await store.open();
  const { entity, crashes } = await openLedger(store, journal, {
    tell: () => {
      throw new Error('cannot be told');
    },
  });
  expect(await codeOf(entity.send(add('a')))).toBe('OUTCOME_UNKNOWN');
  expect(crashes.map(({ message }) => message)).toEqual(['cannot be told']);
  expect((await openLedger(store, journal)).entity.durable.lines).toEqual(['a']);
});
