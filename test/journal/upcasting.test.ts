// A stored record of an earlier version is read in the shape of today by everybody, and stays as it is, hash and all.
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/hash.ts';
import type { Law } from '../../src/domain/law.ts';
import { upcastWith } from '../../src/domain/upcasters.ts';
import { keys } from '../../src/journal/keys.ts';
import { decodeRecord, encodeRecord, genesis } from '../../src/journal/record.ts';
import { RoutedJournal } from '../../src/journal/routed-journal.ts';
import { add, type Ledger, type LedgerCommand, ledgerLaw, openLedger } from '../support/ledger.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf, errorOf } from '../support/outcome.ts';

const stream = 'ledger/one';

/** A record as version 1 of the law wrote it: never to be changed. */
const golden = [
  'oZzuGoEOYEIwzxpj_mjq9Ws5pXoQW2ZiVy0-OAKLNO8',
  '{"v":1,"stream":"ledger/one","seq":1,"at":1767225600000,"type":"line.added","typeVersion":1,' +
    '"prev":"","payloadDigest":"x0BxS29qpmcE7nuYfRpLtXNIYTbND5oz1M1zl203Mzk","meta":{"incarnation":1}}',
  'c2FsdHNhbHRzYWx0',
  '{"line":"golden"}',
].join('\n');

/** Its second version says `text` where the first said `line`. */
const second: Law<Ledger, LedgerCommand> = {
  ...ledgerLaw,
  version: 2,
  eventVersions: { 'line.added': 2 },
  decide(state, command, at, seq) {
    const decision = ledgerLaw.decide(state, command, at, seq);
    if (!('events' in decision)) return decision;
    const events = decision.events.map((each) =>
      each.type === 'line.added' ? { ...each, data: { text: (each.data as { line: string }).line } } : each,
    );
    return { ...decision, events };
  },
  evolve(state, event) {
    if (event.type !== 'line.added') return ledgerLaw.evolve(state, event);
    expect(event.typeVersion).toBe(2);
    return ledgerLaw.evolve(state, { ...event, data: { line: (event.data as { text: string }).text } });
  },
};

const upcast = upcastWith({ 'line.added': [(data) => ({ text: (data as { line: string }).line })] });

/** A golden record and one more of version 1, in a store that a law of version 2 opens. */
async function written() {
  const store = memoryJournal();
  const first = await store.open();
  const { status, dueAt, summary } = { status: 'open', dueAt: null, summary: { lines: 1 } };
  const record = { seq: 1, value: golden, follows: true };
  await first.adopt(stream, null, [record], { status, dueAt, summary, firstSeq: 1 });
  const { entity } = await openLedger(store, first);
  await entity.send(add('b'));
  await first.close();
  const level = await store.open();
  const stored = (seq: number) => store.disk.data.get(keys.event(stream, seq));
  const telemetry = (name: string, data = {}): void => {
    store.reports.push({ name, data });
  };
  return { ...store, level, stored, journal: RoutedJournal.over(level, upcast, telemetry) };
}

describe('records of version 1 under a law of version 2', () => {
  test('lead to the state that it would have made of them, and new ones are written in version 2', async () => {
    const store = await written();
    const before = await Promise.all([store.stored(1), store.stored(2)]);
    const { entity } = await openLedger(store, store.journal, { law: second });
    expect(entity.durable.lines).toEqual(['golden', 'b']);
    await entity.send(add('c'));
    expect(entity.durable.lines).toEqual(['golden', 'b', 'c']);
    expect(await Promise.all([store.stored(1), store.stored(2)])).toEqual(before);
    expect(before[0]).toBe(golden);
    const third = decodeRecord((await store.stored(3)) ?? '', stream, 3);
    expect(third.event).toMatchObject({ typeVersion: 2, data: { text: 'c' } });
    expect(third.prev).toBe(decodeRecord(before[1] ?? '', stream, 2).hash);
  });

  test('are read in the shape of today from the stream and from the feed, and their chain holds', async () => {
    const { journal, level } = await written();
    const page = await journal.readFrom(stream, 0);
    expect(page.events.map(({ data, typeVersion }) => [data, typeVersion])).toEqual([
      [{ text: 'golden' }, 2],
      [{ text: 'b' }, 2],
    ]);
    expect(page.chain).toBe((await level.head(stream))?.chain);
    const fed = (await journal.readAll(null)).flatMap(({ events }) => events);
    // The first was brought in, and the feed alone says so.
    const [first, ...rest] = page.events;
    expect(fed).toEqual([{ ...first, imported: true }, ...rest]);
  });

  test('pass through a journal that has nothing to do for them as the very same lists', async () => {
    const { level } = await written();
    const page = await level.readFrom(stream, 0);
    const same = RoutedJournal.over({ ...level, readFrom: async () => page } as never, upcastWith({}));
    expect(await same.readFrom(stream, 0)).toBe(page);
  });
});

describe('what a newer version wrote', () => {
  test('an event is refused by its stream, and named and left out by the feed', async () => {
    const store = await written();
    const head = await store.level.head(stream);
    const event = { stream, seq: 3, at: 0, type: 'line.added', typeVersion: 9, data: {}, meta: {} };
    const { status, dueAt, summary } = head ?? { status: '', dueAt: null, summary: null };
    const options = { head: { status, dueAt, summary } };
    await store.level.append(stream, head?.version ?? null, [{ event, payload: '{}' }], options);
    const error = await errorOf(store.journal.readFrom(stream, 0));
    expect(error).toMatchObject({ code: 'VERSION_TOO_NEW', details: { found: 9, supported: 2, seq: 3 } });
    const opening = openLedger(store, store.journal, { law: second });
    expect(await codeOf(opening)).toBe('VERSION_TOO_NEW');
    const damaged = (await store.journal.readAll(null)).flatMap((entry) => entry.damaged ?? []);
    expect(damaged).toEqual([{ stream, seq: 3 }]);
    expect(store.reports).toContainEqual({
      name: 'record.unreadable',
      data: expect.objectContaining({ stream, seq: 3, code: 'VERSION_TOO_NEW' }),
    });
  });

  test('a record of another format is refused as such, and is no damage', () => {
    const event = { stream, seq: 1, at: 0, type: 't', typeVersion: 1, data: {}, meta: {} };
    const { value } = encodeRecord({ event, payload: '{}' }, genesis);
    const [, header = '', ...rest] = value.replace('{"v":1,', '{"v":2,').split('\n');
    const other = [sha256(header), header, ...rest].join('\n');
    expect(() => decodeRecord(other, stream, 1)).toThrow(
      expect.objectContaining({
        code: 'VERSION_TOO_NEW',
        details: { what: 'record', found: 2, supported: 1, stream, seq: 1 },
      }),
    );
  });
});
