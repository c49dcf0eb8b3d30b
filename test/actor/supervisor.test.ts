// A supervisor by the book: what the table of the model test does not show. Starts that fail or hang, nesting, force, the tree.
import { describe, expect, test } from 'vitest';
import type { ChildReport } from '../../src/actor/child-report.ts';
import type { ChildSpec, SupervisedChild } from '../../src/actor/child-spec.ts';
import { Supervisor, type SupervisorOptions } from '../../src/actor/supervisor.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { codeOf, quiet, watch } from '../support/outcome.ts';
import { newWorld, type ReportingChild, reportingSpec } from '../support/reporting-child.ts';

type Spec = ChildSpec<SupervisedChild>;

function here() {
  const clock = manualClock(0);
  const world = newWorld();
  const reports: ChildReport[] = [];
  const report = (said: ChildReport): void => void reports.push(said);
  const spec = (id: string): Spec => reportingSpec(world, { id });
  const start = (children: readonly Spec[], options: Partial<SupervisorOptions> = {}): Promise<Supervisor> =>
    Supervisor.start({ id: 'top', clock, children, report, ...options });
  const nested = (id: string, children: readonly Spec[], options: Partial<SupervisorOptions> = {}): Spec => ({
    ...spec(id),
    shutdown: 'infinity',
    start: () => start(children, { id, ...options }),
  });
  const crash = async (id: string): Promise<void> => {
    world.born.findLast((child) => child.id === id)?.crash();
    await quiet();
  };
  return { clock, world, reports, spec, start, nested, crash };
}

/** A child that does not end when it is asked to, and a start that does not. */
const hanging = (spec: Spec): Spec => ({
  ...spec,
  async start(incarnation) {
    const child = await spec.start(incarnation);
    return Object.assign(child, { stop: () => new Promise<void>(() => {}), unfinished: () => ['work'] });
  },
});
const slowStart = (spec: Spec): { readonly spec: Spec; readonly finish: () => void } => {
  let finish = (): void => {};
  const gate = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return {
    spec: { ...spec, start: (incarnation) => gate.then(() => spec.start(incarnation)) },
    finish: () => finish(),
  };
};

describe('starting', () => {
  test('starts the children in order, one after the other', async () => {
    const { start, spec, world } = here();
    const slow = slowStart(spec('a'));
    const starting = start([slow.spec, spec('b')]);
    await quiet();
    expect(world.log).toEqual([]);
    slow.finish();
    const supervisor = await starting;
    expect([world.log, supervisor.status, supervisor.ids()]).toEqual([
      ['start a 1', 'start b 1'],
      'running',
      ['a', 'b'],
    ]);
    expect((supervisor.find('b') as ReportingChild).name).toBe('b 1');
  });

  test('that fails stops what was started in reverse, and rejects with the error of the child', async () => {
    const { start, spec, world } = here();
    world.failing.set('c', 1);
    await expect(start([spec('a'), spec('b'), spec('c'), spec('d')])).rejects.toThrow('no c 1');
    expect(world.log).toEqual(['start a 1', 'start b 1', 'fail c 1', 'stop b 1', 'stop a 1']);
    expect(world.living.size).toBe(0);
  });

  test('two children of one id is a mistake of the programmer', async () => {
    const { start, spec, world } = here();
    await expect(start([spec('a'), spec('a')])).rejects.toThrow(TypeError);
    expect(world.log).toEqual([]);
  });

  test('a child that crashes before the last one is started is restarted when all are', async () => {
    const { start, spec, world, crash } = here();
    const slow = slowStart(spec('b'));
    const starting = start([spec('a'), slow.spec]);
    await quiet();
    await crash('a');
    slow.finish();
    await starting;
    await quiet();
    expect(world.log).toEqual(['start a 1', 'start b 1', 'start a 2']);
  });
});

describe('escalation', () => {
  test('ends all children in reverse, then itself with a crash that says which child and why', async () => {
    const { start, spec, world, reports, crash } = here();
    const supervisor = await start([spec('a'), spec('b'), spec('c')]);
    for (let i = 0; i < 4; i++) await crash('b');
    expect(world.log.slice(-3)).toEqual(['start b 4', 'stop c 1', 'stop a 1']);
    expect(await supervisor.exited).toMatchObject({
      reason: 'crash',
      error: {
        code: 'TOO_MANY_RESTARTS',
        details: { supervisor: 'top', child: 'b', restarts: 3 },
        cause: { message: 'boom b 4' },
      },
    });
    expect(reports.filter(({ type }) => type === 'child.givenUp')).toMatchObject([
      { id: 'b', restarts: 3, error: { message: 'boom b 4' } },
    ]);
    expect([supervisor.status, world.living.size]).toEqual(['stopped', 0]);
  });

  test('is a crash of a child for the supervisor above, which starts a new one of the next incarnation', async () => {
    const { start, spec, nested, world, crash } = here();
    const top = await start([spec('x'), nested('inner', [spec('a'), spec('b')]), spec('y')], {
      strategy: 'rest_for_one',
    });
    for (let i = 0; i < 4; i++) await crash('b');
    expect(world.log.slice(-6)).toEqual([
      'start b 4',
      'stop a 1',
      'stop y 1',
      'start a 1',
      'start b 1',
      'start y 2',
    ]);
    expect([...world.living].sort()).toEqual(['a 1', 'b 1', 'x 1', 'y 2']);
    expect(top.tree().children?.[1]).toMatchObject({
      id: 'inner',
      incarnation: 2,
      restarts: 1,
      status: 'running',
    });
  });

  test('goes up until somebody can bear it', async () => {
    const { start, spec, nested, world, crash } = here();
    const intensity = { maxRestarts: 0, periodMs: 1_000 };
    const top = await start([nested('inner', [spec('a')], { intensity })], { intensity });
    await crash('a');
    expect(await top.exited).toMatchObject({
      error: { details: { child: 'inner' }, cause: { details: { child: 'a' } } },
    });
    expect(world.living.size).toBe(0);
  });
});

