// Durable steps: what has finished is never done again, what has not is, and each outcome comes in the order of the journal.
import { describe, expect, test } from 'vitest';
import type { DeliveredEvent } from '../../src/operations/views/views.ts';
import type { AgentContext, AgentDefinitions } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const sessionId = 's';
const one = { sessionId };

async function started(agents: AgentDefinitions, options = {}): Promise<TestSystem> {
  const test = await createTestSystem({ agents, passivateAfterMs: null, ...options });
  await test.client.sessions.create(one);
  return test;
}

async function begin(
  test: TestSystem,
  agent = 'agent',
  input: null | string | number = null,
): Promise<string> {
  return (await test.client.agents.start({ ...one, agent, input })).runId;
}

async function result(test: TestSystem, runId: string): Promise<unknown> {
  const waiting = test.client.agents.wait({ ...one, runId });
  const { status, result: found, error } = await waiting;
  return status === 'completed' ? found : { status, error };
}

async function events(test: TestSystem): Promise<DeliveredEvent[]> {
  return [...(await test.client.events.list({ ...one, limit: 500 })).items];
}

describe('a step', () => {
  test('runs once, and its result is what it returns after a crash, a kill and a close', async () => {
    const ran: string[] = [];
    const died = { crash: false };
    await using test = await started({
      async agent({ step, waitFor }: AgentContext) {
        const a = await step('a', () => {
          ran.push('a');
          return { n: 1 };
        });
        const b = await step('b', async () => {
          ran.push('b');
          return undefined;
        });
        if (!died.crash) {
          died.crash = true;
          throw new Error('planned');
        }
        await waitFor('go');
        const c = await step('c', ({ idempotencyKey }) => {
          ran.push('c');
          return idempotencyKey.endsWith('/c');
        });
        return { a, b: b === undefined, c };
      },
    });
    const runId = await begin(test);
    await quiet();
    await test.restart('kill');
    await quiet();
    await test.restart('close');
    await quiet();
    await test.client.agents.signal({ ...one, name: 'go' });
    expect(await result(test, runId)).toEqual({ a: { n: 1 }, b: true, c: true });
    expect(ran).toEqual(['a', 'b', 'c']);
    const all = await events(test);
    expect(all.filter(({ type }) => type === 'step.completed').map(({ data }) => data)).toMatchObject([
      { runId, incarnation: 1, step: 'a', result: { n: 1 } },
      { runId, incarnation: 1, step: 'b' },
      { runId, step: 'c', result: true },
    ]);
  });

  test('of a name that is used again is another one, and one within another stands below it', async () => {
    const seen: string[] = [];
    await using test = await started({
      async agent({ step }: AgentContext) {
        await step('a', () => seen.push('a'));
        await step('a', () => seen.push('a again'));
        return step('outer/odd', async ({ step: inner }) => {
          const x = await inner('x', () => 1);
          const y = await inner('x', () => 2);
          return x + y;
        });
      },
    });
    expect(await result(test, await begin(test))).toBe(3);
    const steps = (await events(test)).filter(({ type }) => type === 'step.completed');
    expect(steps.map(({ data }) => (data as { step: string }).step)).toEqual([
      ...['a', 'a#2', 'outer%2Fodd/x', 'outer%2Fodd/x#2', 'outer%2Fodd'],
    ]);
  });

  test('that fails is tried again, and its failure is recorded and thrown again in each incarnation', async () => {
    let tries = 0;
    const caught: unknown[] = [];
    await using test = await started({
      async agent({ step, waitFor }: AgentContext) {
        try {
          await step(
            'bad',
            () => {
              tries += 1;
              throw Object.assign(new Error(`no ${tries}`), { code: 'E_NO' });
            },
            { retries: 1 },
          );
        } catch (error) {
          const { name, message, code } = error as Error & { code: string };
          caught.push({ name, message, code });
        }
        await waitFor('go');
        return 'went on';
      },
    });
    const runId = await begin(test);
    await quiet();
    expect(tries).toBe(1);
    await test.clock.advance(200);
    expect(tries).toBe(2);
    await test.restart('kill');
    await quiet();
    await test.client.agents.signal({ ...one, runId, name: 'go' });
    expect(await result(test, runId)).toBe('went on');
    expect(tries).toBe(2);
    const failure = { name: 'Error', message: 'no 2', code: 'E_NO' };
    expect(caught).toEqual([failure, failure]);
  });

  test('whose recorded failure nobody catches ends the run: it would be the same again', async () => {
    let runs = 0;
    await using test = await started({
      async agent({ step }: AgentContext) {
        runs += 1;
        await step('bad', () => Promise.reject(new TypeError('never')));
      },
    });
    const runId = await begin(test);
    expect(await result(test, runId)).toMatchObject({ status: 'failed', error: { message: 'never' } });
    expect(runs).toBe(1);
    expect((await test.client.sessions.conditions({})).length).toBe(0);
  });

  test('that returns what cannot be kept has failed, by code', async () => {
    await using test = await started({
      async agent({ step, input }: AgentContext<string>) {
        return step('odd', () => (input === 'map' ? new Map() : 'x'.repeat(2 * 1024 * 1024))).catch(
          (error: { code: string }) => error.code,
        );
      },
    });
    expect(await result(test, await begin(test, 'agent', 'map'))).toBe('NOT_JSON');
    expect(await result(test, await begin(test, 'agent', 'long'))).toBe('TOO_LARGE');
  });

  test('of a permanent agent is done again in each of its rounds', async () => {
    const rounds: number[] = [];
    await using test = await started({
      async agent({ step, waitFor }: AgentContext) {
        rounds.push(await step('round', () => rounds.length));
        await waitFor('next');
      },
    });
    const { runId } = await test.client.agents.start({ ...one, agent: 'agent', restart: 'permanent' });
    await quiet();
    for (const _ of [1, 2]) {
      await test.client.agents.signal({ ...one, runId, name: 'next' });
      await quiet();
      await test.clock.advance(100);
      await quiet();
    }
    expect(rounds).toEqual([0, 1, 2]);
  });

  test('is refused with TypeError without a name or a function', async () => {
    await using test = await started({
      async agent({ step }: AgentContext) {
        const names = [
          await step('', () => 1).catch((error: Error) => error.name),
          await step('a', 1 as never).catch((error: Error) => error.name),
        ];
        return names;
      },
    });
    expect(await result(test, await begin(test))).toEqual(['TypeError', 'TypeError']);
  });
});

