// Effects whose outcome may not be known, and children of runs: what was begun is never begun again without being asked.
import { describe, expect, test } from 'vitest';
import type { AgentContext, AgentDefinitions } from '../../src/session/agents/agent-definitions.ts';
import type { StepOptions } from '../../src/session/agents/step-run.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };

async function started(agents: AgentDefinitions): Promise<TestSystem> {
  const test = await createTestSystem({ agents, passivateAfterMs: null });
  await test.client.sessions.create(one);
  return test;
}

async function begin(test: TestSystem, agent = 'agent'): Promise<string> {
  return (await test.client.agents.start({ ...one, agent })).runId;
}

async function ended(test: TestSystem, runId: string) {
  const { status, result, error, reason } = await test.client.agents.wait({ ...one, runId });
  return { status, result, error, reason };
}

async function dataOf(test: TestSystem, type: string): Promise<unknown[]> {
  const { items } = await test.client.events.list({ ...one, limit: 500 });
  return items.filter((event) => event.type === type).map(({ data }) => data);
}

/** An agent whose effect is cut off by the death of the process the first time. */
async function interrupted(
  onUnknown: StepOptions['onUnknown'],
  judge: (outside: { keys: string[]; found: unknown; runId: string }, test: TestSystem) => Promise<void>,
): Promise<void> {
  const keys: string[] = [];
  await using test = await started({
    async agent({ step }: AgentContext) {
      return step(
        'pay',
        async ({ idempotencyKey, signal }) => {
          keys.push(idempotencyKey);
          if (keys.length === 1) await untilAborted(signal);
          return 'paid';
        },
        { effect: true, ...(onUnknown && { onUnknown }) },
      );
    },
  });
  const runId = await begin(test);
  await quiet();
  expect(keys).toEqual([`${runId}/pay`]);
  await test.restart('kill');
  await test.clock.advance(10);
  await judge({ keys, runId, found: await ended(test, runId) }, test);
}

describe('an effect', () => {
  test('is recorded before it begins and when it has ended, and is not tried again by itself', async () => {
    let tries = 0;
    await using test = await started({
      async agent({ step }: AgentContext) {
        const ok = await step('ok', () => 1, { effect: true });
        await step('bad', () => Promise.reject(new Error(`no ${++tries}`)), { effect: true }).catch(() => 0);
        return ok;
      },
    });
    expect((await ended(test, await begin(test))).result).toBe(1);
    expect(tries).toBe(1);
    expect(await dataOf(test, 'effect.started')).toMatchObject([{ step: 'ok' }, { step: 'bad' }]);
    expect(await dataOf(test, 'step.completed')).toMatchObject([{ step: 'ok', effect: true }]);
    expect(await dataOf(test, 'step.failed')).toMatchObject([{ step: 'bad', effect: true, attempts: 1 }]);
  });

  test('that was interrupted is unknown: it is not run again, and fails with EFFECT_UNKNOWN', () =>
    interrupted(undefined, async ({ keys, found }, test) => {
      expect(keys.length).toBe(1);
      expect(found).toMatchObject({ status: 'failed', error: { code: 'EFFECT_UNKNOWN' } });
      expect(await dataOf(test, 'effect.unknown')).toMatchObject([{ step: 'pay', decision: 'failed' }]);
    }));

  test('that was interrupted is run again under the same key where its policy says so', () =>
    interrupted('retry', async ({ keys, found, runId }, test) => {
      expect(keys).toEqual([`${runId}/pay`, `${runId}/pay`]);
      expect(found).toMatchObject({ status: 'completed', result: 'paid' });
      expect(await dataOf(test, 'effect.unknown')).toMatchObject([{ step: 'pay', decision: 'retried' }]);
    }));

  test('that was interrupted has the outcome that its policy has found out', () =>
    interrupted(
      async ({ idempotencyKey }) => ({ result: `found ${idempotencyKey}` }),
      async ({ keys, found, runId }, test) => {
        expect(keys.length).toBe(1);
        expect(found).toMatchObject({ status: 'completed', result: `found ${runId}/pay` });
        expect(await dataOf(test, 'effect.unknown')).toMatchObject([{ step: 'pay', decision: 'resolved' }]);
      },
    ));

  test('that is cut off by the end of its incarnation is told by its signal, and is unknown', async () => {
    const aborted: boolean[] = [];
    await using test = await started({
      async agent({ step }: AgentContext) {
        return step('pay', ({ signal }) => untilAborted(signal).then(() => aborted.push(signal.aborted)), {
          effect: true,
        });
      },
    });
    const runId = await begin(test);
    await quiet();
    await test.client.sessions.pause(one);
    await test.client.sessions.resume(one);
    expect(await ended(test, runId)).toMatchObject({ status: 'failed', error: { code: 'EFFECT_UNKNOWN' } });
    expect(aborted).toEqual([true]);
  });
});

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

