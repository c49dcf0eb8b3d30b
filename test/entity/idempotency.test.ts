// The same key and the same request have one effect and one answer, however often they come and whatever comes between.
import { describe, expect, test } from 'vitest';
import type { CommandMeta, CommandSource } from '../../src/entity/command-meta.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { nthWrite } from '../../src/testing/faulty-level.ts';
import { add, type LedgerCommand, linesOf, openLedger } from '../support/ledger.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const dayMs = 24 * 60 * 60 * 1000;

const keyed = (operationId: string, command: LedgerCommand): [LedgerCommand, CommandMeta] => [
  command,
  { operationId, digest: JSON.stringify(command) },
];

const from = (seq: number, index = 0, stream = 'session/a'): { source: CommandSource } => ({
  source: { manager: 'm', stream, seq, index },
});

async function started(mailboxSize = 2_000) {
  const store = memoryJournal();
  const journal = await store.open();
  return { ...store, journal, ...(await openLedger(store, journal, { mailboxSize })) };
}

describe('the same key and the same request', () => {
  test('are answered with the first answer, and nothing is decided', async () => {
    const { entity } = await started();
    const first = await entity.send(...keyed('k', add('a')));
    await entity.send(add('b'));
    expect(await entity.send(...keyed('k', add('a')))).toEqual({ ...first, repeated: true });
    expect(entity.durable.lines).toEqual(['a', 'b']);
  });

  test('join the command that is still on its way, and share its answer', async () => {
    const { entity, disk } = await started();
    const held = disk.holdWrites();
    const first = entity.send(...keyed('k', add('a')));
    await held.arrived;
    const second = entity.send(...keyed('k', add('a')));
    held.release();
    expect(await second).toEqual({ ...(await first), repeated: true });
    expect(entity.durable.lines).toEqual(['a']);
  });

  test('are answered after a restart too', async () => {
    const store = await started();
    const first = await store.entity.send(...keyed('k', add('a')));
    const { entity } = await openLedger(store, store.journal, { incarnation: 2 });
    expect(await entity.send(...keyed('k', add('a')))).toEqual({ ...first, repeated: true });
    await store.journal.close();
    const reopened = await openLedger(store, await store.open());
    expect(await reopened.entity.send(...keyed('k', add('a')))).toEqual({ ...first, repeated: true });
    expect(reopened.entity.durable.lines).toEqual(['a']);
  });

  test('are answered from the record when the first was decided by an incarnation that is gone', async () => {
    const store = await started();
    const held = store.disk.holdWrites();
    const lost = store.entity.send(...keyed('k', add('a')));
    await held.arrived;
    store.entity.abandon(new Error('crashed'));
    const next = openLedger(store, store.journal, { incarnation: 2 });
    await quiet();
    held.release();
    const { entity } = await next;
    expect(await entity.send(...keyed('k', add('a')))).toEqual({ ...(await lost), repeated: true });
    expect(entity.durable.lines).toEqual(['a']);
  });

  test('have one effect when the first one changed nothing and the world has moved on since', async () => {
    const { entity } = await started();
    await entity.send(add('a'));
    const first = await entity.send(...keyed('k', { type: 'ledger.look' }));
    await entity.send(add('b'));
    expect(await entity.send(...keyed('k', { type: 'ledger.look' }))).toEqual({ ...first, repeated: true });
  });

  test('run again when the first was refused, since a refusal changed nothing', async () => {
    const { entity } = await started();
    await entity.send(add('a'));
    const refused = await codeOf(entity.send(...keyed('k', { type: 'ledger.refuse' })));
    expect(refused).toBe('INVALID_INPUT');
    expect(await codeOf(entity.send(...keyed('k', add('b'))))).toBe('answered');
    expect(entity.durable.lines).toEqual(['a', 'b']);
  });
});

