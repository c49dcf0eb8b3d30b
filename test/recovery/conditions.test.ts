// Conditions are shown when they are asked for, kept until the disk has them, and there again after any end of the process.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { LevelJournal } from '../../src/journal/level-journal.ts';
import type { OpenStore } from '../../src/journal/level-store.ts';
import type { Condition } from '../../src/recovery/conditions/condition.ts';
import { Conditions, type ConditionsOptions } from '../../src/recovery/conditions/conditions.ts';
import { everyWrite, type Fault, nthWrite, randomWrites } from '../../src/testing/faulty-level.ts';
import { clearedCondition, newCondition } from '../support/condition-arbitraries.ts';
import { type MemoryJournal, memoryJournal } from '../support/memory-journal.ts';
import { codeOf, errorOf, quiet, watch, whileTimePasses } from '../support/outcome.ts';

const startMs = Date.UTC(2026, 0, 1);
const crash = { condition: 'recovering', reason: 'it crashed' } as const;
const damage = { condition: 'quarantined', reason: 'it is damaged' } as const;
const healed = { reason: 'healed' };

interface World extends MemoryJournal {
  journal: Journal;
  conditions: Conditions;
  /** What was told: session, type and seq, and what find() showed by then. */
  readonly told: (readonly [sessionId: string, type: string, seq: number, shown: string | undefined])[];
  /** Seqs that find() showed when an event with another one was told. */
  readonly stale: readonly number[];
  /** Opens the same data anew, after an end in order or a kill. */
  again(how: 'close' | 'kill'): Promise<void>;
}

/** A process over the disk: once it is dead it opens nothing and hears of no time. */
function processOn({ disk, clock, reports }: MemoryJournal, tell: ConditionsOptions['tell']) {
  const life = { isAlive: true };
  const own: Clock = {
    now: () => clock.now(),
    schedule: (delayMs, task) => clock.schedule(delayMs, () => life.isAlive && task()),
  };
  const telemetry = (name: string, data = {}) => {
    if (life.isAlive) reports.push({ name, data });
  };
  const open: OpenStore = async (...args) => {
    if (!life.isAlive) throw new Error('the process is dead');
    return disk.open(...args);
  };
  return {
    life,
    async start(): Promise<Pick<World, 'journal' | 'conditions'>> {
      const journal = await LevelJournal.open({ open, clock: own, telemetry });
      return { journal, conditions: await Conditions.load({ journal, clock: own, telemetry, tell }) };
    },
  };
}

async function opened(): Promise<World> {
  const store = memoryJournal();
  const told: World['told'] = [];
  const stale: number[] = [];
  const tell: ConditionsOptions['tell'] = (sessionId, events) => {
    const shown = world.conditions.find(sessionId);
    for (const { type, seq } of events) {
      told.push([sessionId, type, seq, shown?.condition]);
      if (shown !== undefined && shown.seq !== seq) stale.push(shown.seq);
    }
  };
  let running = processOn(store, tell);
  const world: World = {
    ...store,
    ...(await running.start()),
    told,
    stale,
    async again(how) {
      if (how === 'kill') {
        running.life.isAlive = false;
        await store.disk.crash();
      } else {
        await world.conditions.close();
        await world.journal.close();
      }
      running = processOn(store, tell);
      Object.assign(world, await running.start());
    },
  };
  return world;
}

const shownOf = (conditions: Conditions, sessionId = 's1'): string | undefined =>
  conditions.find(sessionId)?.condition;

/** Counts what is read from the journal. */
const readsOf = (world: World, name: 'head' | 'readFrom' | 'list'): { count: number } => {
  const seen = { count: 0 };
  const { journal } = world;
  const original = journal[name].bind(journal) as (...args: unknown[]) => unknown;
  Object.assign(journal, {
    [name]: (...args: unknown[]) => {
      seen.count += 1;
      return original(...args);
    },
  });
  return seen;
};

