// An entry of the feed, or a record of a process manager, that is damaged: what can go on without it does, and it is told.
import { describe, expect, test } from 'vitest';
import { startProcessManager } from '../../src/entity/damaged-manager.ts';
import { Follower } from '../../src/entity/follower.ts';
import { ProcessManager, type ProcessManagerDefinition } from '../../src/entity/process-manager.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { keys } from '../../src/journal/keys.ts';
import { createSystem } from '../../src/system.ts';
import { faultyLevel, manualClock } from '../../src/testing/index.ts';
import { add, lineOf, linesOf, openLedger } from '../support/ledger.ts';
import { type MemoryJournal, memoryJournal } from '../support/memory-journal.ts';
import { codeOf } from '../support/outcome.ts';

/** A journal with the lines a to e, in the entries 1 to 5 of its feed, opened again when something was done to its disk. */
async function reopened(rot: (store: MemoryJournal) => Promise<unknown>): Promise<[MemoryJournal, Journal]> {
  const store = memoryJournal();
  const journal = await store.open();
  const { entity } = await openLedger(store, journal, {});
  for (const line of ['a', 'b', 'c', 'd', 'e']) await entity.send(add(line));
  await journal.close();
  await rot(store);
  return [store, await store.open()];
}

const ports = ({ clock, reports }: MemoryJournal) => ({
  clock,
  telemetry: (name: string, data = {}) => void reports.push({ name, data }),
  onGrowth: () => () => {},
});

const send = async (): Promise<void> => {};

const lines: ProcessManagerDefinition = {
  name: 'lines',
  initial: [],
  react: (state, event) =>
    event.type === 'line.added' ? { state: [...(state as string[]), lineOf(event)] } : undefined,
};

describe('a feed with damaged entries', () => {
  test('is read on behind them by who passes damage, which hears of each, and stays unread for others', async () => {
    const [store, journal] = await reopened(async ({ disk }) => {
      await disk.data.put(keys.feed(2), 'rot');
      await disk.data.del(keys.feed(3));
    });
    const heard: string[] = [];
    const follow = (passesDamage: boolean): Follower =>
      new Follower({
        ...{ ...ports(store), name: 'test', journal, load: () => null, passesDamage },
        handle: (entries) => {
          heard.push(...entries.flatMap(({ events, passed }) => (passed ? ['?'] : linesOf(events))));
        },
      });
    const waiting = follow(false);
    expect(await codeOf(waiting.catchUp())).toBe('JOURNAL_CORRUPT');
    await waiting.stop();
    expect(heard).toEqual([]);
    const passing = follow(true);
    await passing.catchUp();
    expect(heard).toEqual(['a', '?', '?', 'd', 'e']);
    expect(store.reports.filter(({ name }) => name === 'follower.skipped').map(({ data }) => data)).toEqual([
      { name: 'test', position: 2, problem: expect.stringContaining('checksum') },
      { name: 'test', position: 3, problem: expect.stringContaining('missing') },
    ]);
    await passing.stop();
    await journal.close();
  });

  test('keep no process manager from what comes behind them', async () => {
    const [store, journal] = await reopened(({ disk }) => disk.data.del(keys.feed(3)));
    const manager = await ProcessManager.start({ ...ports(store), journal, definition: lines, send });
    await manager.catchUp();
    expect(manager.state).toEqual(['a', 'b', 'd', 'e']);
    await manager.stop();
    await journal.close();
  });
});

describe('a process manager of which a record is damaged', () => {
  test('goes on from the newest that carries its state', async () => {
    const [store, journal] = await reopened(async () => {});
    const start = (of: Journal): Promise<ProcessManager> =>
      ProcessManager.start({ ...ports(store), journal: of, definition: lines, pageSize: 1, send });
    const first = await start(journal);
    await first.catchUp();
    await first.stop();
    await journal.close();
    await store.disk.data.put(keys.event('manager/lines', 2), 'rot');
    const again = await store.open();
    const second = await start(again);
    expect(second.state).toEqual(['a', 'b', 'c', 'd', 'e']);
    await second.stop();
    await again.close();
  });

  test('whose head is damaged follows nothing, says so, and all else is served', async () => {
    const disk = faultyLevel();
    const told: string[] = [];
    const processManagers: ProcessManagerDefinition[] = [
      { name: 'hurt', initial: 0, react: (state) => ({ state: Number(state) + 1 }) },
      { name: 'well', initial: 0, react: (state) => ({ state: Number(state) + 1 }) },
    ];
    const open = () =>
      createSystem({
        ...{ store: disk.open, clock: manualClock(), processManagers },
        onTelemetry: ({ name, data }) => name === 'manager.damaged' && told.push(String(data.name)),
      });
    const before = await open();
    await before.client.sessions.create({ sessionId: 's' });
    await before.processManager('hurt')?.catchUp();
    await before.close();
    await disk.data.put(keys.head('manager/hurt'), 'rot');
    await using system = await open();
    expect(told).toEqual(['hurt']);
    expect(system.processManager('hurt')).toBeUndefined();
    expect(JSON.stringify(system.tree())).toContain('The record head of manager/hurt is damaged');
    await system.client.messages.send({ sessionId: 's', role: 'user', content: 'hello' });
    const well = system.processManager('well');
    const had = Number(well?.state);
    await system.client.messages.send({ sessionId: 's', role: 'user', content: 'again' });
    await well?.catchUp();
    expect(Number(well?.state)).toBeGreaterThan(had);
  });

  test('is started with any other error as ever', async () => {
    const [store, journal] = await reopened(async () => {});
    await journal.close();
    const options = { ...ports(store), journal, definition: lines, send };
    expect(await codeOf(startProcessManager(options))).toBe('JOURNAL_CLOSED');
  });
});