describe('parallel steps', () => {
  test('end in the order of the journal, in life and when they are replayed', async () => {
    const orders: string[][] = [];
    await using test = await started({
      async agent({ step, sleep, waitFor }: AgentContext) {
        const order: string[] = [];
        orders.push(order);
        const branch = async (name: string, ms: number): Promise<void> => {
          await sleep(`pause ${name}`, ms);
          order.push(`${name} slept`);
          await step(name, () => name);
          order.push(`${name} stepped`);
        };
        await Promise.all([branch('a', 300), branch('b', 100), branch('c', 200)]);
        await waitFor('go');
        return order;
      },
    });
    const runId = await begin(test);
    await quiet();
    for (const _ of [1, 2, 3]) await test.clock.advance(100);
    await quiet();
    await test.restart('kill');
    await quiet();
    await test.client.agents.signal({ ...one, name: 'go' });
    const found = await result(test, runId);
    expect(orders.length).toBe(2);
    expect(orders[0]).toEqual(['b slept', 'b stepped', 'c slept', 'c stepped', 'a slept', 'a stepped']);
    expect(orders[1]).toEqual(orders[0]);
    expect(found).toEqual(orders[0]);
  });
});

describe('steps that have changed', () => {
  const changed = async (
    before: (context: AgentContext) => Promise<unknown>,
    after: (context: AgentContext) => Promise<unknown>,
    advanceMs = 0,
  ): Promise<unknown> => {
    let runs = 0;
    await using test = await started({
      async agent(context: AgentContext) {
        runs += 1;
        if (runs > 1) return after(context);
        await before(context);
        throw new Error('planned');
      },
    });
    const runId = await begin(test);
    await quiet();
    if (advanceMs > 0) await test.clock.advance(advanceMs);
    const found = await result(test, runId);
    expect(runs).toBe(2);
    expect((await test.client.sessions.conditions({})).length).toBe(0);
    return (found as { error?: { code: string; message: string } }).error?.message ?? found;
  };

  test('are refused by name when one that was recorded is called no more', async () => {
    const found = await changed(
      ({ step }) => step('a', () => 1),
      async () => 'done',
    );
    expect(found).toContain(': a was recorded, and the agent has returned without calling it');
  });

  test('are refused by name when another comes first, after a bounded time', async () => {
    const found = await changed(
      async ({ step }) => {
        await step('a', () => 1);
        await step('b', () => 2);
      },
      async ({ step }) => {
        await step('b', () => 2);
        await step('a', () => 1);
      },
      60_000,
    );
    expect(found).toContain(': a was recorded before b, and is not called while that one waits');
  });

  test('are refused by name when a new one is waited for in the place of a recorded one', async () => {
    const found = await changed(
      ({ step }) => step('a', () => 1),
      async ({ step }) => {
        await step('new', () => 2);
        await step('a', () => 1);
      },
      60_000,
    );
    expect(found).toContain(': a was recorded before new');
  });

  test('are refused by name when one is of another kind', async () => {
    const found = await changed(
      ({ step }) => step('a', () => 1),
      ({ step }) => step('a', () => 1, { effect: true }),
    );
    expect(found).toContain(': a was recorded as a step, and is an effect now');
    const other = await changed(
      ({ sleep }) => Promise.race([sleep('a', 1_000), Promise.resolve().then(() => quiet(3))]),
      ({ waitFor }) => waitFor('a'),
    );
    expect(other).toContain(': a was recorded as a sleep, and is a wait now');
  });

  test('in a way that calls for one more at the end goes on', async () => {
    const found = await changed(
      ({ step }) => step('a', () => 1),
      async ({ step }) => [await step('a', () => 5), await step('b', () => 2)],
    );
    expect(found).toEqual([1, 2]);
  });
});

