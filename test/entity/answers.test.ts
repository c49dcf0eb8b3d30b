// Answers wait for the disk: whatever a caller hears was durable before, and commands share the fsyncs that they wait for.
import { describe, expect, test } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { add, ledgerLaw, linesOf, type OpenLedger, openLedger } from '../support/ledger.ts';
import { type MemoryJournal, memoryJournal } from '../support/memory-journal.ts';
import { codeOf, quiet, watch } from '../support/outcome.ts';

interface Started extends MemoryJournal, OpenLedger {
  readonly journal: Journal;
}

async function started(): Promise<Started> {
  const store = memoryJournal();
  const journal = await store.open();
  return { ...store, journal, ...(await openLedger(store, journal)) };
}

describe('while an append is with the disk', () => {
  test('its command has no answer, and nobody sees what it decided', async () => {
    const { entity, disk, become, told } = await started();
    const held = disk.holdWrites();
    const sent = watch(entity.send(add('a')));
    await held.arrived;
    await quiet();
    expect(sent.outcome).toBe('waiting');
    expect(entity.durable.lines).toEqual([]);
    expect(entity.seq).toBe(0);
    expect([become, told]).toEqual([[], []]);
    held.release();
    await quiet();
    expect(sent.outcome).toBe('answered');
    expect(entity.durable.lines).toEqual(['a']);
    expect([become, told]).toEqual([['a'], [['a']]]);
  });

  test('a refusal waits, since it was decided on what is not durable yet', async () => {
    const { entity, disk } = await started();
    const held = disk.holdWrites();
    entity.send(add('a'));
    await held.arrived;
    const refused = entity.send({ type: 'ledger.refuse' });
    const watched = watch(refused);
    await quiet();
    expect(watched.outcome).toBe('waiting');
    held.release();
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { newest: 'a' } });
    expect(entity.durable.lines).toEqual(['a']);
  });

  test('an answer without events waits for what it tells of', async () => {
    const { entity, disk } = await started();
    const held = disk.holdWrites();
    entity.send(add('a'));
    await held.arrived;
    const look = entity.send({ type: 'ledger.look' });
    const watched = watch(look);
    await quiet();
    expect(watched.outcome).toBe('waiting');
    held.release();
    expect(await look).toEqual({ durability: 'fsync', seq: 1, newest: 'a' });
  });

  test('an answer without events waits for the append that has not departed, not for the one before it', async () => {
    const { entity, disk } = await started();
    const first = disk.holdWrites();
    const added = entity.send(add('a'));
    await first.arrived;
    entity.send(add('b'));
    const look = entity.send({ type: 'ledger.look' });
    const watched = watch(look);
    const second = disk.holdWrites();
    first.release();
    await added;
    await second.arrived;
    await quiet();
    expect(watched.outcome).toBe('waiting');
    second.release();
    expect(await look).toEqual({ durability: 'fsync', seq: 2, newest: 'b' });
  });
});

describe('with nothing on its way', () => {
  test('refusals and answers without events cost no write', async () => {
    const { entity, disk } = await started();
    await entity.send(add('a'));
    const { writes } = disk;
    expect(await codeOf(entity.send({ type: 'ledger.refuse' }))).toBe('INVALID_INPUT');
    expect(await entity.send({ type: 'ledger.look' })).toEqual({ durability: 'fsync', seq: 1, newest: 'a' });
    expect(disk.writes).toBe(writes);
  });
});

describe('commands of one session', () => {
  test('that are decided while an append is out share the next one, in their order', async () => {
    const { entity, disk, journal, told } = await started();
    const held = disk.holdWrites();
    const first = entity.send(add('0'));
    await held.arrived;
    const later = Array.from({ length: 100 }, (_, i) => entity.send(add(String(i + 1))));
    const { writes } = disk;
    held.release();
    expect((await first).seq).toBe(1);
    expect((await Promise.all(later)).map(({ seq }) => seq)).toEqual(
      Array.from({ length: 100 }, (_, i) => i + 2),
    );
    expect(disk.writes).toBe(writes + 1);
    expect(told.map((batch) => batch.length)).toEqual([1, 100]);
    const { events } = await journal.readFrom('ledger/one', 0);
    expect(linesOf(events)).toEqual(Array.from({ length: 101 }, (_, i) => String(i)));
  });

  test('are answered one after the other, in the order in which they were sent', async () => {
    const { entity } = await started();
    const answered: string[] = [];
    const calls = [add('a'), { type: 'ledger.look' }, add('b'), { type: 'ledger.refuse' }, add('c')] as const;
    await Promise.all(calls.map((call, i) => codeOf(entity.send(call)).then(() => answered.push(String(i)))));
    expect(answered).toEqual(['0', '1', '2', '3', '4']);
  });

  test('that are too large for one append go in several, and none is lost', async () => {
    const store = memoryJournal();
    const journal = await store.open({ limits: { batchBytes: 64 * 1024 } });
    const { entity, told } = await openLedger(store, journal);
    const lines = Array.from({ length: 20 }, (_, i) => String(i).padEnd(8_000, '.'));
    await Promise.all(lines.map((line) => entity.send(add(line))));
    expect(entity.durable.lines).toEqual(lines);
    expect(told.length).toBeGreaterThan(5);
  });
});

describe('commands of many sessions', () => {
  test('that come at once share one batch and one fsync', async () => {
    const store = memoryJournal();
    const journal = await store.open();
    const ledgers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => openLedger(store, journal, { stream: `ledger/n${i}` })),
    );
    const { writes } = store.disk;
    await Promise.all(ledgers.map(({ entity }) => entity.send(add('a'))));
    expect(store.disk.writes).toBe(writes + 1);
    expect((await journal.readAll(null)).map(({ events }) => events.length)).toEqual([50]);
  });

  test('that come while a batch is out share the next one', async () => {
    const store = memoryJournal();
    const journal = await store.open();
    const ledgers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => openLedger(store, journal, { stream: `ledger/n${i}` })),
    );
    const { writes } = store.disk;
    const held = store.disk.holdWrites();
    const first = ledgers[0]?.entity.send(add('a'));
    await held.arrived;
    const others = ledgers.slice(1).flatMap(({ entity }) => [entity.send(add('b')), entity.send(add('c'))]);
    held.release();
    await Promise.all([first, ...others]);
    expect(store.disk.writes - writes).toBeLessThanOrEqual(3);
  });
});

test('time never runs backwards within a stream, whatever the clock does', async () => {
  const store = memoryJournal();
  const journal = await store.open();
  let now = 1_000;
  const clock = { now: () => now, schedule: store.clock.schedule };
  const { entity } = await openLedger(store, journal, { clock });
  await entity.send(add('a'));
  now = 400;
  await entity.send(add('b'));
  const reopened = await openLedger(store, journal, { clock, law: ledgerLaw });
  await reopened.entity.send(add('c'));
  const { events } = await journal.readFrom('ledger/one', 0);
  expect(events.map(({ at }) => at)).toEqual([1_000, 1_000, 1_000]);
});
