// Every fault of XState, in the logic that a user brought, is contained: it is the run's end or its restart, and nobody else's.
// Vitest fails this file for any error that nobody has caught.
import { describe, expect, test } from 'vitest';
import { fromCallback, sendTo, setup } from 'xstate';
import type { AgentContext, AgentDefinition } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { agentFaults, boom } from '../support/agent-faults.ts';
import { quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };

interface World extends TestSystem {
  /** The handle of an agent of the same session, and of one of another. */
  readonly siblings: AgentContext[];
  /** Throws unless the siblings live in their first incarnation and are served. */
  readonly assertUntouched: () => Promise<void>;
}

async function worldWith(faulty: AgentDefinition, options = {}): Promise<World> {
  const siblings: AgentContext[] = [];
  const sibling = (context: AgentContext): Promise<void> => {
    siblings.push(context);
    return new Promise((resolve) => context.signal.addEventListener('abort', () => resolve()));
  };
  const test = await createTestSystem({ agents: { faulty, sibling }, passivateAfterMs: null, ...options });
  for (const sessionId of ['s', 'other']) {
    await test.client.sessions.create({ sessionId });
    await test.client.agents.start({ sessionId, agent: 'sibling' });
  }
  await quiet();
  const assertUntouched = async (): Promise<void> => {
    expect(siblings.map(({ session }) => [session.id, session.incarnation])).toEqual([
      ['s', 1],
      ['other', 1],
    ]);
    for (const { session, signal } of siblings) {
      expect(signal.aborted).toBe(false);
      const before = (await session.get()).messages;
      await session.messages.send({ role: 'assistant', content: 'still here' });
      expect((await session.get()).messages).toBe(before + 1);
    }
    const names = test.telemetry.map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('session.') && name !== 'session.started')).toEqual([]);
    expect(test.system.status).toBe('serving');
  };
  return Object.assign(test, { siblings, assertUntouched });
}

async function pass(test: TestSystem, ms = 20): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5) {
    await quiet(5);
    await test.clock.advance(5);
  }
  await quiet();
}

describe('a fault', () => {
  test.each(agentFaults)(
    'in $name ends a temporary run as failed, and touches nobody else',
    async ({ logic, problem = boom }) => {
      await using test = await worldWith(logic);
      const { runId } = await test.client.agents.start({ ...one, agent: 'faulty', restart: 'temporary' });
      await pass(test, 30);
      const run = await test.client.agents.get({ ...one, runId });
      expect(run).toMatchObject({ status: 'failed', isRunning: false, incarnation: 1 });
      expect(run.error?.message).toContain(problem);
      await test.assertUntouched();
      await test.client.sessions.terminate(one);
    },
  );

  test.each(agentFaults)('in $name restarts a transient run, which goes on', async ({ logic }) => {
    await using test = await worldWith(logic);
    const { runId } = await test.client.agents.start({ ...one, agent: 'faulty' });
    await pass(test, 30);
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject({ incarnation: 2, crashes: 1 });
    await test.assertUntouched();
  });
});

/** Ticks as long as it is not disposed of, and counts both. */
function ticking() {
  const seen = { ticks: 0, disposed: 0 };
  const logic = fromCallback(({ system }) => {
    const { _clock: clock } = system as unknown as {
      _clock: { setTimeout(task: () => void, ms: number): unknown };
    };
    let alive = true;
    const tick = (): void => {
      if (!alive) return;
      seen.ticks += 1;
      clock.setTimeout(tick, 5);
    };
    clock.setTimeout(tick, 5);
    return () => {
      alive = false;
      seen.disposed += 1;
    };
  });
  return { seen, logic };
}

const failingAction = (): never => {
  throw new Error(boom);
};

/** A machine that invokes a ticking child and fails after 10 ms. */
const failingParent = (ticker: ReturnType<typeof ticking>['logic']) =>
  setup({ actors: { ticker } }).createMachine({
    invoke: { src: 'ticker' },
    after: { 10: { actions: failingAction } },
  });