describe('stopping', () => {
  test('stops the children in reverse, each after the other has ended, and refuses what comes after', async () => {
    const { start, spec, nested, world } = here();
    const supervisor = await start([spec('a'), nested('inner', [spec('b'), spec('c')]), spec('d')]);
    await Promise.all([supervisor.stop(), supervisor.stop()]);
    expect(world.log.slice(-4)).toEqual(['stop d 1', 'stop c 1', 'stop b 1', 'stop a 1']);
    expect(await supervisor.exited).toEqual({ reason: 'shutdown' });
    for (const refused of [
      supervisor.startChild(spec('e')),
      supervisor.terminateChild('a'),
      supervisor.restartChild('a'),
      supervisor.deleteChild('a'),
    ])
      expect(await codeOf(refused)).toBe('SUPERVISOR_NOT_RUNNING');
  });

  test('kills a child that hangs when its grace is over, says so, and goes on', async () => {
    const { start, spec, world, reports, clock } = here();
    const supervisor = await start([spec('a'), { ...hanging(spec('b')), shutdown: 100 }, spec('c')]);
    const stopped = watch(supervisor.stop());
    await clock.advance(99);
    expect([stopped.outcome, world.log.at(-1)]).toEqual(['waiting', 'stop c 1']);
    await clock.advance(1);
    expect([stopped.outcome, world.log.slice(-2)]).toEqual(['answered', ['kill b 1', 'stop a 1']]);
    expect(reports.filter(({ type }) => type === 'child.killed')).toEqual([
      { type: 'child.killed', id: 'b', incarnation: 1, abandoned: ['work'] },
    ]);
  });

  test('gives a start that hangs the same grace; what comes of it later is killed at once', async () => {
    const { start, spec, world, clock, crash } = here();
    let starts = 0;
    const slow = slowStart(spec('b'));
    const late: Spec = {
      ...spec('b'),
      shutdown: 100,
      start: (n) => (starts++ === 0 ? spec('b') : slow.spec).start(n),
    };
    const supervisor = await start([spec('a'), late]);
    await crash('b');
    const stopped = watch(supervisor.stop());
    await clock.advance(100);
    expect([stopped.outcome, [...world.living], clock.pending]).toEqual(['answered', [], 0]);
    slow.finish();
    await quiet();
    expect([world.log.slice(-2), world.living.size]).toEqual([['start b 2', 'kill b 2'], 0]);
  });

  test('while siblings are being restarted starts nobody any more', async () => {
    const { start, spec, world, crash } = here();
    let starts = 0;
    const slow = slowStart(spec('a'));
    const first: Spec = { ...spec('a'), start: (n) => (starts++ === 0 ? spec('a') : slow.spec).start(n) };
    const supervisor = await start([first, spec('b')], { strategy: 'one_for_all' });
    await crash('a');
    const stopped = supervisor.stop();
    slow.finish();
    await stopped;
    expect(world.log).toEqual(['start a 1', 'start b 1', 'stop b 1', 'start a 2', 'stop a 2']);
  });
});

describe('force', () => {
  test('ends everything below at once, in reverse, and is a crash', async () => {
    const { start, spec, nested, world, reports } = here();
    const supervisor = await start([spec('a'), nested('inner', [hanging(spec('b'))])]);
    const stopping = watch(supervisor.stop());
    expect(supervisor.unfinished()).toEqual(['inner/b/work']);
    supervisor.kill();
    supervisor.kill();
    expect([world.log.slice(-2), world.living.size, supervisor.status]).toEqual([
      ['kill b 1', 'kill a 1'],
      0,
      'stopped',
    ]);
    expect(await supervisor.exited).toMatchObject({ reason: 'crash', error: { code: 'KILLED' } });
    await quiet();
    expect(stopping.outcome).toBe('answered');
    const ends = reports.filter(({ type }) => type === 'child.exited').map(({ id }) => id);
    expect(ends).toEqual(['b', 'inner', 'a']);
  });

  test('reaches a start that is under way: it is given up, and what comes of it is killed', async () => {
    const { start, spec, world } = here();
    const supervisor = await start([]);
    const slow = slowStart(spec('a'));
    const asked = codeOf(supervisor.startChild(slow.spec));
    await quiet();
    supervisor.kill();
    expect(await asked).toMatch(/given up/);
    slow.finish();
    await quiet();
    expect([world.log, world.living.size]).toEqual([['start a 1', 'kill a 1'], 0]);
  });
});

