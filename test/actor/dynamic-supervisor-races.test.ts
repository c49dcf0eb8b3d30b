// One id, and everything that can happen to it at once: whatever the order, never two living actors, and never none where one is due.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ChildSpec, Exit, Shutdown, SupervisedChild } from '../../src/actor/child-spec.ts';
import { type ChildReport, DynamicSupervisor } from '../../src/actor/dynamic-supervisor.ts';
import type { Clock } from '../../src/base/clock.ts';
import { quiet } from '../support/outcome.ts';

const verbs = ['start', 'wake', 'kill', 'crash', 'stop', 'persist', 'fail', 'killAll'] as const;
type Verb = (typeof verbs)[number];

const policy = {
  restart: 'transient',
  intensity: { maxRestarts: 1_000, periodMs: 1_000 },
  backOff: { firstMs: 1, longestMs: 1 },
} as const;

/** What all incarnations share: the disk, and how many of them live. */
class Disk {
  living = 0;
  most = 0;
  readonly writers: number[] = [];
  failures = 0;
}

/** Its start, its writes and its stop all wait for the scheduler. */
class Actor implements SupervisedChild {
  readonly exited: Promise<Exit>;
  readonly incarnation: number;
  readonly #disk: Disk;
  readonly #scheduler: fc.Scheduler;
  #alive = true;
  #end: (exit: Exit) => void = () => {};

  constructor(disk: Disk, scheduler: fc.Scheduler, incarnation: number) {
    this.#disk = disk;
    this.#scheduler = scheduler;
    this.incarnation = incarnation;
    disk.living += 1;
    disk.most = Math.max(disk.most, disk.living);
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async persist(): Promise<void> {
    await this.#scheduler.schedule(Promise.resolve(), 'write');
    if (this.#alive) this.#disk.writers.push(this.incarnation);
  }

  async stop(): Promise<void> {
    await this.persist();
    this.end({ reason: 'shutdown' });
  }

  kill(): void {
    this.end({ reason: 'crash', error: new Error('killed') });
  }

  end(exit: Exit): void {
    if (this.#alive) this.#disk.living -= 1;
    this.#alive = false;
    this.#end(exit);
  }

  hasProgressed(): boolean {
    return true;
  }
}

/** When a wait is over is the scheduler's choice too. */
function scheduledClock(scheduler: fc.Scheduler): Clock {
  return {
    now: () => 0,
    schedule(_, task) {
      let wanted = true;
      void scheduler.schedule(Promise.resolve(), 'timer').then(() => wanted && task());
      return () => {
        wanted = false;
      };
    },
  };
}

function world(scheduler: fc.Scheduler, shutdown: Shutdown) {
  const disk = new Disk();
  const reports: ChildReport[] = [];
  const clock = scheduledClock(scheduler);
  const supervisor = new DynamicSupervisor<Actor>(clock, (report) => reports.push(report));
  const spec: ChildSpec<Actor> = {
    id: 'a',
    policy,
    shutdown,
    async start(incarnation) {
      await scheduler.schedule(Promise.resolve(), 'read');
      if (disk.failures-- > 0) throw new Error('no');
      return new Actor(disk, scheduler, incarnation);
    },
  };
  return { disk, reports, supervisor, spec };
}

function act(verb: Verb, { disk, supervisor, spec }: ReturnType<typeof world>): Promise<unknown> {
  const child = supervisor.find('a');
  switch (verb) {
    case 'start':
      return supervisor.start(spec);
    case 'wake':
      return child === undefined ? supervisor.start(spec) : child.persist();
    case 'stop':
      return supervisor.stop('a');
    case 'persist':
      return child?.persist() ?? Promise.resolve();
    case 'fail':
      disk.failures = 1;
      return Promise.resolve();
    case 'killAll':
      return Promise.resolve(supervisor.killAll());
    default:
      return Promise.resolve(
        verb === 'kill' ? child?.kill() : child?.end({ reason: 'crash', error: new Error('boom') }),
      );
  }
}

/** Each incarnation is told to start and to end once and in turn. */
function assertInTurn(reports: readonly ChildReport[]): void {
  let up = false;
  for (const { type } of reports) {
    if (type === 'child.started') {
      expect(up).toBe(false);
      up = true;
    } else if (type === 'child.exited') {
      expect(up).toBe(true);
      up = false;
    }
  }
}

test('2,000 interleavings of starts, kills, crashes, stops, wakes and writes of one id', async () => {
  const seen = { restarts: 0, alive: 0, none: 0 };
  const plans = fc.array(fc.constantFrom<Verb>(...verbs, 'start', 'wake', 'kill', 'crash', 'crash'), {
    minLength: 3,
    maxLength: 12,
    size: 'max',
  });
  const shutdowns = fc.constantFrom<Shutdown>('infinity', 'brutal_kill');
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      plans,
      fc.boolean(),
      shutdowns,
      async (scheduler, plan, isWanted, shutdown) => {
        const here = world(scheduler, shutdown);
        const { disk, supervisor, reports, spec } = here;
        const calls = plan.map(async (verb) => {
          await scheduler.schedule(Promise.resolve(), verb);
          await act(verb, here).catch(() => undefined);
          expect(disk.living).toBeLessThan(2);
        });
        await scheduler.waitFor(Promise.all(calls));
        await scheduler.waitIdle();
        disk.failures = 0;
        // Whoever asks last is due an actor, or due none, also while another is just being stopped.
        if (isWanted) void supervisor.stop('a');
        const asked: Promise<Actor | undefined> = isWanted
          ? supervisor.start(spec)
          : supervisor.stop('a').then(() => undefined);
        await scheduler.waitFor(asked);
        await scheduler.waitIdle();
        await quiet(1);
        expect(disk.most).toBeLessThan(2);
        expect(disk.living).toBe(isWanted ? 1 : 0);
        expect(supervisor.find('a')).toBe(await asked);
        expect([supervisor.size, supervisor.find('a') !== undefined]).toEqual(
          isWanted ? [1, true] : [0, false],
        );
        assertInTurn(reports);
        if (reports.some(({ type }) => type === 'child.restarting')) seen.restarts += 1;
        seen[isWanted ? 'alive' : 'none'] += 1;
      },
    ),
    { numRuns: 2_000 },
  );
  // The plans are worth running: many restart, and both ends are met.
  expect(Math.min(seen.restarts, seen.alive, seen.none)).toBeGreaterThan(200);
});
