// Entities that are no sessions live and die each on their own: found or started when they are asked for, woken when something is
// due, let go when they are too many, given up when they crash too often.
import { expect, onTestFinished, test } from 'vitest';
import { EntityHost } from '../../src/collaboration/entity-host.ts';
import type { LevelJournal } from '../../src/journal/level-journal.ts';
import { add, type Ledger, type LedgerCommand, ledgerLaw, linesOf } from '../support/ledger.ts';
import { racingClock } from '../support/lock-races.ts';
import { type MemoryJournal, memoryJournal } from '../support/memory-journal.ts';
import { codeOf, quiet, whileTimePasses } from '../support/outcome.ts';

type Options = ConstructorParameters<typeof EntityHost<Ledger, LedgerCommand>>[0];

interface World extends MemoryJournal {
  readonly journal: LevelJournal;
  readonly told: string[];
  host(options?: Partial<Options>): EntityHost<Ledger, LedgerCommand>;
}

async function world(): Promise<World> {
  const memory = memoryJournal();
  const journal = await memory.open();
  onTestFinished(() => journal.close());
  const told: string[] = [];
  const host = (options: Partial<Options> = {}) =>
    new EntityHost<Ledger, LedgerCommand>({
      ...{ law: ledgerLaw, journal, clock: memory.clock, mailboxSize: 100 },
      telemetry: (name, data = {}) => void memory.reports.push({ name, data }),
      tell: (id, events) => void told.push(...linesOf(events).map((line) => `${id} ${line}`)),
      ...options,
    });
  return { ...memory, journal, told, host };
}

test('one that is asked for lives, tells, and is the same for all who ask at once', async () => {
  const { host, told } = await world();
  const entities = host();
  await Promise.all(['one', 'two', 'three'].map((line) => entities.send('a', add(line))));
  expect((await entities.read('a')).state.lines).toEqual(['one', 'two', 'three']);
  expect(entities.size).toBe(1);
  expect(told).toEqual(['a one', 'a two', 'a three']);
});

test('whoever asks in whatever moment of its start is behind those who asked before', async () => {
  const { host } = await world();
  const [lines, sent]: [string[], Promise<unknown>[]] = [[], []];
  const send = (): void => {
    const line = `line ${lines.length}`;
    lines.push(line);
    sent.push(entities.send('a', add(line)));
  };
  const atEachMoment = async (): Promise<void> => {
    for (let moment = 0; moment < 60; moment++) {
      send();
      await undefined;
    }
  };
  const initial = (): Ledger => {
    if (lines.length === 1) void atEachMoment();
    return ledgerLaw.initial('ledger/a');
  };
  const entities = host({ law: { ...ledgerLaw, initial } });
  send();
  await quiet(50);
  await Promise.all(sent);
  expect(lines.length).toBe(61);
  expect((await entities.read('a')).state.lines).toEqual(lines);
});

test('what was sent before a close is answered, and a new host goes on from there', async () => {
  const { host } = await world();
  const first = host();
  await first.send('a', add('one'));
  const last = first.send('a', add('two'));
  const closed = first.close();
  expect(await last).toMatchObject({ seq: 2 });
  await closed;
  const second = host();
  expect((await second.read('a')).state.lines).toEqual(['one', 'two']);
});

test('of too many the least recently used are let go, and are back when they are asked for', async () => {
  const { host } = await world();
  const entities = host({ maxLiving: 2 });
  const ids = ['a', 'b', 'c', 'd', 'e'];
  for (let round = 0; round < 3; round++)
    await Promise.all(ids.map((id) => entities.send(id, add(`${id}${round}`))));
  await quiet(200);
  for (const id of ids) {
    expect((await entities.read(id)).state.lines).toEqual([`${id}0`, `${id}1`, `${id}2`]);
    await quiet(200);
    expect(entities.size).toBeLessThanOrEqual(2);
  }
});

test('a deadline is kept while it lives, after it was let go, and late after a restart', async () => {
  const { host, clock, journal } = await world();
  const first = host({ maxLiving: 1 });
  for (const id of ['a', 'b']) await first.send(id, { type: 'ledger.remind', at: clock.now() + 5_000 });
  await clock.advance(5_000);
  await quiet(200);
  for (const id of ['a', 'b']) expect((await first.read(id)).state.remindAt).toBeNull();
  await first.send('a', { type: 'ledger.remind', at: clock.now() + 5_000 });
  await first.close();
  await clock.advance(60_000);
  const second = host();
  await journal.survey('ledger/', (glance) => second.adopt(glance.whole()));
  await clock.advance(100);
  await quiet(200);
  expect(second.peek('a')?.remindAt).toBeNull();
  expect(second.peek('b')).toBeUndefined();
});

test('what falls due while one is woken for nothing rings at once, whenever the clock goes on', async () => {
  const { host } = await world();
  for (let turns = 0; turns < 20; turns++) {
    const clock = racingClock();
    const entities = host({ clock });
    const id = `a${turns}`;
    for (const ms of [5, 10]) await entities.send(id, { type: 'ledger.remind', at: clock.now() + ms });
    clock.pass(5);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    clock.pass(5);
    await quiet();
    clock.pass(1);
    await quiet();
    expect([turns, entities.peek(id)?.remindAt]).toEqual([turns, null]);
    await entities.close();
  }
});

test('a fault costs its own command alone; too many give it up and no other, until another host takes it up', async () => {
  const { host, clock, reports } = await world();
  const entities = host();
  await entities.send('well', add('one'));
  const broken: LedgerCommand = { type: 'ledger.break', place: 'decide' };
  await entities.send('ill', add('kept'));
  for (let n = 0; n <= 10; n++)
    expect(await whileTimePasses(clock, codeOf(entities.send('ill', broken)))).toBe('NOT_COMMITTED');
  await quiet(200);
  expect(await codeOf(entities.send('ill', add('no')))).toBe('ENTITY_GIVEN_UP');
  expect([...entities.givenUp.keys()]).toEqual(['ill']);
  expect(reports.filter(({ name }) => name === 'entity.givenUp').length).toBe(1);
  expect(reports.filter(({ name }) => name === 'entity.crashed').length).toBe(11);
  expect(await codeOf(entities.send('well', add('two')))).toBe('answered');
  const next = host();
  await next.send('ill', add('again'));
  expect((await next.read('ill')).state.lines).toEqual(['kept', 'again']);
  await next.close();
  await entities.remove('ill');
  await entities.send('ill', add('new'));
  expect((await entities.read('ill')).state.lines).toEqual(['new']);
});

test('one that is removed is gone with its alarm, and its id begins anew', async () => {
  const { host, clock, journal } = await world();
  const entities = host();
  await entities.send('a', add('one'));
  await entities.send('a', { type: 'ledger.remind', at: clock.now() + 1_000 });
  await entities.remove('a');
  await clock.advance(10_000);
  expect(entities.size).toBe(0);
  expect((await journal.readFrom('ledger/a', 2)).events).toEqual([]);
  await entities.send('a', add('new'));
  expect((await entities.read('a')).state.lines).toEqual(['new']);
});