describe('the same key and another request', () => {
  test('are refused, also while the first is on its way', async () => {
    const { entity, disk } = await started();
    const held = disk.holdWrites();
    const first = entity.send(...keyed('k', add('a')));
    await held.arrived;
    const meanwhile = codeOf(entity.send(...keyed('k', add('b'))));
    held.release();
    await first;
    expect(await meanwhile).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(await codeOf(entity.send(...keyed('k', add('b'))))).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(entity.durable.lines).toEqual(['a']);
  });
});

describe('a key that has left the window', () => {
  async function aged(ageMs: number, operations: number) {
    const store = await started();
    await store.entity.send(...keyed('old', add('a')));
    const later = Array.from({ length: operations }, (_, i) =>
      store.entity.send(...keyed(`k${i}`, add('x'))),
    );
    await Promise.all(later);
    await store.clock.advance(ageMs);
    return store;
  }

  test.each([
    ['24 hours and 1,000 operations', dayMs, 1_000, 'answered'],
    ['more than 24 hours, but 999 operations', 30 * dayMs, 999, 'answered'],
    ['1,000 operations, but no more than 24 hours', dayMs, 1_500, 'answered'],
    ['more than 24 hours and 1,000 operations', dayMs + 1, 1_000, 'IDEMPOTENCY_KEY_EXPIRED'],
  ])('is judged by age and by operations: %s old', async (_, ageMs, operations, outcome) => {
    const { entity } = await aged(ageMs, operations);
    expect(await codeOf(entity.send(...keyed('old', add('a'))))).toBe(outcome);
    expect(entity.durable.lines.filter((line) => line === 'a')).toEqual(['a']);
  });

  test('is judged in the same way after a restart', async () => {
    const store = await aged(dayMs + 1, 1_000);
    const { entity } = await openLedger(store, store.journal);
    expect(await codeOf(entity.send(...keyed('old', add('a'))))).toBe('IDEMPOTENCY_KEY_EXPIRED');
    expect(await codeOf(entity.send(...keyed('k1', add('x'))))).toBe('answered');
  });
});

describe('commands of a process manager', () => {
  test('are known by the highest place in their source, for ever', async () => {
    const { entity, clock } = await started();
    await entity.send(add('a'), from(5));
    await clock.advance(400 * dayMs);
    for (const seq of [1, 4, 5]) expect((await entity.send(add('again'), from(seq))).repeated).toBe(true);
    expect((await entity.send(add('b'), from(6))).repeated).toBeUndefined();
    expect(entity.durable.lines).toEqual(['a', 'b']);
  });

  test('that one event caused are told apart by their index', async () => {
    const { entity } = await started();
    for (const index of [0, 1, 0, 2, 1]) await entity.send(add(`line ${index}`), from(5, index));
    expect(entity.durable.lines).toEqual(['line 0', 'line 1', 'line 2']);
  });

  test('are counted for each source stream and each manager by itself', async () => {
    const { entity } = await started();
    await entity.send(add('of a'), from(5));
    await entity.send(add('of b'), from(1, 0, 'session/b'));
    await entity.send(add('of n'), { source: { manager: 'n', stream: 'session/a', seq: 2, index: 0 } });
    expect(entity.durable.lines).toEqual(['of a', 'of b', 'of n']);
  });

  test('join one that is still on its way, and are known after a restart', async () => {
    const store = await started();
    const held = store.disk.holdWrites();
    const first = store.entity.send(add('a'), from(5));
    await held.arrived;
    const second = store.entity.send(add('a'), from(5));
    held.release();
    await first;
    expect((await second).repeated).toBe(true);
    const { entity } = await openLedger(store, store.journal);
    expect((await entity.send(add('a'), from(5))).repeated).toBe(true);
    const { events } = await store.journal.readFrom('ledger/one', 0);
    expect(linesOf(events)).toEqual(['a']);
    expect(events[0]?.meta.causation).toBe('m:session/a:5');
  });
});

