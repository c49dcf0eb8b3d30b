// A process manager decides once on each event, whatever fails in between, and sends each of its commands under the name
// of the event that caused it, so that the receiver knows a repeat.
import { describe, expect, test } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import type { Json } from '../../src/base/json.ts';
import type { CommandSource } from '../../src/entity/command-meta.ts';
import {
  type OutgoingCommand,
  ProcessManager,
  type ProcessManagerDefinition,
} from '../../src/entity/process-manager.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { type Fault, nthWrite } from '../../src/testing/faulty-level.ts';
import { add, type LedgerEntity, lineOf, openLedger } from '../support/ledger.ts';
import { type MemoryJournal, memoryJournal } from '../support/memory-journal.ts';
import { quiet, whileTimePasses } from '../support/outcome.ts';

interface Sent {
  readonly to: string;
  readonly line: Json;
  readonly source: CommandSource;
}

interface Started extends MemoryJournal {
  readonly journal: Journal;
  readonly entity: LedgerEntity;
  readonly sent: Sent[];
  /** What the next sends throw. */
  readonly faults: (Error | undefined)[];
  start(definition?: Partial<ProcessManagerDefinition>, pageSize?: number): Promise<ProcessManager>;
}

/** Counts the lines, and passes each on to two sessions. */
const counting: ProcessManagerDefinition = {
  name: 'counting',
  initial: { lines: [] },
  react(state, event) {
    if (event.type !== 'line.added') return undefined;
    const { lines } = state as { lines: string[] };
    const line = lineOf(event);
    const commands = ['a', 'b'].map(
      (sessionId): OutgoingCommand => ({ operation: 'pass on', input: { sessionId, line } }),
    );
    return { state: { lines: [...lines, line] }, commands };
  },
};

async function started(): Promise<Started> {
  const store = memoryJournal();
  const journal = await store.open();
  const wakers = new Set<() => void>();
  const tell = (): void => {
    for (const wake of wakers) wake();
  };
  const { entity } = await openLedger(store, journal, { tell });
  const sent: Sent[] = [];
  const faults: (Error | undefined)[] = [];
  return {
    ...store,
    journal,
    entity,
    sent,
    faults,
    start: (definition = {}, pageSize) =>
      ProcessManager.start({
        definition: { ...counting, ...definition },
        journal,
        clock: store.clock,
        telemetry: (name, data = {}) => store.reports.push({ name, data }),
        onGrowth: (wake) => {
          wakers.add(wake);
          return () => wakers.delete(wake);
        },
        async send({ input }, source) {
          const fault = faults.shift();
          await quiet(1);
          if (fault !== undefined) throw fault;
          sent.push({ to: input.sessionId, line: input.line ?? null, source });
        },
        ...(pageSize !== undefined && { pageSize }),
      }),
  };
}

const send = (entity: LedgerEntity, ...lines: string[]): Promise<unknown> =>
  Promise.all(lines.map((line) => entity.send(add(line))));

const linesTo = (sent: readonly Sent[], to: string): Json[] =>
  sent.filter((command) => command.to === to).map(({ line }) => line);

const again = new HoldfastError('OVERLOADED', {});
const never = new HoldfastError('SESSION_NOT_FOUND', {});

