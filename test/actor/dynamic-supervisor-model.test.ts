// Children on demand beside a table of uptime, failures and back-off: the same commands, and after each the same lives.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ChildReport, DynamicSupervisor } from '../../src/actor/dynamic-supervisor.ts';
import { type ManualClock, manualClock } from '../../src/testing/manual-clock.ts';
import { codeOf } from '../support/outcome.ts';
import { newWorld, type ReportingChild, reportingSpec, type World } from '../support/reporting-child.ts';
import { RestartModel } from '../support/restart-model.ts';

interface Real {
  readonly supervisor: DynamicSupervisor<ReportingChild>;
  readonly world: World;
  readonly clock: ManualClock;
  readonly reports: ChildReport[];
}

type Command = fc.AsyncCommand<RestartModel, Real>;

const policy = {
  intensity: { maxRestarts: 2, periodMs: 1_000 },
  backOff: { firstMs: 100, longestMs: 150 },
} as const;

const linesOf = ({ log }: World, id: string): readonly string[] =>
  log.filter((line) => line.split(' ')[1] === id);

function compare(model: RestartModel, { supervisor, world, reports }: Real): void {
  const givenUp = reports.flatMap((report) => (report.type === 'child.givenUp' ? [report.id] : []));
  const found = [...supervisor.ids()].flatMap((id) => supervisor.find(id)?.name ?? []);
  const logs = [...model.logs.keys()].map((id) => [id, linesOf(world, id)]);
  expect({
    ids: [...supervisor.ids()],
    found,
    living: [...world.living].sort(),
    givenUp: givenUp.sort(),
    logs,
  }).toEqual({
    ids: [...model.lives.keys()],
    found: model.up,
    living: [...model.up].sort(),
    givenUp: [...model.givenUp].sort(),
    logs: [...model.logs],
  });
}

function command(name: string, run: (model: RestartModel, real: Real) => Promise<void> | void): Command {
  return {
    check: () => true,
    async run(model, real) {
      await run(model, real);
      await real.clock.advance(0);
      compare(model, real);
    },
    toString: () => name,
  };
}

const end = (id: string, reason: 'crash' | 'normal' | 'kill'): Command =>
  command(`${reason} ${id}`, (model, { supervisor }) => {
    const child = supervisor.find(id);
    if (child === undefined) return;
    if (reason === 'kill') model.say(id, `kill ${child.name}`);
    if (reason === 'kill') child.kill();
    else if (reason === 'crash') child.crash();
    else child.end({ reason });
    model.ended(id, reason === 'normal' ? 'normal' : 'crash');
  });

const advance = (ms: number): Command =>
  command(`advance ${ms}`, async (model, { clock }) => {
    model.advance(ms);
    await clock.advance(ms);
  });

const anId = fc.constantFrom('a', 'b');
const commands = [
  fc
    .record({ id: anId, reason: fc.constantFrom('crash', 'crash', 'normal', 'kill' as const) })
    .map(({ id, reason }) => end(id, reason)),
  anId.map((id) => end(id, 'crash')),
  anId.map((id) => end(id, 'crash')),
  fc.constant(advance(150)),
  fc.constant(advance(150)),
  fc
    .record({ id: anId, restart: fc.constantFrom('permanent', 'transient', 'temporary' as const) })
    .map(({ id, restart }) =>
      command(`start ${id} ${restart}`, async (model, { supervisor, world, clock }) => {
        // One that waits to be started again would be waited for.
        if (model.lives.get(id)?.due !== undefined) return;
        const answer = codeOf(supervisor.start(reportingSpec(world, { id, restart, policy })));
        const started = model.start(id, restart);
        await clock.advance(0);
        expect(await answer).toMatch(started ? /^answered$/ : /^Error: no /);
      }),
    ),
  anId.map((id) =>
    command(`stop ${id}`, async (model, { supervisor }) => {
      model.stop(id);
      await supervisor.stop(id);
    }),
  ),
  fc.constantFrom(1, 99, 100, 400, ...[-1, 0, 1].map((by) => policy.intensity.periodMs + by)).map(advance),
  anId.map((id) =>
    command(`progress ${id}`, (model, { supervisor }) => {
      const [child, life] = [supervisor.find(id), model.lives.get(id)];
      if (child !== undefined) child.progressed = true;
      if (life?.up !== undefined) life.progressed = true;
    }),
  ),
  fc.record({ id: anId, times: fc.integer({ min: 1, max: 4 }) }).map(({ id, times }) =>
    command(`next ${times} starts of ${id} fail`, (model, { world }) => {
      model.failing.set(id, times);
      world.failing.set(id, times);
    }),
  ),
  fc.constant(
    command('late ends of all that ever lived', (_, { world }) => {
      for (const child of world.born) if (!world.living.has(child.name)) child.crash('late');
    }),
  ),
];

test('800 random lives of children on demand are those of the table', async () => {
  let givenUp = 0;
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { size: 'max', maxCommands: 25 }), async (plan) => {
      const clock = manualClock(0);
      const reports: ChildReport[] = [];
      const supervisor = new DynamicSupervisor<ReportingChild>(clock, (report) => reports.push(report));
      const real = { clock, reports, supervisor, world: newWorld() };
      const model = new RestartModel(policy);
      for (const id of ['a', 'b']) {
        model.start(id, 'permanent');
        await supervisor.start(reportingSpec(real.world, { id, policy }));
      }
      await fc.asyncModelRun(() => ({ model, real }), plan);
      givenUp += reports.filter(({ type }) => type === 'child.givenUp').length;
      await supervisor.stopAll();
      expect([real.world.living.size, supervisor.size, clock.pending]).toEqual([0, 0, 0]);
    }),
    { numRuns: 800 },
  );
  expect(givenUp).toBeGreaterThan(100);
});
