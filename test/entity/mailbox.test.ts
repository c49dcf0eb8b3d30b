// The mailbox: bounded, in order, and honest about what it did not take.
import { describe, expect, test } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { everyWrite } from '../../src/testing/faulty-level.ts';
import { add, openLedger } from '../support/ledger.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf, errorOf, quiet } from '../support/outcome.ts';

async function started(mailboxSize: number) {
  const store = memoryJournal();
  const journal = await store.open();
  return { ...store, journal, ...(await openLedger(store, journal, { mailboxSize })) };
}

/** A journal that looks records up as a store over a network does: later. */
function answeringLater(journal: Journal, fail?: Error): Journal {
  const receipt: Journal['receipt'] = async (stream, key) => {
    await quiet(2);
    if (fail !== undefined) throw fail;
    return journal.receipt(stream, key);
  };
  return new Proxy(journal, {
    get(target, name) {
      if (name === 'receipt') return receipt;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

describe('a mailbox that is full', () => {
  test('refuses one more and says when to come again; all that it took are answered', async () => {
    const { entity, disk } = await started(8);
    const held = disk.holdWrites();
    const taken = Array.from({ length: 8 }, (_, i) => entity.send(add(String(i))));
    const error = await errorOf(entity.send(add('too much')));
    expect(error).toMatchObject({
      code: 'OVERLOADED',
      retryable: true,
      details: { stream: 'ledger/one', size: 8 },
    });
    expect(error.details.retryAfterMs).toBeGreaterThan(0);
    held.release();
    await Promise.all(taken);
    expect(entity.durable.lines).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
    expect(await codeOf(entity.send(add('8')))).toBe('answered');
  });

  test('asks for as much patience as its disk needs', async () => {
    const { entity, disk, clock } = await started(1);
    const held = disk.holdWrites();
    const slow = entity.send(add('slow'));
    await clock.advance(500);
    held.release();
    await slow;
    const again = disk.holdWrites();
    entity.send(add('taken'));
    const error = await errorOf(entity.send(add('too much')));
    expect(error.details.retryAfterMs).toBe(1_000);
    again.release();
  });

  test('still lets a repeat join the command that it repeats', async () => {
    const { entity, disk } = await started(1);
    const held = disk.holdWrites();
    const meta = { operationId: 'k', digest: 'd' };
    const first = entity.send(add('a'), meta);
    const repeat = entity.send(add('a'), meta);
    held.release();
    expect(await repeat).toEqual({ ...(await first), repeated: true });
  });

  test('is no matter of other sessions', async () => {
    const { entity, disk, journal, ...store } = await started(1);
    const other = await openLedger(store, journal, { stream: 'ledger/two', mailboxSize: 1 });
    const held = disk.holdWrites();
    entity.send(add('a'));
    expect(await codeOf(entity.send(add('b')))).toBe('OVERLOADED');
    const fine = other.entity.send(add('c'));
    held.release();
    expect(await codeOf(fine)).toBe('answered');
  });
});

describe('commands that nobody awaits', () => {
  test('take effect in the order in which they were sent, with and without keys', async () => {
    const { entity } = await started(100);
    const lines = Array.from({ length: 60 }, (_, i) => String(i));
    const calls = lines.map((line, i) =>
      entity.send(add(line), i % 3 === 0 ? { operationId: line, digest: line } : {}),
    );
    await Promise.all(calls);
    expect(entity.durable.lines).toEqual(lines);
  });

  test('keep their order where the record of a key is found only later', async () => {
    const { journal, ...store } = await started(100);
    const { entity } = await openLedger(store, answeringLater(journal));
    await entity.send(add('first'), { operationId: 'first', digest: 'first' });
    const lines = Array.from({ length: 30 }, (_, i) => String(i));
    const calls = lines.map((line, i) =>
      entity.send(add(line), i % 3 === 0 ? { operationId: line, digest: line } : {}),
    );
    const repeated = entity.send(add('first'), { operationId: 'first', digest: 'first' });
    await Promise.all(calls);
    expect((await repeated).repeated).toBe(true);
    expect(entity.durable.lines).toEqual(['first', ...lines]);
  });

  test('keep their order across a failure of the disk, those of them that were not lost', async () => {
    const { entity, disk } = await started(100);
    const held = disk.holdWrites();
    disk.failWrites(everyWrite('before'));
    const lost = entity.send(add('lost'));
    await held.arrived;
    held.release();
    disk.heal();
    expect(await codeOf(lost)).toBe('OUTCOME_UNKNOWN');
    const lines = Array.from({ length: 30 }, (_, i) => String(i));
    await Promise.all(lines.map((line) => entity.send(add(line))));
    expect(entity.durable.lines).toEqual(lines);
  });
});

describe('a record that cannot be looked up', () => {
  test('refuses its own command, and the next one goes on', async () => {
    const { journal, ...store } = await started(100);
    await (await openLedger(store, journal)).entity.send(add('a'), { operationId: 'first', digest: 'd' });
    const { entity, crashes } = await openLedger(store, answeringLater(journal, new Error('out of reach')));
    const asked = entity.send(add('b'), { operationId: 'k', digest: 'd' });
    const next = entity.send(add('c'));
    await expect(asked).rejects.toThrow('out of reach');
    expect(await codeOf(next)).toBe('answered');
    expect(crashes).toEqual([]);
    expect(entity.isQuiet).toBe(true);
  });
});

describe('an entity that was abandoned', () => {
  test('takes nothing more, and says that it was not committed', async () => {
    const { entity } = await started(10);
    entity.abandon(new Error('gone'));
    await expect(entity.send(add('a'))).rejects.toMatchObject({ code: 'NOT_COMMITTED', retryable: true });
  });

  test('still answers truthfully what was with the disk; what had not departed was not committed', async () => {
    const { entity, disk, journal } = await started(10);
    const held = disk.holdWrites();
    const flying = entity.send(add('flying'));
    await held.arrived;
    const waiting = codeOf(entity.send(add('waiting')));
    entity.abandon(new Error('gone'));
    expect(await waiting).toBe('NOT_COMMITTED');
    held.release();
    expect(await flying).toEqual({ durability: 'fsync', seq: 1, lines: 1 });
    const { events } = await journal.readFrom('ledger/one', 0);
    expect(events.length).toBe(1);
  });

  test('leaves no command behind that waits for the end of an incident', async () => {
    const { entity, disk, clock } = await started(10);
    disk.failWrites(everyWrite('before'));
    disk.failOpens(1);
    expect(await codeOf(entity.send(add('lost')))).toBe('OUTCOME_UNKNOWN');
    const waiting = codeOf(entity.send(add('waiting')));
    entity.abandon(new Error('gone'));
    expect(await waiting).toBe('NOT_COMMITTED');
    await entity.settle();
    disk.heal();
    await clock.advance(10_000);
  });
});
