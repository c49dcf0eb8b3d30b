// Children on demand that hang, storm or are watched: force is bounded to the one that needs it, and nothing of it is hidden.
import { describe, expect, test } from 'vitest';
import type { ChildSpec, Shutdown } from '../../src/actor/child-spec.ts';
import { type ChildReport, DynamicSupervisor } from '../../src/actor/dynamic-supervisor.ts';
import type { Down } from '../../src/actor/monitors.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { codeOf, quiet, watch } from '../support/outcome.ts';
import { newWorld, ReportingChild, reportingSpec } from '../support/reporting-child.ts';

type Spec = ChildSpec<ReportingChild>;

function here(activeChildren?: () => number) {
  const clock = manualClock(0);
  const world = newWorld();
  const reports: ChildReport[] = [];
  const options = { id: 'sessions', ...(activeChildren && { activeChildren }) };
  const supervisor = new DynamicSupervisor<ReportingChild>(clock, (report) => reports.push(report), options);
  const spec = (id: string): Spec => reportingSpec(world, { id });
  const deaf = (id: string, shutdown: Shutdown): Spec => ({
    ...spec(id),
    shutdown,
    start: async (n) =>
      Object.assign(new ReportingChild(world, id, n, 'deaf'), { unfinished: () => ['upload', 'poll'] }),
  });
  const said = (): string[] => reports.map(({ type, id }) => `${type.slice(6)} ${id}`);
  return { clock, world, reports, supervisor, spec, deaf, said };
}

describe('a child that does not end when it is stopped', () => {
  test('is killed when its grace is over, and the report names what was abandoned', async () => {
    const { supervisor, clock, deaf, reports, world } = here();
    await supervisor.start(deaf('a', 100));
    const stopped = watch(supervisor.stop('a'));
    await clock.advance(99);
    expect([stopped.outcome, world.log.at(-1)]).toEqual(['waiting', 'stop a 1']);
    await clock.advance(1);
    expect([stopped.outcome, supervisor.size, clock.pending]).toEqual(['answered', 0, 0]);
    expect(reports.slice(1)).toMatchObject([
      { type: 'child.killed', id: 'a', incarnation: 1, abandoned: ['upload', 'poll'] },
      { type: 'child.exited', id: 'a', incarnation: 1, exit: { reason: 'crash', error: { code: 'KILLED' } } },
    ]);
  });

  test('has five seconds when its spec says nothing', async () => {
    const { supervisor, clock, deaf } = here();
    const { shutdown: _, ...silent } = deaf('a', 0);
    await supervisor.start(silent);
    const stopped = watch(supervisor.stop('a'));
    await clock.advance(4_999);
    expect(stopped.outcome).toBe('waiting');
    await clock.advance(1);
    expect(stopped.outcome).toBe('answered');
  });

  test('holds up neither the stop nor the start of another, and all are stopped within one grace', async () => {
    const { supervisor, clock, deaf, spec } = here();
    await supervisor.start(deaf('a', 100));
    await supervisor.start(deaf('b', 100));
    await supervisor.start(spec('c'));
    const stopped = watch(supervisor.stop('a'));
    await supervisor.stop('c');
    await supervisor.start(spec('d'));
    expect([stopped.outcome, supervisor.find('d')?.name]).toEqual(['waiting', 'd 1']);
    const all = watch(supervisor.stopAll());
    await clock.advance(100);
    expect([all.outcome, supervisor.size]).toEqual(['answered', 0]);
  });

  test('is waited for by a start of its own id; its late end is then nobody’s', async () => {
    const { supervisor, clock, deaf, spec, world, said } = here();
    const old = await supervisor.start(deaf('a', 100));
    const stopped = supervisor.stop('a');
    const asked = watch(supervisor.start(spec('a')));
    await clock.advance(99);
    expect([asked.outcome, world.born.length]).toEqual(['waiting', 1]);
    await clock.advance(1);
    await stopped;
    await quiet();
    expect([asked.outcome, world.born.length]).toEqual(['answered', 2]);
    const before = said();
    old.crash('late');
    await quiet();
    expect([said(), supervisor.find('a')?.name, world.born.length]).toEqual([before, 'a 1', 2]);
    expect(supervisor.find('a')).not.toBe(old);
  });

  test('whose stop fails is killed at once, and stopping rejects for nobody', async () => {
    const { supervisor, spec, said } = here();
    const child = await supervisor.start(spec('a'));
    child.stop = () => Promise.reject(new Error('no'));
    await supervisor.stop('a');
    expect([supervisor.size, said().sort()]).toEqual([0, ['exited a', 'killed a', 'started a']]);
  });
});

describe('a start that hangs', () => {
  test('is given up when it is stopped and the grace is over; nobody else lives under its id until it has ended', async () => {
    const { supervisor, clock, spec, world, reports } = here();
    let finish = (): void => {};
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const first = codeOf(
      supervisor.start({ ...spec('a'), shutdown: 100, start: (n) => gate.then(() => spec('a').start(n)) }),
    );
    const stopped = watch(supervisor.stop('a'));
    await clock.advance(100);
    expect([stopped.outcome, await first, supervisor.size]).toEqual([
      'answered',
      'Error: the start took too long and was given up',
      0,
    ]);
    expect(reports).toEqual([{ type: 'child.killed', id: 'a', incarnation: 1, abandoned: ['start'] }]);
    const next = supervisor.start(spec('a'));
    await quiet();
    expect(world.log).toEqual([]);
    finish();
    await next;
    expect(world.log).toEqual(['start a 1', 'kill a 1', 'start a 1']);
  });
});