describe('what an agent leaves behind', () => {
  test.each([
    ['that errs', failingParent],
    [
      'with a child that errs',
      (ticker: ReturnType<typeof ticking>['logic']) =>
        setup({ actors: { child: failingParent(ticker) } }).createMachine({ invoke: { src: 'child' } }),
    ],
    [
      'with a child that errs and is let go, before the agent itself ends',
      (ticker: ReturnType<typeof ticking>['logic']) =>
        setup({ actors: { child: failingParent(ticker) } }).createMachine({
          initial: 'asking',
          states: {
            asking: { invoke: { src: 'child', onError: 'resting' } },
            resting: { after: { 5: { actions: failingAction } } },
          },
        }),
    ],
  ])('%s is stopped with the run', async (_, logicWith) => {
    const { seen, logic } = ticking();
    await using test = await worldWith(logicWith(logic));
    const { runId } = await test.client.agents.start({ ...one, agent: 'faulty', restart: 'temporary' });
    await pass(test, 30);
    expect((await test.client.agents.get({ ...one, runId })).status).toBe('failed');
    const { ticks } = seen;
    expect(ticks).toBeGreaterThan(0);
    await pass(test, 30);
    expect(seen).toEqual({ ticks, disposed: 1 });
    await test.assertUntouched();
  });

  test('is stopped as well when it is told to end', async () => {
    const { seen, logic } = ticking();
    const agent = setup({ actors: { child: failingParent(logic) } }).createMachine({
      initial: 'asking',
      states: { asking: { invoke: { src: 'child', onError: 'resting' } }, resting: {} },
    });
    await using test = await worldWith(agent);
    const { runId } = await test.client.agents.start({ ...one, agent: 'faulty' });
    await pass(test);
    expect(await test.client.agents.stop({ ...one, runId })).toMatchObject({ status: 'stopped' });
    expect(seen.disposed).toBe(1);
    await test.assertUntouched();
  });
});

describe('an inspector that throws', () => {
  test.each(['@xstate.actor', '@xstate.event', '@xstate.microstep', '@xstate.snapshot', '@xstate.action'])(
    'on %s harms no agent',
    async (type) => {
      const child = setup({}).createMachine({
        on: { ask: { actions: ({ self }) => self._parent?.send({ type: 'answer' }) } },
      });
      const agent = setup({ actors: { child } }).createMachine({
        initial: 'asking',
        states: {
          asking: {
            invoke: { id: 'child', src: 'child' },
            entry: sendTo('child', { type: 'ask' }),
            on: { answer: 'done' },
          },
          done: { type: 'final' },
        },
        output: 'answered',
      });
      let thrown = 0;
      await using test = await worldWith(agent, {
        inspect: (event: { type: string }) => {
          if (event.type !== type) return;
          thrown += 1;
          throw new Error('a bad inspector');
        },
      });
      const { runId } = await test.client.agents.start({ ...one, agent: 'faulty' });
      expect(await test.client.agents.wait({ ...one, runId })).toMatchObject({
        status: 'completed',
        result: 'answered',
        crashes: 0,
      });
      expect(thrown).toBeGreaterThan(0);
      await test.assertUntouched();
    },
  );
});

describe('a disposer', () => {
  test.each([
    ['that throws', () => () => failingAction()],
    ['that never ends', () => async () => new Promise<void>(() => {})],
  ])('%s keeps no agent from ending, and no sibling from its disposer', async (_, disposer) => {
    let disposed = 0;
    const good = fromCallback(() => () => {
      disposed += 1;
    });
    const agent = setup({
      actors: { bad: fromCallback(() => disposer() as () => void), good },
    }).createMachine({
      invoke: [{ src: 'good' }, { src: 'bad' }, { src: 'good' }],
    });
    await using test = await worldWith(agent);
    const { runId } = await test.client.agents.start({ ...one, agent: 'faulty' });
    await pass(test);
    expect(await test.client.agents.stop({ ...one, runId })).toMatchObject({ status: 'stopped' });
    expect(disposed).toBe(2);
    await test.assertUntouched();
  });
});