describe('a record that cannot be read', () => {
  async function damaged() {
    const store = await started();
    await store.entity.send(...keyed('k', add('a')));
    await store.disk.data.put('o!ledger/one!op:k', 'rot');
    return store;
  }

  test('is never taken for no record: the command is refused, and the others go on', async () => {
    const { entity } = await damaged();
    expect(await codeOf(entity.send(...keyed('k', add('a'))))).toBe('JOURNAL_CORRUPT');
    expect(await codeOf(entity.send(...keyed('other', add('b'))))).toBe('answered');
    expect(entity.durable.lines).toEqual(['a', 'b']);
  });

  test('leaves no command waiting that nobody will answer', async () => {
    const { entity } = await damaged();
    await codeOf(entity.send(...keyed('k', add('a'))));
    expect(entity.isQuiet).toBe(true);
    await entity.settle();
  });

  test('is met behind an incident too, and harms nobody', async () => {
    const { entity, disk, crashes } = await damaged();
    disk.failWrites(nthWrite(disk.writes + 1, 'before'));
    const lost = codeOf(entity.send(add('lost')));
    expect(await lost).toBe('OUTCOME_UNKNOWN');
    const outcomes = [entity.send(...keyed('k', add('a'))), entity.send(add('b'))].map(codeOf);
    expect(await Promise.all(outcomes)).toEqual(['JOURNAL_CORRUPT', 'answered']);
    expect(crashes).toEqual([]);
    expect(entity.isQuiet).toBe(true);
  });
});

describe('the journal is asked for a record', () => {
  /** The keys that it was asked for. */
  const watched = (journal: Journal): { readonly journal: Journal; readonly asked: string[] } => {
    const asked: string[] = [];
    const receipt = (stream: string, key: string) => {
      asked.push(key);
      return journal.receipt(stream, key);
    };
    return {
      asked,
      journal: new Proxy(journal, {
        get: (target, name) => (name === 'receipt' ? receipt : bound(target, name)),
      }),
    };
  };
  const bound = (target: Journal, name: PropertyKey): unknown => {
    const value: unknown = Reflect.get(target, name, target);
    return typeof value === 'function' ? value.bind(target) : value;
  };

  test('only of a key that was used, while all of them were seen', async () => {
    const store = memoryJournal();
    const { asked, journal } = watched(await store.open());
    const { entity } = await openLedger(store, journal);
    for (const key of ['a', 'b', 'c']) await entity.send(...keyed(key, add(key)));
    expect(asked).toEqual([]);
    expect(await entity.send(...keyed('b', add('b')))).toMatchObject({ repeated: true });
    expect(asked).toEqual(['op:b']);
  });

  test('of every key, once there were some before this life', async () => {
    const store = memoryJournal();
    const { asked, journal } = watched(await store.open());
    await (await openLedger(store, journal)).entity.send(...keyed('a', add('a')));
    const { entity } = await openLedger(store, journal, { incarnation: 2 });
    expect(await entity.send(...keyed('a', add('a')))).toMatchObject({ repeated: true });
    await entity.send(...keyed('b', add('b')));
    expect(asked).toEqual(['op:a', 'op:b']);
  });

  test('of every key, after the disk has failed and kept some', async () => {
    const store = memoryJournal();
    const { asked, journal } = watched(await store.open());
    const { entity } = await openLedger(store, journal);
    await entity.send(...keyed('a', add('a')));
    store.disk.failWrites(nthWrite(store.disk.writes + 1, 'after'));
    await entity.send(...keyed('b', add('b'))).catch(() => undefined);
    expect(await entity.send(...keyed('b', add('b')))).toMatchObject({ repeated: true });
    expect(asked).toEqual(['op:b']);
    await entity.send(...keyed('c', add('c')));
    expect(linesOf((await journal.readFrom('ledger/one', 0)).events)).toEqual(['a', 'b', 'c']);
  });
});
