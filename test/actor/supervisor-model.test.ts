// Our supervisor beside OTP's table: the same commands, and after each the same children, incarnations, order of stops and starts.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Intensity } from '../../src/actor/child-spec.ts';
import type { Strategy } from '../../src/actor/supervision-tree.ts';
import { Supervisor } from '../../src/actor/supervisor.ts';
import { type ManualClock, manualClock } from '../../src/testing/manual-clock.ts';
import { type ModelChild, OtpModel, type Reason } from '../support/otp-model.ts';
import { codeOf, watch } from '../support/outcome.ts';
import {
  type ChildWish,
  newWorld,
  type ReportingChild,
  reportingSpec,
  type World,
} from '../support/reporting-child.ts';

interface Real {
  readonly supervisor: Supervisor;
  readonly world: World;
  readonly clock: ManualClock;
  /** How often each monitor of a living child was heard. */
  readonly heard: number[];
}

type Command = fc.AsyncCommand<OtpModel, Real>;

const intensity: Intensity = { maxRestarts: 3, periodMs: 1_000 };
const ids = ['a', 'b', 'c', 'd', 'e'] as const;

const livingChild = ({ world }: Real, id: string): ReportingChild | undefined =>
  world.born.findLast((child) => child.id === id && world.living.has(child.name));

/** Of tens of thousands of comparisons only one that fails is worth a report. */
function expectSame(actual: object, expected: object): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) expect(actual).toEqual(expected);
}

/** What the model and the supervisor say of themselves must be equal after every command; of the log, what is new. */
function compare(model: OtpModel, real: Real, since = 0): void {
  const { supervisor, world } = real;
  const ids = model.over === undefined ? model.children.map(({ id }) => id) : supervisor.ids();
  const up = model.children.filter(({ alive }) => alive).map((child) => `${child.id} ${child.incarnation}`);
  const found = ids.map((id) => supervisor.find(id) as ReportingChild | undefined);
  const view = {
    log: world.log.slice(since),
    ids: supervisor.ids(),
    up: found.flatMap((child) => (child === undefined ? [] : [child.name])),
    living: [...world.living].sort(),
    status: supervisor.status,
    heardTwice: real.heard.some((times) => times > 1),
  };
  const status = model.over === undefined ? 'running' : 'stopped';
  expectSame(view, {
    log: model.log.slice(since),
    ids,
    up,
    living: [...up].sort(),
    status,
    heardTwice: false,
  });
}

function command(name: string, run: (model: OtpModel, real: Real) => Promise<void>): Command {
  return {
    check: (model) => model.over === undefined,
    async run(model, real) {
      const since = model.log.length;
      await run(model, real);
      await real.clock.advance(0);
      compare(model, real, since);
    },
    toString: () => name,
  };
}

const ends = (wanted: readonly { readonly id: string; readonly reason: Reason }[]): Command =>
  command(`ends ${JSON.stringify(wanted)}`, async (model, real) => {
    const seen = new Set<string>();
    const happening = wanted.flatMap(({ id, reason }) => {
      const child = model.child(id);
      if (child === undefined || !child.alive || seen.has(id)) return [];
      seen.add(id);
      // A deaf child that somebody else kills does not say so: nobody can know.
      return [{ id, reason: child.manner === 'deaf' && reason === 'kill' ? ('crash' as const) : reason }];
    });
    for (const { id, reason } of happening) endNow(livingChild(real, id), reason);
    model.ends(happening);
  });

function endNow(child: ReportingChild | undefined, reason: Reason): void {
  if (reason === 'kill') child?.kill();
  else if (reason === 'crash') child?.crash();
  else child?.end({ reason: 'normal' });
}

/** Each hears of its own incarnation's end; of a child that rests, at once that nobody is there. */
function monitored({ supervisor, heard }: Real, { id, incarnation, alive }: ModelChild): void {
  const place = alive ? heard.push(0) - 1 : -1;
  supervisor.monitor(id, (down) => {
    expect([down.id, down.incarnation]).toEqual([id, alive ? incarnation : null]);
    if (alive) heard[place] = (heard[place] ?? 0) + 1;
  });
}

const outcomes: Readonly<Record<string, string>> = {
  started: 'answered',
  ok: 'answered',
  exists: 'CHILD_EXISTS',
  unknown: 'CHILD_NOT_FOUND',
  running: 'CHILD_RUNNING',
};

/** A start that fails says which; the table only that it does. */
async function same(call: Promise<unknown>, expected: string): Promise<void> {
  const code = await codeOf(call);
  if (expected === 'failed') expect(code).toMatch(/^Error: no /);
  else expect(code).toBe(outcomes[expected]);
}

const start = (wish: Required<Pick<ChildWish, 'id' | 'restart' | 'manner'>>): Command =>
  command(`start ${JSON.stringify(wish)}`, (model, { supervisor, world }) =>
    same(
      supervisor.startChild(reportingSpec(world, wish)),
      model.startChild(wish.id, wish.restart, wish.manner),
    ),
  );

const advance = (ms: number): Command =>
  command(`advance ${ms}`, async (model, { clock }) => {
    model.now += ms;
    await clock.advance(ms);
  });