describe('a timer', () => {
  test('goes off after its time, over a restart, late rather than never, and says how late', async () => {
    await using test = await started({
      async agent({ sleep, sleepUntil, step }: AgentContext) {
        const at = await step('now', () => test.clock.now());
        const first = await sleep(500);
        const second = await sleepUntil('later', at + 10_000);
        return [first, second];
      },
    });
    const runId = await begin(test);
    await quiet();
    expect(await test.client.agents.waits(one)).toMatchObject([{ runId, kind: 'timer', step: 'sleep' }]);
    await test.clock.advance(500);
    await quiet();
    const restarting = test.restart('kill');
    await test.clock.advance(20_000);
    await restarting;
    await quiet();
    await test.clock.advance(1_000);
    expect(await result(test, runId)).toMatchObject([{ lateMs: 0 }, { lateMs: expect.any(Number) }]);
    const fired = (await events(test)).filter(({ type }) => type === 'timer.fired');
    expect(fired.length).toBe(2);
  });
});

describe('a wait', () => {
  test('takes signals that came before it, in their order, each once', async () => {
    await using test = await started({
      async agent({ step, waitFor }: AgentContext) {
        await step('late', () => quiet(10));
        return [await waitFor('ok'), await waitFor('ok'), await waitFor('ok')];
      },
    });
    const runId = await begin(test);
    const { client } = test;
    const first = await client.agents.signal(
      { ...one, name: 'ok', payload: 1 },
      { idempotencyKey: 'one', by: 'ann' },
    );
    const again = await client.agents.signal(
      { ...one, name: 'ok', payload: 1 },
      { idempotencyKey: 'one', by: 'ann' },
    );
    expect(again).toMatchObject({ seq: first.seq, runId, repeated: true });
    await client.agents.signal({ ...one, name: 'ok', payload: { two: true } });
    await quiet(20);
    expect(await client.agents.waits({ ...one, runId })).toMatchObject([
      { name: 'ok', step: 'ok#3', dueAt: null },
    ]);
    await client.agents.signal({ ...one, runId, name: 'ok', payload: 'three' });
    expect(await result(test, runId)).toEqual([1, { two: true }, 'three']);
    expect(await codeOf(client.agents.signal({ ...one, runId, name: 'ok' }))).toBe('AGENT_RUN_ENDED');
    expect(await codeOf(client.agents.signal({ ...one, name: 'ok' }))).toBe('SIGNAL_UNADDRESSED');
  });

  test('whose deadline passes throws WAIT_EXPIRED, and again after a restart', async () => {
    const codes: string[] = [];
    await using test = await started({
      async agent({ waitFor }: AgentContext) {
        await waitFor('approval', { deadlineMs: 300 }).catch((error: { code: string }) =>
          codes.push(error.code),
        );
        await waitFor('go');
        return codes.length;
      },
    });
    const runId = await begin(test);
    await quiet();
    await test.clock.advance(300);
    await quiet();
    await test.restart('kill');
    await quiet();
    await test.client.agents.signal({ ...one, runId, name: 'approval' });
    await test.client.agents.signal({ ...one, runId, name: 'go' });
    expect(await result(test, runId)).toBe(2);
    expect(codes).toEqual(['WAIT_EXPIRED', 'WAIT_EXPIRED']);
  });

  test('is answered by a signal that came while the session was paused, and while nobody ran', async () => {
    await using test = await started({ agent: ({ waitFor }: AgentContext) => waitFor('approval') });
    const runId = await begin(test);
    await quiet();
    await test.client.sessions.pause(one);
    await test.restart('kill');
    await test.client.agents.signal({ ...one, runId, name: 'approval', payload: 'yes' });
    await test.client.sessions.resume(one);
    expect(await result(test, runId)).toBe('yes');
  });

  test('keeps so many signals and no more', async () => {
    await using test = await started({ agent: ({ waitFor }: AgentContext) => waitFor('never') });
    await begin(test);
    for (let n = 0; n < 100; n++) await test.client.agents.signal({ ...one, name: 'x', payload: n });
    expect(await codeOf(test.client.agents.signal({ ...one, name: 'x' }))).toBe('AT_CAPACITY');
  });
});