describe('a child', () => {
  test('is a run of the session, and its result is that of the step, over a restart too', async () => {
    let starts = 0;
    await using test = await started({
      async parent({ child, waitFor }: AgentContext) {
        const found = await child('research', 'worker', { topic: 'x' });
        await waitFor('go');
        return found;
      },
      async worker({ input }: AgentContext<{ topic: string }>) {
        starts += 1;
        return { about: input.topic };
      },
    });
    const runId = await begin(test, 'parent');
    await quiet();
    await test.restart('kill');
    await quiet();
    await test.client.agents.signal({ ...one, runId, name: 'go' });
    expect(await ended(test, runId)).toMatchObject({ status: 'completed', result: { about: 'x' } });
    expect(starts).toBe(1);
    expect(await dataOf(test, 'agent.started')).toMatchObject([
      { runId },
      { parentRunId: runId, parentStep: 'research' },
    ]);
  });

  test('goes on while its parent crashes, and is attached to it again', async () => {
    let parents = 0;
    let children = 0;
    await using test = await started({
      async parent({ child }: AgentContext) {
        parents += 1;
        const result = child('c', 'worker');
        await quiet(5);
        if (parents === 1) throw new Error('planned');
        return result;
      },
      worker({ waitFor }: AgentContext) {
        children += 1;
        return waitFor('go');
      },
    });
    const runId = await begin(test, 'parent');
    await quiet(20);
    await test.clock.advance(100);
    const [wait] = await test.client.agents.waits(one);
    await test.client.agents.signal({ ...one, runId: wait?.runId ?? '', name: 'go', payload: 5 });
    expect(await ended(test, runId)).toMatchObject({ status: 'completed', result: 5 });
    expect([parents, children]).toEqual([2, 1]);
  });

  test('that fails or is stopped fails its step with CHILD_FAILED', async () => {
    await using test = await started({
      async parent({ child }: AgentContext) {
        return Promise.all(
          ['bad', 'idle'].map((agent) => child(agent, agent).catch((error: Error) => error.message)),
        );
      },
      bad: () => Promise.reject(new TypeError('broken')),
      idle: ({ signal }: AgentContext) => untilAborted(signal),
    });
    const runId = await begin(test, 'parent');
    await quiet();
    const runs = await test.client.agents.list(one);
    const bad = runs.find(({ agent }) => agent === 'bad');
    const idle = runs.find(({ agent }) => agent === 'idle');
    await test.client.agents.stop({ ...one, runId: bad?.runId ?? '', reason: 'enough' });
    await test.client.agents.stop({ ...one, runId: idle?.runId ?? '', reason: 'enough' });
    const { result } = await ended(test, runId);
    expect(result).toEqual([
      expect.stringContaining('was stopped: enough'),
      expect.stringContaining('was stopped'),
    ]);
  });

  test('ends with its parent, its own children too, and hears it by its signal', async () => {
    const heard: string[] = [];
    await using test = await started({
      parent: ({ child }: AgentContext) => child('c', 'middle'),
      middle: ({ child }: AgentContext) => child('c', 'leaf'),
      async leaf({ step }: AgentContext) {
        await step('work', ({ signal }) => untilAborted(signal).then(() => heard.push('aborted')));
      },
    });
    const runId = await begin(test, 'parent');
    await quiet(20);
    expect((await test.client.agents.list({ ...one, status: ['running'] })).length).toBe(3);
    await test.client.agents.stop({ ...one, runId });
    await quiet();
    expect(await test.client.agents.list({ ...one, status: ['running', 'parked', 'waiting'] })).toEqual([]);
    expect(heard).toEqual(['aborted']);
    expect(await dataOf(test, 'agent.stopped')).toMatchObject([
      { runId },
      { reason: 'its parent has ended' },
      { reason: 'its parent has ended' },
    ]);
  });

  test('keeps its parent parked until it has ended', async () => {
    await using test = await started({
      parent: ({ child }: AgentContext) => child('c', 'worker'),
      worker: ({ waitFor }: AgentContext) => waitFor('go'),
    });
    const runId = await begin(test, 'parent');
    await quiet(20);
    await test.clock.advance(1_000);
    await quiet();
    const statuses = (await test.client.agents.list(one)).map(({ status }) => status);
    expect(statuses).toEqual(['parked', 'parked']);
    const [wait] = await test.client.agents.waits(one);
    await test.client.agents.signal({ ...one, runId: wait?.runId ?? '', name: 'go', payload: 7 });
    expect(await ended(test, runId)).toMatchObject({ status: 'completed', result: 7 });
  });

  test('of an agent that nobody knows is refused by code', async () => {
    await using test = await started({
      parent: ({ child }: AgentContext) =>
        child('c', 'nobody').catch((error: { code: string }) => error.code),
    });
    expect(await ended(test, await begin(test, 'parent'))).toMatchObject({ result: 'AGENT_NOT_REGISTERED' });
  });
});