describe('a condition that is set', () => {
  test('is shown at once, and told and answered once it is durable', async () => {
    const { conditions, disk, told } = await opened();
    const held = disk.holdWrites();
    const error = new HoldfastError('JOURNAL_CORRUPT', { stream: 'session/s1', seq: 3, problem: 'rot' });
    const answer = conditions.set('s1', { ...damage, error, restarts: 2 });
    expect(conditions.find('s1')).toEqual({
      ...{ sessionId: 's1', ...damage, restarts: 2, since: startMs, seq: 0 },
      error: { name: 'HoldfastError', message: error.message, code: 'JOURNAL_CORRUPT' },
    });
    await held.arrived;
    expect(told).toEqual([]);
    held.release();
    expect(await answer).toEqual({ durability: 'fsync', seq: 1, condition: 'quarantined' });
    expect(told).toEqual([['s1', 'condition.set', 1, 'quarantined']]);
    expect(conditions.find('s1')?.seq).toBe(1);
  });

  test('is frozen, and the same for everybody who asks', async () => {
    const { conditions } = await opened();
    await conditions.set('s1', crash);
    expect(Object.isFrozen(conditions.find('s1'))).toBe(true);
    expect(conditions.find('s1')).toBe(conditions.list()[0]);
  });

  test('changes nothing when it is set again with the same data', async () => {
    const { conditions, told, journal } = await opened();
    await conditions.set('s1', { ...crash, error: new Error('boom') });
    expect(await conditions.set('s1', { ...crash, error: new Error('boom') })).toMatchObject({ seq: 1 });
    expect(told).toHaveLength(1);
    expect((await journal.head('condition/s1'))?.seq).toBe(1);
  });

  test('as quarantined replaces recovering at once; recovering never replaces it', async () => {
    const { conditions, clock } = await opened();
    const first = conditions.set('s1', crash);
    await clock.advance(10);
    const second = conditions.set('s1', damage);
    const third = conditions.set('s1', { ...crash, restarts: 9 });
    expect(conditions.find('s1')).toMatchObject({ ...damage, since: startMs + 10 });
    const answers = await Promise.all([first, second, third]);
    expect(answers.map(({ condition }) => condition)).toEqual(['recovering', 'quarantined', 'quarantined']);
    expect(conditions.find('s1')).toMatchObject({ ...damage, restarts: 0, seq: 2 });
  });

  test('keeps up to 1,000 characters of reason and message', async () => {
    const { conditions } = await opened();
    await conditions.set('s1', { ...damage, reason: '😀'.repeat(600), error: new Error('x'.repeat(2_000)) });
    const { reason, error } = conditions.find('s1') as Condition;
    expect([reason.length, error?.message.length]).toEqual([999, 1_000]);
    expect(/\p{Cs}/u.test(reason)).toBe(false);
  });

  test('is refused for what is no session id, and shows nothing', async () => {
    const { conditions } = await opened();
    expect(await codeOf(conditions.set('../s1', crash))).toBe('INVALID_ID');
    expect(conditions.list()).toEqual([]);
  });

  test('under a key is set once, and the repeat shows nothing that was cleared since', async () => {
    const { conditions, told } = await opened();
    const meta = { operationId: 'k1', digest: 'd' };
    await conditions.set('s1', crash, meta);
    await conditions.clear('s1', healed);
    const repeat = conditions.set('s1', crash, meta);
    expect(await repeat).toMatchObject({ seq: 1, repeated: true });
    expect(conditions.find('s1')).toBeUndefined();
    const reused = conditions.set('s1', damage, { operationId: 'k1', digest: 'other' });
    expect(await codeOf(reused)).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(conditions.find('s1')).toBeUndefined();
    expect(told).toHaveLength(2);
  });
});

describe('a condition that is cleared', () => {
  test('is shown until that is durable', async () => {
    const { conditions, disk, told } = await opened();
    await conditions.set('s1', crash);
    const held = disk.holdWrites();
    const cleared = conditions.clear('s1', healed);
    await held.arrived;
    expect(shownOf(conditions)).toBe('recovering');
    held.release();
    expect(await cleared).toEqual({ durability: 'fsync', seq: 2, condition: null });
    expect(conditions.find('s1')).toBeUndefined();
    expect(told.at(-1)).toEqual(['s1', 'condition.cleared', 2, undefined]);
  });

  test('stays when another one was meant, and nothing happens when there is none', async () => {
    const { conditions, told } = await opened();
    await conditions.set('s1', damage);
    expect(await conditions.clear('s1', { ...healed, condition: 'recovering' })).toMatchObject({
      condition: 'quarantined',
    });
    expect(shownOf(conditions)).toBe('quarantined');
    expect(await conditions.clear('s2', healed)).toEqual({ durability: 'fsync', seq: 0, condition: null });
    expect(told).toHaveLength(1);
  });

  test('and set again while that is on its way shows the new one at once', async () => {
    const { conditions } = await opened();
    await conditions.set('s1', damage);
    const cleared = conditions.clear('s1', healed);
    expect(shownOf(conditions)).toBe('quarantined');
    const crashed = conditions.set('s1', crash);
    expect(shownOf(conditions)).toBe('recovering');
    await Promise.all([cleared, crashed]);
    expect(conditions.find('s1')).toMatchObject({ ...crash, seq: 3 });
  });
});