describe('a process manager', () => {
  test('decides once on each event, and sends what follows from it in order for each target', async () => {
    const { entity, start, sent } = await started();
    await send(entity, '0', '1', '2');
    const manager = await start();
    await send(entity, '3');
    await manager.catchUp();
    expect(manager.state).toEqual({ lines: ['0', '1', '2', '3'] });
    expect(linesTo(sent, 'a')).toEqual(['0', '1', '2', '3']);
    expect(linesTo(sent, 'b')).toEqual(['0', '1', '2', '3']);
    const sources = sent.filter(({ to }) => to === 'b').map(({ source }) => source);
    expect(sources).toEqual(
      [1, 2, 3, 4].map((seq) => ({ manager: 'counting', stream: 'ledger/one', seq, index: 1 })),
    );
    await manager.stop();
  });

  test('that answers with a promise is told so, and decides nothing', async () => {
    const { entity, start, sent, reports } = await started();
    await send(entity, '0');
    const react = (async () => undefined) as unknown as ProcessManagerDefinition['react'];
    const manager = await start({ react });
    await quiet();
    const failure = reports.find(({ name }) => name === 'follower.failed');
    expect(failure?.data.problem).toContain('react must answer at once');
    expect(sent).toEqual([]);
    await manager.stop();
  });

  test('goes on where it stood, and sends nothing again', async () => {
    const { entity, start, sent } = await started();
    await send(entity, '0', '1');
    const first = await start();
    await first.catchUp();
    await first.stop();
    await send(entity, '2');
    const second = await start();
    await second.catchUp();
    expect(second.state).toEqual({ lines: ['0', '1', '2'] });
    expect(linesTo(sent, 'a')).toEqual(['0', '1', '2']);
    await second.stop();
  });

  test('sends what it had decided and not yet sent when it died', async () => {
    const { entity, start, sent, faults, clock } = await started();
    faults.push(again, again);
    await send(entity, '0');
    const first = await start();
    await quiet();
    expect(first.state).toEqual({ lines: ['0'] });
    expect(sent).toEqual([]);
    await first.stop();
    const second = await start({ react: () => undefined });
    await send(entity, '1');
    await second.catchUp();
    expect([linesTo(sent, 'a'), linesTo(sent, 'b')]).toEqual([['0'], ['0']]);
    await second.stop();
    await clock.advance(60_000);
  });

  test.each([1, 2, 256])(
    'decides once when sending fails and the feed grows meanwhile, in pages of %i',
    async (pageSize) => {
      const { entity, start, sent, faults, clock } = await started();
      await send(entity, '0', '1');
      await send(entity, '2');
      faults.push(again, again, again, again, again);
      const manager = await start({}, pageSize);
      await quiet();
      await send(entity, '3');
      await send(entity, '4');
      await whileTimePasses(clock, manager.catchUp());
      expect(manager.state).toEqual({ lines: ['0', '1', '2', '3', '4'] });
      for (const to of ['a', 'b'])
        expect(new Set(linesTo(sent, to))).toEqual(new Set(['0', '1', '2', '3', '4']));
      const order = sent.filter(({ to }) => to === 'a').map(({ source }) => source.seq);
      expect(order).toEqual([...order].sort((x, y) => x - y));
      await manager.stop();
    },
  );

  test('decides once when it is given smaller pages after a failure than before it', async () => {
    const { entity, faults, clock, journal, reports } = await started();
    for (const line of ['0', '1', '2', '3']) await send(entity, line);
    let pages = 256;
    const readAll: Journal['readAll'] = (after, limit) =>
      journal.readAll(after, Math.min(limit ?? 256, pages));
    faults.push(again);
    const manager = await ProcessManager.start({
      definition: counting,
      journal: new Proxy(journal, {
        get(target, name) {
          if (name === 'readAll') return readAll;
          const member: unknown = Reflect.get(target, name);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      }),
      clock,
      telemetry: (name, data = {}) => reports.push({ name, data }),
      onGrowth: () => () => {},
      async send() {
        const fault = faults.shift();
        if (fault !== undefined) throw fault;
      },
    });
    await quiet();
    pages = 1;
    await whileTimePasses(clock, manager.catchUp());
    expect(manager.state).toEqual({ lines: ['0', '1', '2', '3'] });
    await manager.stop();
  });

  test.each<Fault>(['before', 'after'])(
    'decides once when the disk fails %s its decision was written',
    async (fault) => {
      const { entity, start, sent, clock, disk } = await started();
      await send(entity, '0');
      disk.failWrites(nthWrite(disk.writes + 1, fault));
      const manager = await start();
      await quiet();
      await whileTimePasses(clock, send(entity, '1'));
      await whileTimePasses(clock, manager.catchUp());
      expect(manager.state).toEqual({ lines: ['0', '1'] });
      expect(new Set(linesTo(sent, 'a'))).toEqual(new Set(['0', '1']));
      await manager.stop();
    },
  );

  test('records what a receiver refuses for good, and goes on', async () => {
    const { entity, start, sent, faults, journal } = await started();
    faults.push(never);
    await send(entity, '0', '1');
    const manager = await start();
    await manager.catchUp();
    expect(manager.refused).toBe(1);
    expect([linesTo(sent, 'a'), linesTo(sent, 'b')]).toEqual([['1'], ['0', '1']]);
    await manager.stop();
    const { events } = await journal.readFrom('manager/counting', 0);
    expect(events.flatMap(({ data }) => (data as { refusals?: unknown[] }).refusals ?? [])).toMatchObject([
      { code: 'SESSION_NOT_FOUND', request: { input: { sessionId: 'a', line: '0' } } },
    ]);
    const next = await start();
    expect(next.refused).toBe(1);
    await next.stop();
  });

  test('writes nothing for what means nothing to it, nor for its own decisions', async () => {
    const { entity, start, journal } = await started();
    await send(entity, '0');
    const manager = await start();
    await manager.catchUp();
    const decided = await journal.head('manager/counting');
    await entity.send({ type: 'ledger.remind', at: 1 });
    await manager.catchUp();
    expect(await journal.head('manager/counting')).toEqual(decided);
    await manager.stop();
  });
});