describe('by hand', () => {
  test('a crash that is still unheard when its child is terminated means nothing any more', async () => {
    const { start, spec, world } = here();
    const supervisor = await start([spec('a')]);
    const terminated = supervisor.terminateChild('a');
    world.born[0]?.crash();
    await terminated;
    await quiet();
    expect([world.living.size, supervisor.tree().children?.[0]?.status]).toEqual([0, 'stopped']);
    expect(world.born).toHaveLength(1);
  });

  test('a restart that failed and waits for its turn is called off by terminateChild', async () => {
    const { start, spec, world, crash } = here();
    let fail = (): void => {};
    const failing = new Promise<never>((_, reject) => {
      fail = () => reject(new Error('no'));
    });
    let starts = 0;
    const child: Spec = { ...spec('a'), start: (n) => (starts++ === 1 ? failing : spec('a').start(n)) };
    const supervisor = await start([child]);
    await crash('a');
    const terminated = supervisor.terminateChild('a');
    fail();
    await terminated;
    await quiet();
    expect([starts, world.log]).toEqual([2, ['start a 1']]);
    expect(supervisor.tree().children?.[0]).toMatchObject({ status: 'stopped', incarnation: 2, restarts: 1 });
    await supervisor.restartChild('a');
    expect(world.log.at(-1)).toBe('start a 3');
  });

  test('a child that rests is started together with its siblings, as in OTP', async () => {
    const { start, spec, world, crash } = here();
    const supervisor = await start([spec('a'), spec('b')], { strategy: 'one_for_all' });
    await supervisor.terminateChild('b');
    await crash('a');
    expect([...world.living].sort()).toEqual(['a 2', 'b 2']);
  });
});

describe('what is seen of it', () => {
  test('the tree is plain data, with what nested supervisors and workers say of themselves', async () => {
    const { start, spec, nested, crash } = here();
    const talkative: Spec = {
      ...spec('t'),
      async start(n) {
        const node = {
          id: 'own',
          kind: 'worker',
          status: 'stopped',
          incarnation: 9,
          restarts: 9,
          details: { mail: 3 },
        } as const;
        return Object.assign(await spec('t').start(n), { tree: () => node });
      },
    };
    const broken: Spec = {
      ...spec('x'),
      start: async (n) =>
        Object.assign(await spec('x').start(n), {
          tree: () => {
            throw new Error('no');
          },
        }),
    };
    const supervisor = await start([
      talkative,
      nested('inner', [spec('a')], { strategy: 'one_for_all' }),
      broken,
    ]);
    await crash('a');
    await supervisor.terminateChild('x');
    expect(JSON.parse(JSON.stringify(supervisor.tree()))).toEqual({
      ...{
        id: 'top',
        kind: 'supervisor',
        strategy: 'one_for_one',
        status: 'running',
        incarnation: 1,
        restarts: 0,
      },
      children: [
        { id: 't', kind: 'worker', status: 'running', incarnation: 1, restarts: 0, details: { mail: 3 } },
        {
          ...{
            id: 'inner',
            kind: 'supervisor',
            strategy: 'one_for_all',
            status: 'running',
            incarnation: 1,
            restarts: 0,
          },
          children: [{ id: 'a', kind: 'worker', status: 'running', incarnation: 2, restarts: 1 }],
        },
        { id: 'x', kind: 'worker', status: 'stopped', incarnation: 1, restarts: 0 },
      ],
    });
  });

  test('reports are told once and in order; a listener that throws stops nothing', async () => {
    const { start, spec, reports, crash, world } = here();
    const supervisor = await start([spec('a')]);
    await crash('a');
    await supervisor.stop();
    expect(reports.map(({ type }) => type.slice(6))).toEqual([
      'started',
      'exited',
      'restarting',
      'started',
      'exited',
    ]);
    const broken = await start([spec('z')], {
      report: () => {
        throw new Error('no');
      },
    });
    await crash('z');
    expect(world.living.has('z 2')).toBe(true);
    await broken.stop();
  });

  test('has progressed when a child has, also one that is gone', async () => {
    const { start, spec, world } = here();
    const supervisor = await start([spec('a')]);
    expect(supervisor.hasProgressed()).toBe(false);
    if (world.born[0] !== undefined) world.born[0].progressed = true;
    expect(supervisor.hasProgressed()).toBe(true);
    await supervisor.terminateChild('a');
    await supervisor.deleteChild('a');
    expect([supervisor.ids(), supervisor.hasProgressed()]).toEqual([[], true]);
  });
});