describe('all conditions', () => {
  test('are listed by kind, oldest first, also after a restart', async () => {
    const world = await opened();
    const order: [string, typeof crash | typeof damage][] = [
      ...([
        ['z', crash],
        ['a', damage],
        ['m', crash],
      ] as [string, typeof crash | typeof damage][]),
    ];
    for (const [sessionId, wanted] of order) {
      await world.conditions.set(sessionId, wanted);
      await world.clock.advance(1);
    }
    for (const how of [undefined, 'close', 'kill'] as const) {
      if (how !== undefined) await world.again(how);
      const idsOf = (kind?: 'recovering' | 'quarantined') =>
        world.conditions.list(kind).map(({ sessionId }) => sessionId);
      expect([idsOf(), idsOf('recovering'), idsOf('quarantined')]).toEqual([
        ['z', 'a', 'm'],
        ['z', 'm'],
        ['a'],
      ]);
    }
  });

  test('come from heads alone, page by page', async () => {
    const world = await opened();
    const ids = Array.from({ length: 2_300 }, (_, n) => `s${n}`);
    await Promise.all(ids.map((id) => world.conditions.set(id, crash)));
    await Promise.all(ids.slice(0, 300).map((id) => world.conditions.clear(id, healed)));
    const before = new Map(world.conditions.list().map((found) => [found.sessionId, found]));
    await world.conditions.close();
    const reads = [readsOf(world, 'head'), readsOf(world, 'readFrom')];
    const pages = readsOf(world, 'list');
    const loaded = await Conditions.load({
      ...world,
      telemetry: () => {},
      tell: () => {},
    });
    expect(reads).toEqual([{ count: 0 }, { count: 0 }]);
    expect(pages.count).toBeGreaterThan(1);
    expect(loaded.list()).toHaveLength(2_000);
    for (const found of loaded.list()) expect(found).toEqual(before.get(found.sessionId));
  });

  test('leave nothing in memory once they are cleared', async () => {
    const world = await opened();
    await Promise.all(['s1', 's2'].map((id) => world.conditions.set(id, crash)));
    await Promise.all([world.conditions.clear('s1', healed), world.conditions.clear('s1', healed)]);
    await world.conditions.clear('s3', healed);
    await world.conditions.forget('s4');
    expect(world.conditions.size).toBe(1);
    const heads = readsOf(world, 'head');
    await world.conditions.set('s2', { ...crash, restarts: 1 });
    expect(heads.count).toBe(0);
    await world.conditions.set('s1', crash);
    expect(heads.count).toBe(1);
  });

  test('show a session as quarantined whose own record is damaged, and say so', async () => {
    const world = await opened();
    await world.conditions.set('s1', crash);
    await world.conditions.close();
    await world.journal.close();
    await world.disk.data.put('h!condition/s1', 'rot');
    world.journal = await world.open();
    world.conditions = await Conditions.load({ ...world, telemetry: () => {}, tell: () => {} });
    expect(world.conditions.find('s1')).toMatchObject({
      condition: 'quarantined',
      error: { code: 'JOURNAL_CORRUPT' },
      seq: 0,
    });
    expect(await codeOf(world.conditions.clear('s1', healed))).toBe('JOURNAL_CORRUPT');
    expect(await codeOf(world.conditions.set('s1', { ...damage, restarts: 7 }))).toBe('JOURNAL_CORRUPT');
    expect(world.conditions.find('s1')).toMatchObject({ ...damage, restarts: 7 });
  });
});