describe('an agent that only waits', () => {
  test('is parked: its session leaves its actors, a signal days later takes it up again, and nothing is charged', async () => {
    let runs = 0;
    await using test = await started(
      {
        async agent({ step, waitFor }: AgentContext) {
          runs += 1;
          const a = await step('a', () => 'a');
          return [a, await waitFor('approval', { deadlineMs: 30 * 86_400_000 })];
        },
      },
      { passivateAfterMs: 5_000 },
    );
    const runId = await begin(test);
    await quiet();
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject({
      status: 'running',
      isRunning: true,
    });
    await test.clock.advance(1_000);
    await quiet();
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject({
      status: 'parked',
      isRunning: false,
    });
    await test.clock.advance(10_000);
    await quiet();
    expect(test.system.activeSessions).toBe(0);
    await test.restart('kill');
    await test.clock.advance(3 * 86_400_000);
    await quiet();
    expect(runs).toBe(1);
    expect(test.system.activeSessions).toBe(0);
    await test.client.agents.signal({ ...one, runId, name: 'approval', payload: true });
    expect(await result(test, runId)).toEqual(['a', true]);
    expect(runs).toBe(2);
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject({
      restarts: 0,
      crashes: 0,
      incarnation: 2,
    });
  });

  test('is taken up by its timer, though its session has no actors', async () => {
    await using test = await started(
      { agent: async ({ sleep }: AgentContext) => (await sleep(86_400_000)).lateMs },
      { passivateAfterMs: 5_000 },
    );
    const runId = await begin(test);
    await quiet();
    await test.clock.advance(20_000);
    await quiet();
    expect(test.system.activeSessions).toBe(0);
    await test.clock.advance(86_400_000);
    await quiet();
    expect(await result(test, runId)).toBe(0);
  });

  test('does not when it works beside its wait, or has asked something of its session', async () => {
    await using test = await started({
      async agent({ step, waitFor, signal }: AgentContext) {
        const work = step('work', () => new Promise((resolve) => signal.addEventListener('abort', resolve)));
        await Promise.race([work, waitFor('stop')]);
        return 'stopped';
      },
    });
    const runId = await begin(test);
    await quiet();
    await test.clock.advance(60_000);
    await quiet();
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject({
      status: 'running',
      incarnation: 1,
    });
    await test.client.agents.signal({ ...one, runId, name: 'stop' });
    expect(await result(test, runId)).toBe('stopped');
  });
});