const anId = fc.constantFrom(...ids);
const aReason = fc.constantFrom<Reason>('crash', 'crash', 'normal', 'kill');
const aRestart = fc.constantFrom('permanent', 'permanent', 'transient', 'temporary' as const);
const aManner = fc.constantFrom('polite', 'polite', 'deaf' as const);

const commands = [
  ...Array.from({ length: 5 }, () => fc.record({ id: anId, reason: aReason }).map((end) => ends([end]))),
  fc.array(fc.record({ id: anId, reason: aReason }), { minLength: 2, maxLength: 3 }).map(ends),
  fc.record({ id: anId, restart: aRestart, manner: aManner }).map(start),
  fc.constantFrom(1, 300, intensity.periodMs - 1, intensity.periodMs, intensity.periodMs + 1).map(advance),
  anId.map((id) =>
    command(`terminate ${id}`, (model, real) =>
      same(real.supervisor.terminateChild(id), model.terminateChild(id)),
    ),
  ),
  anId.map((id) =>
    command(`restart ${id}`, (model, real) => same(real.supervisor.restartChild(id), model.restartChild(id))),
  ),
  anId.map((id) =>
    command(`delete ${id}`, (model, real) => same(real.supervisor.deleteChild(id), model.deleteChild(id))),
  ),
  fc.record({ id: anId, times: fc.integer({ min: 1, max: 4 }) }).map(({ id, times }) =>
    command(`next ${times} starts of ${id} fail`, async (model, { world }) => {
      model.failing.set(id, times);
      world.failing.set(id, times);
    }),
  ),
  anId.map((id) =>
    command(`monitor ${id}`, async (model, real) => {
      const child = model.child(id);
      if (child !== undefined) monitored(real, { ...child });
    }),
  ),
  fc.constant(
    command('late ends of all that ever lived', async (_, { world }) => {
      for (const child of world.born) if (!world.living.has(child.name)) child.crash('late');
    }),
  ),
];

const wishes = fc.uniqueArray(fc.record({ id: anId, restart: aRestart, manner: aManner }), {
  selector: ({ id }) => id,
  minLength: 1,
  maxLength: 4,
});

async function begin(
  strategy: Strategy,
  children: readonly Required<Pick<ChildWish, 'id' | 'restart' | 'manner'>>[],
) {
  const clock = manualClock(0);
  const world = newWorld();
  const model = new OtpModel(strategy, intensity);
  for (const { id, restart, manner } of children) model.startChild(id, restart, manner);
  const specs = children.map((wish) => reportingSpec(world, wish));
  const supervisor = await Supervisor.start({ id: 'top', clock, strategy, intensity, children: specs });
  return { model, real: { supervisor, world, clock, heard: [] } };
}

const numRuns = Number(process.env.SUPERVISOR_RUNS ?? 600);

test('random lives of a supervisor are those of the table', async () => {
  const reached = { crash: 0, shutdown: 0, restarts: 0 };
  const strategies = fc.constantFrom<Strategy>('one_for_one', 'one_for_all', 'rest_for_one');
  await fc.assert(
    fc.asyncProperty(
      strategies,
      wishes,
      fc.commands(commands, { size: 'max', maxCommands: 16 }),
      async (strategy, children, plan) => {
        const { model, real } = await begin(strategy, children);
        const setup = (): { model: OtpModel; real: Real } => ({ model, real });
        compare(model, real);
        await fc.asyncModelRun(setup, plan);
        const exited = watch(real.supervisor.exited);
        model.stop();
        await real.supervisor.stop();
        expect(real.world.log).toEqual(model.log);
        expect(real.world.living.size).toBe(0);
        expect(real.heard.every((times) => times === 1)).toBe(true);
        expect((await real.supervisor.exited).reason).toBe(model.over);
        expect([exited.outcome, real.clock.pending]).toEqual(['answered', 0]);
        reached[model.over ?? 'shutdown'] += 1;
        reached.restarts += model.restarts.length;
      },
    ),
    { numRuns },
  );
  // The lives are worth comparing: many end by the intensity, many do not.
  expect(reached.crash).toBeGreaterThan(numRuns / 20);
  expect(reached.shutdown).toBeGreaterThan(numRuns / 20);
});

test.each([
  [intensity.periodMs - 1, 'crash'],
  [intensity.periodMs, 'crash'],
  [intensity.periodMs + 1, undefined],
] as const)(
  'at the edge of the intensity: one crash more than allowed, %i ms after the first, ends in %s',
  async (ms, over) => {
    for (const strategy of ['one_for_one', 'one_for_all', 'rest_for_one'] as const) {
      const { model, real } = await begin(strategy, [{ id: 'a', restart: 'permanent', manner: 'polite' }]);
      const lives = [0, 0, 0, ms].flatMap((wait) => [advance(wait), ends([{ id: 'a', reason: 'crash' }])]);
      for (const [index, life] of lives.entries()) {
        await life.run(model, real);
        if (index < lives.length - 1) expect(real.supervisor.status).toBe('running');
      }
      expect(model.over).toBe(over);
      expect(real.supervisor.status).toBe(over === undefined ? 'running' : 'stopped');
      await real.supervisor.stop();
    }
  },
);