describe('all at once by force', () => {
  test('ends children, starts and waits without waiting for any of them', async () => {
    const { supervisor, clock, spec, deaf, world } = here();
    await supervisor.start(deaf('a', 'infinity'));
    await supervisor.start(spec('b'));
    for (let i = 0; i < 2; i++) {
      supervisor.find('b')?.crash();
      await quiet();
    }
    const starting = codeOf(supervisor.start({ ...spec('c'), start: () => new Promise(() => {}) }));
    const stopping = watch(supervisor.stop('a'));
    supervisor.killAll();
    expect([supervisor.size, world.living.size, clock.pending]).toEqual([0, 0, 0]);
    expect(await starting).toMatch(/given up/);
    await clock.advance(60_000);
    expect(stopping.outcome).toBe('answered');
    expect(world.born).toHaveLength(3);
  });
});

describe('a storm', () => {
  const crashAll = async (supervisor: DynamicSupervisor<ReportingChild>): Promise<void> => {
    for (const id of supervisor.ids()) supervisor.find(id)?.crash();
    await quiet();
  };

  test('of more restarts than the limit is spread out, told, and over when all are back', async () => {
    const { supervisor, clock, spec, reports, world } = here();
    for (let i = 0; i < 103; i++) await supervisor.start(spec(`s${i}`));
    await crashAll(supervisor);
    expect(world.living.size).toBe(100);
    expect(reports.filter(({ type }) => type === 'child.paced')).toEqual([
      { type: 'child.paced', id: 's100', incarnation: 2, afterMs: 50 },
      { type: 'child.paced', id: 's101', incarnation: 2, afterMs: 100 },
      { type: 'child.paced', id: 's102', incarnation: 2, afterMs: 150 },
    ]);
    await clock.advance(100);
    expect(world.living.size).toBe(102);
    await clock.advance(50);
    expect([world.living.size, supervisor.size, clock.pending]).toEqual([103, 103, 0]);
  });

  test('is measured by the children that its owner counts', async () => {
    const { supervisor, spec, world } = here(() => 1_000);
    for (let i = 0; i < 103; i++) await supervisor.start(spec(`s${i}`));
    await crashAll(supervisor);
    expect(world.living.size).toBe(103);
  });

  test('keeps nobody from stopping one that waits for its turn', async () => {
    const { supervisor, clock, spec, world } = here();
    for (let i = 0; i < 101; i++) await supervisor.start(spec(`s${i}`));
    await crashAll(supervisor);
    await supervisor.stop('s100');
    expect([supervisor.size, clock.pending]).toEqual([100, 0]);
    await clock.advance(1_000);
    expect(world.living.size).toBe(100);
  });
});

describe('what is seen of it', () => {
  test('a monitor hears one end with the incarnation; a second one is asked for anew', async () => {
    const { supervisor, spec } = here();
    const downs: Down[] = [];
    const hear = (down: Down): void => void downs.push(down);
    supervisor.monitor('a', hear);
    await supervisor.start(spec('a'));
    supervisor.monitor('a', hear);
    supervisor.find('a')?.crash();
    await quiet();
    supervisor.monitor('a', hear);
    supervisor.monitor('a', hear)();
    await supervisor.stop('a');
    expect(downs).toMatchObject([
      { id: 'a', incarnation: null, exit: { reason: 'noproc' } },
      { id: 'a', incarnation: 1, exit: { reason: 'crash' } },
      { id: 'a', incarnation: 2, exit: { reason: 'shutdown' } },
    ]);
  });

  test('the tree shows each child as it stands', async () => {
    const { supervisor, spec, clock } = here();
    for (const id of ['a', 'b']) await supervisor.start(spec(id));
    for (let i = 0; i < 2; i++) {
      supervisor.find('b')?.crash();
      await quiet();
    }
    void supervisor.start({ ...spec('c'), start: () => new Promise(() => {}) });
    expect(supervisor.tree()).toEqual({
      ...{
        id: 'sessions',
        kind: 'supervisor',
        strategy: 'one_for_one',
        status: 'running',
        incarnation: 1,
        restarts: 0,
      },
      children: [
        { id: 'a', kind: 'worker', status: 'running', incarnation: 1, restarts: 0 },
        { id: 'b', kind: 'worker', status: 'restarting', incarnation: 2, restarts: 2 },
        { id: 'c', kind: 'worker', status: 'starting', incarnation: 1, restarts: 0 },
      ],
    });
    await clock.advance(100);
    expect(supervisor.tree().children?.[1]).toMatchObject({ status: 'running', incarnation: 3, restarts: 2 });
  });

  test('reports that throw, and a child that cannot say whether it progressed, stop nothing', async () => {
    const clock = manualClock(0);
    const world = newWorld();
    const supervisor = new DynamicSupervisor<ReportingChild>(clock, () => {
      throw new Error('no');
    });
    const child = await supervisor.start(reportingSpec(world, { id: 'a' }));
    child.hasProgressed = () => {
      throw new Error('no');
    };
    child.crash();
    await quiet();
    expect(supervisor.find('a')?.name).toBe('a 2');
    await supervisor.stopAll();
    expect(world.living.size).toBe(0);
  });
});
