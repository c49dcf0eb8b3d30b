// Children on demand: one per id at any time, restarted each on its own account, reported once per end.
import { describe, expect, test } from 'vitest';
import type { ChildSpec, Exit, RestartPolicy, SupervisedChild } from '../../src/actor/child-spec.ts';
import { type ChildReport, DynamicSupervisor } from '../../src/actor/dynamic-supervisor.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { codeOf, quiet, watch } from '../support/outcome.ts';

const policy: RestartPolicy = {
  restart: 'transient',
  intensity: { maxRestarts: 3, periodMs: 1_000 },
  backOff: { firstMs: 100, longestMs: 1_000 },
};

class TestChild implements SupervisedChild {
  readonly exited: Promise<Exit>;
  readonly incarnation: number;
  stops = 0;
  progressed = false;
  #end: (exit: Exit) => void = () => {};

  constructor(incarnation: number) {
    this.incarnation = incarnation;
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  hasProgressed(): boolean {
    return this.progressed;
  }

  end(exit: Exit): void {
    this.#end(exit);
  }

  async crash(): Promise<void> {
    this.#end({ reason: 'crash', error: new Error(`crash ${this.incarnation}`) });
    await quiet(2);
  }

  kill(): void {
    this.#end({ reason: 'crash', error: new Error('killed') });
  }

  async stop(): Promise<void> {
    this.stops += 1;
    this.#end({ reason: 'shutdown' });
  }
}

function started() {
  const clock = manualClock(0);
  const reports: ChildReport[] = [];
  const supervisor = new DynamicSupervisor<TestChild>(clock, (report) => reports.push(report));
  const children: TestChild[] = [];
  /** How the next starts end; without one they succeed at once. */
  const starts: (() => Promise<TestChild>)[] = [];
  const spec = (id = 'a', of = policy): ChildSpec<TestChild> => ({
    id,
    policy: of,
    async start(incarnation) {
      const child = (await starts.shift()?.()) ?? new TestChild(incarnation);
      children.push(child);
      return child;
    },
  });
  const said = (): string[] =>
    reports.map(
      (report) => `${report.type.slice(6)} ${'incarnation' in report ? report.incarnation : report.restarts}`,
    );
  return { clock, reports, supervisor, children, starts, spec, said };
}

describe('starting', () => {
  test('the same id twice at once starts one child, which both get', async () => {
    const { supervisor, children, spec } = started();
    const [first, second] = await Promise.all([supervisor.start(spec()), supervisor.start(spec())]);
    expect(first).toBe(second);
    expect(await supervisor.start(spec())).toBe(first);
    expect([children.length, supervisor.size]).toEqual([1, 1]);
    expect(supervisor.find('a')).toBe(first);
  });

  test('that fails the first time is the caller’s error, and leaves nothing behind', async () => {
    const { supervisor, starts, spec, said } = started();
    starts.push(() => Promise.reject(new Error('no')));
    const both = [supervisor.start(spec()), supervisor.start(spec())];
    for (const start of both) await expect(start).rejects.toThrow('no');
    expect([supervisor.size, supervisor.find('a'), said()]).toEqual([0, undefined, []]);
    expect((await supervisor.start(spec())).incarnation).toBe(1);
  });

  test('that throws before it returns a promise is no different', async () => {
    const { supervisor, spec } = started();
    const throwing: ChildSpec<TestChild> = {
      ...spec(),
      start: () => {
        throw new Error('at once');
      },
    };
    await expect((async () => supervisor.start(throwing))()).rejects.toThrow('at once');
    expect(supervisor.size).toBe(0);
  });
});

describe('a child that crashes', () => {
  test('is started again at its place under the next number; its siblings go on', async () => {
    const { supervisor, spec, said } = started();
    const a = await supervisor.start(spec('a'));
    const b = await supervisor.start(spec('b'));
    await a.crash();
    expect(supervisor.find('a')?.incarnation).toBe(2);
    expect(supervisor.find('b')).toBe(b);
    expect(said()).toEqual(['started 1', 'started 1', 'exited 1', 'restarting 2', 'started 2']);
    expect([...supervisor.ids()]).toEqual(['a', 'b']);
  });

  test('is waited for by who asks for it between two incarnations', async () => {
    const { supervisor, spec, clock } = started();
    const first = await supervisor.start(spec());
    await first.crash();
    await supervisor.find('a')?.crash();
    expect(supervisor.find('a')).toBeUndefined();
    const asked = supervisor.start(spec());
    const watched = watch(asked);
    await clock.advance(99);
    expect(watched.outcome).toBe('waiting');
    await clock.advance(1);
    expect((await asked).incarnation).toBe(3);
  });

  test('is given up after too many restarts, once, and can then be started anew', async () => {
    const { supervisor, spec, said, reports, clock } = started();
    await supervisor.start(spec());
    for (let i = 0; i < 4; i++) {
      await supervisor.find('a')?.crash();
      await clock.advance(1_000);
    }
    expect(said().filter((word) => word.startsWith('givenUp'))).toEqual(['givenUp 3']);
    expect(reports.at(-1)).toMatchObject({ type: 'child.givenUp', error: { message: 'crash 4' } });
    expect([supervisor.size, clock.pending]).toEqual([0, 0]);
    expect((await supervisor.start(spec())).incarnation).toBe(1);
  });

  test('while it waits to be started again is not up: the wait earns it nothing', async () => {
    const slow = { ...policy, backOff: { firstMs: 60_000, longestMs: 60_000 } };
    const { supervisor, spec, said, clock } = started();
    await supervisor.start(spec('a', slow));
    for (let i = 0; i < 4; i++) {
      const child = supervisor.find('a');
      if (child !== undefined) child.progressed = true;
      await child?.crash();
      if (i > 0) await clock.advance(60_000);
    }
    expect(said().at(-1)).toBe('givenUp 3');
  });

  test('is forgiven after a period of uptime with progress', async () => {
    const { supervisor, spec, said, clock } = started();
    await supervisor.start(spec());
    for (let i = 0; i < 20; i++) {
      await clock.advance(1_001);
      const child = supervisor.find('a');
      if (child !== undefined) child.progressed = true;
      await child?.crash();
    }
    expect(said().filter((word) => word.startsWith('givenUp'))).toEqual([]);
  });

  test('and cannot be started again is judged like one that crashed at once', async () => {
    const { supervisor, spec, starts, said, clock } = started();
    const child = await supervisor.start(spec());
    for (let i = 0; i < 3; i++) starts.push(() => Promise.reject(new Error(`start ${i}`)));
    await child.crash();
    const asked = codeOf(supervisor.start(spec()));
    await clock.advance(10_000);
    expect(await asked).toBe('Error: start 2');
    expect(said()).toEqual([
      'started 1',
      'exited 1',
      'restarting 2',
      'restarting 3',
      'restarting 4',
      'givenUp 3',
    ]);
    expect(supervisor.size).toBe(0);
  });

  test('and is started again later is the child of who waited all the time', async () => {
    const { supervisor, spec, starts, clock } = started();
    const child = await supervisor.start(spec());
    starts.push(() => Promise.reject(new Error('not yet')));
    await child.crash();
    const asked = supervisor.start(spec());
    await clock.advance(10_000);
    expect((await asked).incarnation).toBe(3);
  });
});

describe('a child that ends of itself', () => {
  test('without a crash leaves its place, and is reported', async () => {
    const { supervisor, spec, said } = started();
    const child = await supervisor.start(spec());
    child.end({ reason: 'normal' });
    await quiet(2);
    expect([supervisor.size, said()]).toEqual([0, ['started 1', 'exited 1']]);
  });

  test('is reported once, also when it ends twice', async () => {
    const { supervisor, spec, said } = started();
    const child = await supervisor.start(spec('a', { ...policy, restart: 'temporary' }));
    await child.crash();
    await child.crash();
    await child.stop();
    expect(said()).toEqual(['started 1', 'exited 1']);
  });
});

describe('stopping', () => {
  test('ends the child, and no crash on the way brings it back', async () => {
    const { supervisor, spec, children, said } = started();
    const child = await supervisor.start(spec());
    await Promise.all([supervisor.stop('a'), child.crash()]);
    await quiet();
    expect([supervisor.size, children.length]).toEqual([0, 1]);
    expect(said()).toEqual(['started 1', 'exited 1']);
  });

  test('an id that is not there does nothing, and stopping twice stops once', async () => {
    const { supervisor, spec } = started();
    await supervisor.stop('unknown');
    const child = await supervisor.start(spec());
    await Promise.all([supervisor.stop('a'), supervisor.stop('a')]);
    expect(supervisor.size).toBe(0);
    expect(child.stops).toBeGreaterThan(0);
  });

  test('a child that is still starting stops it as soon as it is there', async () => {
    const { supervisor, spec, starts, children } = started();
    let finish = (): void => {};
    starts.push(
      () =>
        new Promise((resolve) => {
          finish = () => resolve(new TestChild(1));
        }),
    );
    const starting = supervisor.start(spec());
    const stopped = watch(supervisor.stop('a'));
    await quiet();
    expect(stopped.outcome).toBe('waiting');
    finish();
    await starting;
    await quiet();
    expect([stopped.outcome, children[0]?.stops, supervisor.size]).toEqual(['answered', 1, 0]);
  });

  test('a child that waits to be started again ends the wait, and it is not started any more', async () => {
    const { supervisor, spec, children, clock } = started();
    await (await supervisor.start(spec())).crash();
    await supervisor.find('a')?.crash();
    const stopped = watch(supervisor.stop('a'));
    await quiet();
    expect(stopped.outcome).toBe('answered');
    await clock.advance(60_000);
    expect([children.length, supervisor.size, clock.pending]).toEqual([2, 0, 0]);
  });

  test('a child that is being started again stops it as soon as it is there', async () => {
    const { supervisor, spec, starts, children } = started();
    const child = await supervisor.start(spec());
    let finish = (): void => {};
    starts.push(
      () =>
        new Promise((resolve) => {
          finish = () => resolve(new TestChild(2));
        }),
    );
    await child.crash();
    const stopped = watch(supervisor.stop('a'));
    await quiet();
    finish();
    await quiet();
    expect([stopped.outcome, children[1]?.stops, supervisor.size]).toEqual(['answered', 1, 0]);
  });

  test('a child that then cannot be started again is done, and who waited for it hears why', async () => {
    const { supervisor, spec, starts, said } = started();
    const child = await supervisor.start(spec());
    let fail = (): void => {};
    starts.push(
      () =>
        new Promise((_, reject) => {
          fail = () => reject(new Error('no'));
        }),
    );
    await child.crash();
    const asked = supervisor.start(spec());
    const stopped = supervisor.stop('a');
    fail();
    await expect(asked).rejects.toThrow('no');
    await stopped;
    expect([supervisor.size, said().at(-1)]).toEqual([0, 'restarting 2']);
  });

  test('lets who asks for the same id meanwhile wait for a new child, and never hands out the one that ends', async () => {
    const { supervisor, spec } = started();
    const child = await supervisor.start(spec());
    let letGo = (): void => {};
    child.stop = () =>
      new Promise((resolve) => {
        letGo = () => {
          child.end({ reason: 'shutdown' });
          resolve();
        };
      });
    const stopped = supervisor.stop('a');
    const asked = supervisor.start(spec());
    const again = supervisor.start(spec());
    await quiet();
    expect(supervisor.find('a')).toBeUndefined();
    letGo();
    await stopped;
    const next = await asked;
    expect(next).not.toBe(child);
    expect(await again).toBe(next);
    expect(supervisor.size).toBe(1);
  });

  test('all goes from the newest child to the oldest, those between incarnations too', async () => {
    const { supervisor, spec, clock, reports } = started();
    for (const id of ['a', 'b', 'c']) await supervisor.start(spec(id));
    await supervisor.find('b')?.crash();
    await supervisor.find('b')?.crash();
    await supervisor.stopAll();
    expect([supervisor.size, clock.pending]).toEqual([0, 0]);
    const ended = reports.filter(({ type }) => type === 'child.exited').map(({ id }) => id);
    expect(ended.slice(-2)).toEqual(['c', 'a']);
  });
});