describe('a process that dies', () => {
  test('between set and durable comes back without it; what was answered is there', async () => {
    const world = await opened();
    await world.conditions.set('s1', crash);
    const held = world.disk.holdWrites();
    void world.conditions.set('s1', damage).catch(() => {});
    void world.conditions.set('s2', damage).catch(() => {});
    await held.arrived;
    expect(shownOf(world.conditions)).toBe('quarantined');
    const back = world.again('kill');
    held.release();
    await back;
    expect(world.conditions.list().map(({ sessionId, condition }) => [sessionId, condition])).toEqual([
      ['s1', 'recovering'],
    ]);
  });

  test('comes back with all that find() showed', async () => {
    const world = await opened();
    await world.clock.advance(1_234);
    await world.conditions.set('s1', {
      ...damage,
      error: Object.assign(new Error('e'), { code: 'E1' }),
      restarts: 4,
    });
    await world.conditions.set('s2', crash);
    const before = world.conditions.list();
    for (const how of ['close', 'kill'] as const) {
      await world.again(how);
      expect(world.conditions.list()).toEqual(before);
    }
  });
});

describe('a disk that refuses', () => {
  test.each<Fault>(['before', 'after'])(
    '(%s the write) is asked again until it has taken it, once',
    async (fault) => {
      const world = await opened();
      const { conditions, disk, clock, told } = world;
      disk.failWrites(nthWrite(disk.writes + 1, fault));
      const answer = conditions.set('s1', crash);
      expect(await whileTimePasses(clock, answer, 10)).toMatchObject({ condition: 'recovering' });
      expect(told).toEqual([['s1', 'condition.set', 1, 'recovering']]);
      expect(conditions.find('s1')).toMatchObject({ since: startMs, seq: 1 });
      expect(world.stale).toEqual([]);
      expect(world.reports.some(({ name }) => name === 'condition.failed')).toBe(true);
    },
  );

  test('for long is asked again with growing waits, and shows the condition all the time', async () => {
    const { conditions, disk, clock, reports } = await opened();
    disk.failWrites(everyWrite('before'));
    const answer = watch(conditions.set('s1', damage));
    const failures = () => reports.filter(({ name }) => name === 'condition.failed').length;
    for (let second = 0; second < 600; second++) {
      await clock.advance(1_000);
      await quiet(2);
      expect(shownOf(conditions)).toBe('quarantined');
    }
    expect(answer.outcome).toBe('waiting');
    expect(failures()).toBeGreaterThan(5);
    expect(failures()).toBeLessThan(140);
    disk.heal();
    for (let second = 0; second < 60 && answer.outcome === 'waiting'; second++) await clock.advance(1_000);
    expect(answer.outcome).toBe('answered');
    expect(conditions.find('s1')).toMatchObject({ since: startMs, seq: 1 });
  });

  test('until the end gives up what it refused, and still shows it', async () => {
    const { conditions, disk, clock } = await opened();
    disk.failWrites(everyWrite('before'));
    const outcome = codeOf(conditions.set('s1', damage));
    for (let second = 0; second < 600; second++) await clock.advance(1_000);
    await conditions.close();
    expect(['NOT_COMMITTED', 'OUTCOME_UNKNOWN', 'JOURNAL_UNAVAILABLE']).toContain(await outcome);
    expect(shownOf(conditions)).toBe('quarantined');
    expect(clock.pending).toBe(0);
    expect((await errorOf(conditions.set('s2', crash))).code).toBe('SYSTEM_NOT_SERVING');
  });

  test('keeps the order in which was asked', async () => {
    const { conditions, disk, clock } = await opened();
    await conditions.set('s1', crash);
    disk.failWrites(nthWrite(disk.writes + 1, 'before'));
    const cleared = conditions.clear('s1', healed);
    const damaged = conditions.set('s1', damage);
    await whileTimePasses(clock, Promise.all([cleared, damaged]), 10);
    expect(conditions.find('s1')).toMatchObject({ ...damage, seq: 3 });
  });

  test('is no matter of whoever is told', async () => {
    const { journal, clock, reports } = await opened();
    const conditions = await Conditions.load({
      journal,
      clock,
      telemetry: (name, data = {}) => reports.push({ name, data }),
      tell() {
        throw new Error('a listener');
      },
    });
    expect(await conditions.set('s1', crash)).toMatchObject({ seq: 1 });
    expect(reports.map(({ name }) => name)).toEqual(['condition.tellFailed']);
  });
});

describe('a session that is deleted', () => {
  test('takes its stream with it, after what was asked for before', async () => {
    const world = await opened();
    void world.conditions.set('s1', crash);
    await world.conditions.forget('s1');
    expect(world.conditions.find('s1')).toBeUndefined();
    expect(await world.journal.head('condition/s1')).toMatchObject({ status: 'deleted', summary: null });
    await world.conditions.forget('s1');
    await world.conditions.forget('s2');
    await world.again('kill');
    expect(world.conditions.list()).toEqual([]);
    await world.conditions.set('s1', damage);
    await world.again('kill');
    expect(world.conditions.find('s1')).toMatchObject({ ...damage, seq: 2 });
  });

  test.each<Fault>(['before', 'after'])(
    'is forgotten by a disk that fails %s the write, too',
    async (fault) => {
      const world = await opened();
      await world.conditions.set('s1', crash);
      world.disk.failWrites(nthWrite(world.disk.writes + 1, fault));
      await whileTimePasses(world.clock, world.conditions.forget('s1'), 10);
      expect(world.conditions.find('s1')).toBeUndefined();
      await world.again('kill');
      expect(world.conditions.list()).toEqual([]);
    },
  );
});

/** What three sessions' conditions are, kept in the simplest way. */
class Model {
  readonly standing = new Map<string, { condition: string; reason: string; restarts: number }>();

  set(
    id: string,
    { condition, reason, restarts }: { condition: string; reason: string; restarts: number },
  ): void {
    const isWeaker = condition === 'recovering' && this.standing.get(id)?.condition === 'quarantined';
    if (!isWeaker) this.standing.set(id, { condition, reason, restarts });
  }

  clear(id: string, condition: string | undefined): void {
    if (condition === undefined || this.standing.get(id)?.condition === condition) this.standing.delete(id);
  }
}

const id = fc.constantFrom('s1', 's2', 's3');
const move = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('set' as const), id, wanted: newCondition }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('clear' as const), id, cleared: clearedCondition }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('forget' as const), id }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom('settle' as const, 'close' as const, 'kill' as const) }),
  },
);

test('whatever is asked for, and however the disk fails, what stands is what was asked for last', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(move, { maxLength: 25 }), fc.nat(), async (moves, seed) => {
      const world = await opened();
      const model = new Model();
      let onTheirWay: Promise<unknown>[] = [];
      world.disk.failWrites(randomWrites(seed, 0.1));
      const settle = async (): Promise<void> => {
        const all = Promise.all(onTheirWay);
        // A removal that the disk cut off goes on after the next write, whosever it is, has shown the journal the failure.
        for (const watched = watch(all); watched.outcome === 'waiting'; ) {
          await world.clock.advance(1_000);
          if (watched.outcome === 'waiting')
            await codeOf(world.journal.kv.batch([{ key: 'other', value: 1 }]));
        }
        await all;
        onTheirWay = [];
        const shown = world.conditions.list();
        expect(
          new Map(
            shown.map(({ sessionId, condition, reason, restarts }) => [
              sessionId,
              { condition, reason, restarts },
            ]),
          ),
        ).toEqual(model.standing);
      };
      for (const made of moves) {
        if (made.type === 'set') {
          model.set(made.id, made.wanted);
          onTheirWay.push(world.conditions.set(made.id, made.wanted));
          expect(world.conditions.find(made.id)).toMatchObject({ ...model.standing.get(made.id) });
        } else if (made.type === 'clear') {
          model.clear(made.id, made.cleared.condition);
          onTheirWay.push(world.conditions.clear(made.id, made.cleared));
        } else if (made.type === 'forget') {
          model.standing.delete(made.id);
          onTheirWay.push(world.conditions.forget(made.id));
        } else {
          await settle();
          const before = world.conditions.list();
          if (made.type === 'settle') continue;
          world.disk.heal();
          await whileTimePasses(world.clock, world.again(made.type), 50);
          expect(world.conditions.list()).toEqual(before);
          world.disk.failWrites(randomWrites(seed, 0.1));
        }
      }
      await settle();
    }),
    { numRuns: 60 },
  );
});
