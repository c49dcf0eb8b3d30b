// Agents under supervision: journaled with their input, started again after a crash, fenced by incarnation, observed to their end.

import { describe, expect, test } from 'vitest';
import { fromCallback, fromPromise, type InspectionEvent, setup } from 'xstate';
import type { DeliveredEvent } from '../../src/operations/views/views.ts';
import type { AgentContext, AgentDefinitions } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const sessionId = 's';
const one = { sessionId };

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

async function started(
  agents: AgentDefinitions,
  options = {},
): Promise<TestSystem & { heard: DeliveredEvent[] }> {
  const test = await createTestSystem({ agents, passivateAfterMs: null, ...options });
  await test.client.sessions.create(one);
  const heard: DeliveredEvent[] = [];
  await test.client.events.subscribe(sessionId, (event) => heard.push(event));
  return Object.assign(test, { heard });
}

const typesOf = (heard: readonly DeliveredEvent[]): string[] =>
  heard.map(({ type }) => type).filter((type) => type.startsWith('agent.') || type.startsWith('message.'));

describe('an agent', () => {
  test('has its input, writes through its session, and its result is journaled', async () => {
    await using test = await started({
      async writer({ session, input }: AgentContext<{ text: string }>) {
        const { seq } = await session.messages.send({ role: 'assistant', content: input.text });
        return { seq, messages: (await session.get()).messages };
      },
    });
    const { runId } = await test.client.agents.start({
      ...one,
      agent: 'writer',
      input: { text: 'hi' },
      role: 'author',
    });
    const run = await test.client.agents.wait({ ...one, runId });
    expect(run).toMatchObject({
      ...{ agent: 'writer', role: 'author', status: 'completed', incarnation: 1, crashes: 0 },
      ...{
        input: { text: 'hi' },
        result: { seq: 4, messages: 1 },
        error: null,
        reason: null,
        isRunning: false,
      },
    });
    expect(typesOf(test.heard)).toEqual(['agent.started', 'message.sent', 'agent.completed']);
    const { items } = await test.client.events.list(one);
    expect(items.map(({ type }) => type)).toContain('agent.completed');
  });

  test('may take the methods of its session out of it', async () => {
    await using test = await started({
      async writer({ session }: AgentContext) {
        const { get, messages, report } = session;
        const { send } = messages;
        await send({ role: 'assistant', content: 'apart' });
        await report({ tokens: 7 });
        return { messages: (await get()).messages, isOne: session.messages === messages, id: session.id };
      },
    });
    const { runId } = await test.client.agents.start({ ...one, agent: 'writer' });
    const { result } = await test.client.agents.wait({ ...one, runId });
    expect(result).toEqual({ messages: 1, isOne: true, id: sessionId });
  });

  test('may be any XState logic: a machine, a promise, a callback', async () => {
    const machine = setup({ types: { input: {} as AgentContext<number> } }).createMachine({
      context: ({ input }) => ({ doubled: input.input * 2 }),
      initial: 'done',
      states: { done: { type: 'final' } },
      output: ({ context }) => context.doubled,
    });
    let disposed = 0;
    await using test = await started({
      machine,
      promise: fromPromise(async ({ input }: { input: AgentContext<number> }) => input.input + 1),
      callback: fromCallback(() => () => {
        disposed += 1;
      }),
    });
    const { client } = test;
    const start = async (agent: string): Promise<string> =>
      (await client.agents.start({ ...one, agent, input: 21 })).runId;
    expect((await client.agents.wait({ ...one, runId: await start('machine') })).result).toBe(42);
    expect((await client.agents.wait({ ...one, runId: await start('promise') })).result).toBe(22);
    const runId = await start('callback');
    await quiet();
    expect(await client.agents.get({ ...one, runId })).toMatchObject({ status: 'running', isRunning: true });
    expect(await client.agents.stop({ ...one, runId })).toMatchObject({ status: 'stopped' });
    expect(disposed).toBe(1);
  });

  test('that crashes starts again with the same input; crash, restart and result are events', async () => {
    const inputs: unknown[] = [];
    await using test = await started({
      flaky({ input, session }: AgentContext) {
        inputs.push([input, session.incarnation]);
        if (inputs.length < 3) throw new RangeError('not yet');
        return 'done';
      },
    });
    const { runId } = await test.client.agents.start({ ...one, agent: 'flaky', input: { a: 1 } });
    const waiting = test.client.agents.wait({ ...one, runId });
    await quiet();
    await test.clock.advance(1_000);
    expect(await waiting).toMatchObject({ status: 'completed', result: 'done', incarnation: 3, crashes: 2 });
    expect(inputs).toEqual([1, 2, 3].map((incarnation) => [{ a: 1 }, incarnation]));
    expect(typesOf(test.heard)).toEqual([
      ...['agent.started', 'agent.crashed', 'agent.restarted', 'agent.crashed', 'agent.restarted'],
      'agent.completed',
    ]);
    const crash = test.heard.find(({ type }) => type === 'agent.crashed');
    expect(crash?.data).toEqual({
      ...{ runId, incarnation: 1, errorClass: 'unknown' },
      error: { name: 'RangeError', message: 'not yet' },
    });
  });

  test('that is temporary fails with its first crash, and one that is permanent never is done', async () => {
    let runs = 0;
    await using test = await started({
      crash: () => Promise.reject(new Error('boom')),
      again: ({ signal }: AgentContext) => (++runs < 3 ? undefined : untilAborted(signal)),
    });
    const { client } = test;
    const failing = await client.agents.start({ ...one, agent: 'crash', restart: 'temporary' });
    expect(await client.agents.wait({ ...one, runId: failing.runId })).toMatchObject({
      ...{ status: 'failed', crashes: 0, error: { message: 'boom' } },
    });
    const { runId } = await client.agents.start({ ...one, agent: 'again', restart: 'permanent' });
    await quiet();
    await test.clock.advance(1_000);
    expect(await client.agents.get({ ...one, runId })).toMatchObject({ status: 'running', incarnation: 3 });
    expect(runs).toBe(3);
  });

  test('whose result cannot be kept has failed, and is not run again', async () => {
    let runs = 0;
    await using test = await started({
      odd: () => {
        runs += 1;
        return new Map();
      },
      large: () => 'x'.repeat(2_000_000),
    });
    for (const [agent, code] of [
      ['odd', 'NOT_JSON'],
      ['large', 'TOO_LARGE'],
    ] as const) {
      const { runId } = await test.client.agents.start({ ...one, agent });
      const run = await test.client.agents.wait({ ...one, runId });
      expect(run).toMatchObject({ status: 'failed', error: { code } });
    }
    expect(runs).toBe(1);
    await test.client.messages.send({ ...one, role: 'user', content: 'still there' });
  });

  test('whose actor is stopped by somebody else has crashed, and goes on', async () => {
    let runs = 0;
    const machine = setup({ types: { input: {} as AgentContext } }).createMachine({
      entry: () => {
        runs += 1;
      },
      initial: 'waiting',
      states: { waiting: {} },
    });
    const roots: { stop(): unknown }[] = [];
    await using test = await started(
      { machine },
      {
        inspect: ({ type, actorRef }: InspectionEvent) => {
          if (type === '@xstate.actor' && `${(actorRef as { id?: string }).id}`.startsWith('agent:'))
            roots.push(actorRef as unknown as { stop(): unknown });
        },
      },
    );
    const { runId } = await test.client.agents.start({ ...one, agent: 'machine' });
    await quiet();
    roots[0]?.stop();
    await quiet();
    expect(runs).toBe(2);
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject({ status: 'running', crashes: 1 });
  });

  test('that takes too long has crashed', async () => {
    await using test = await started({ slow: () => new Promise(() => {}) });
    const { runId } = await test.client.agents.start({
      ...one,
      agent: 'slow',
      timeoutMs: 500,
      restart: 'temporary',
    });
    await quiet();
    const waiting = test.client.agents.wait({ ...one, runId });
    await test.clock.advance(499);
    expect((await test.client.agents.get({ ...one, runId })).status).toBe('running');
    await test.clock.advance(1);
    expect(await waiting).toMatchObject({ status: 'failed', error: { code: 'AGENT_TIMEOUT' } });
    expect(test.telemetry.find(({ name }) => name === 'agent.abandoned')?.data).toMatchObject({
      runId,
      tasks: ['slow'],
    });
  });

  test('that nobody registered is refused, and the session goes on', async () => {
    await using test = await started({});
    expect(await codeOf(test.client.agents.start({ ...one, agent: 'nobody' }))).toBe('AGENT_NOT_REGISTERED');
    await test.client.messages.send({ ...one, role: 'user', content: 'hello' });
    expect(await test.client.agents.list(one)).toEqual([]);
  });

  test('is found by its role, its name and its status', async () => {
    await using test = await started({
      a: ({ signal }: AgentContext) => untilAborted(signal),
      b: () => 1,
    });
    const { client } = test;
    const start = (agent: string, role?: string) =>
      client.agents.start({ ...one, agent, ...(role !== undefined && { role }) });
    const [first, second, third] = [
      await start('a', 'worker'),
      await start('a', 'planner'),
      await start('b', 'worker'),
    ];
    await client.agents.wait({ ...one, runId: third.runId });
    const ids = async (query: object) =>
      (await client.agents.list({ ...one, ...query })).map(({ runId }) => runId);
    expect(await ids({})).toEqual([first.runId, second.runId, third.runId]);
    expect(await ids({ role: 'worker' })).toEqual([first.runId, third.runId]);
    expect(await ids({ agent: 'a' })).toEqual([first.runId, second.runId]);
    expect(await ids({ role: 'worker', status: ['completed'] })).toEqual([third.runId]);
  });
});

describe('the handle of an agent', () => {
  test('belongs to one incarnation: after its crash nothing that it still does is committed', async () => {
    let zombie: AgentContext | undefined;
    await using test = await started({
      async agent(context: AgentContext) {
        if (context.session.incarnation > 1) return untilAborted(context.signal);
        zombie = context;
        throw new Error('boom');
      },
    });
    await test.client.agents.start({ ...one, agent: 'agent' });
    await quiet();
    expect(zombie?.signal.aborted).toBe(true);
    const send = zombie?.session.messages.send({ role: 'assistant', content: 'from beyond' });
    expect(await codeOf(send ?? Promise.resolve())).toBe('STALE_INCARNATION');
    expect(await codeOf(zombie?.session.get() ?? Promise.resolve())).toBe('STALE_INCARNATION');
    expect((await test.client.sessions.get(one)).messages).toBe(0);
  });

  test('is fenced by the law too: what stands behind its end in the mailbox is refused', async () => {
    let last: AgentContext | undefined;
    await using test = await started({
      idle(context: AgentContext) {
        last = context;
        return untilAborted(context.signal);
      },
    });
    const { runId } = await test.client.agents.start({ ...one, agent: 'idle' });
    await quiet();
    const stopping = test.client.agents.stop({ ...one, runId });
    expect(last?.signal.aborted).toBe(false);
    const late = last?.session.messages.send({ role: 'assistant', content: 'too late' });
    expect(await codeOf(late ?? Promise.resolve())).toBe('STALE_INCARNATION');
    await stopping;
    await quiet();
    expect((await test.client.sessions.get(one)).messages).toBe(0);
    expect((await test.client.agents.get({ ...one, runId })).status).toBe('stopped');
  });

  test('names the agent in what it writes', async () => {
    await using test = await started({
      async agent({ session }: AgentContext) {
        await session.memory.set({ key: 'k', value: 1 });
      },
    });
    const { runId } = await test.client.agents.start({ ...one, agent: 'agent' });
    await test.client.agents.wait({ ...one, runId });
    const { items } = await test.client.events.list(one);
    expect(items.find(({ type }) => type === 'memory.updated')).toBeDefined();
  });
});

describe('agents and the life of their session', () => {
  const counting = () => {
    const starts: number[] = [];
    const agent = async ({ session, signal }: AgentContext): Promise<void> => {
      starts.push(session.incarnation);
      await untilAborted(signal);
    };
    return { starts, agents: { agent } };
  };

  test('a crash of the session takes its agents along, and they go on with their next incarnation', async () => {
    const { starts, agents } = counting();
    await using test = await started(agents);
    await test.client.agents.start({ ...one, agent: 'agent' });
    await quiet();
    test.crash(sessionId);
    await quiet();
    expect(starts).toEqual([1, 2]);
    expect(typesOf(test.heard)).toEqual(['agent.started', 'agent.restarted']);
  });

  test.each(['close', 'kill'] as const)(
    'after a restart by %s, runs without an end start again with the same input',
    async (how) => {
      const { starts, agents } = counting();
      await using test = await started(agents);
      const { runId } = await test.client.agents.start({ ...one, agent: 'agent', input: 7 });
      await quiet();
      await test.restart(how);
      await test.clock.advance(1);
      await quiet();
      expect(starts).toEqual([1, 2]);
      expect(await test.client.agents.get({ ...one, runId })).toMatchObject({
        status: 'running',
        input: 7,
        incarnation: 2,
      });
    },
  );

  test('pausing and hibernating end its agents, resuming and waking start them again', async () => {
    const { starts, agents } = counting();
    await using test = await started(agents);
    const { client } = test;
    await client.agents.start({ ...one, agent: 'agent' });
    await quiet();
    await client.sessions.pause(one);
    await quiet();
    expect((await client.agents.list(one))[0]).toMatchObject({ status: 'running', isRunning: false });
    await client.sessions.resume(one);
    await quiet();
    expect(starts).toEqual([1, 2]);
    await client.sessions.hibernate(one);
    await quiet();
    expect(test.system.activeSessions).toBe(0);
    await client.messages.send({ ...one, role: 'user', content: 'wake up' });
    await quiet();
    expect(starts).toEqual([1, 2, 3]);
  });

  test('a session with an agent at work is not quiet: it neither rests nor leaves memory', async () => {
    const { starts, agents } = counting();
    await using test = await started(agents, { passivateAfterMs: 1_000 });
    const { runId } = await test.client.agents.start({ ...one, agent: 'agent' });
    await test.clock.advance(100_000_000);
    expect((await test.client.sessions.get(one)).status).toBe('active');
    expect(starts).toEqual([1]);
    await test.client.agents.stop({ ...one, runId });
    await test.clock.advance(2_000);
    expect(test.system.activeSessions).toBe(0);
  });

  test('an agent that hangs is abandoned when its grace is over: the session ends, and its siblings were served', async () => {
    await using test = await started({ hung: () => new Promise(() => {}) });
    const { client, clock } = test;
    const { runId } = await client.agents.start({ ...one, agent: 'hung' });
    await client.sessions.create({ sessionId: 'other' });
    const ending = client.sessions.terminate(one);
    await quiet();
    expect((await client.sessions.get(one)).status).toBe('terminating');
    await clock.advance(4_999);
    await client.messages.send({ sessionId: 'other', role: 'user', content: 'served' });
    expect((await client.sessions.get(one)).status).toBe('terminating');
    await clock.advance(1);
    expect(await ending).toMatchObject({ status: 'terminated' });
    expect(await client.agents.get({ ...one, runId })).toMatchObject({
      status: 'stopped',
      reason: 'requested',
    });
    expect(typesOf(test.heard)).toEqual(['agent.started', 'agent.stopped']);
  });

  test('an agent that fails for ever quarantines its session at a bounded cost; a retry brings both back', async () => {
    let runs = 0;
    let broken = true;
    await using test = await started({
      async agent({ signal }: AgentContext) {
        runs += 1;
        if (broken) throw new Error('no model');
        await untilAborted(signal);
      },
    });
    const { client, clock } = test;
    const { runId } = await client.agents.start({ ...one, agent: 'agent' });
    const waiting = codeOf(client.agents.wait({ ...one, runId }));
    for (let i = 0; i < 20; i++) {
      await quiet();
      await clock.advance(5_000);
    }
    expect(runs).toBe(6);
    const details = await client.sessions.get(one);
    expect(details.status).toBe('quarantined');
    expect(details.condition).toMatchObject({
      condition: 'quarantined',
      restarts: 5,
      error: { message: 'no model' },
    });
    expect(await codeOf(client.messages.send({ ...one, role: 'user', content: 'x' }))).toBe(
      'SESSION_QUARANTINED',
    );
    expect((await client.sessions.conditions({})).map(({ condition }) => condition)).toEqual(['quarantined']);
    expect(await waiting).toBe('SESSION_QUARANTINED');
    expect(await codeOf(client.agents.wait({ ...one, runId }))).toBe('SESSION_QUARANTINED');
    broken = false;
    expect(await client.sessions.retry(one)).toMatchObject({ condition: null });
    await quiet();
    expect(await client.agents.get({ ...one, runId })).toMatchObject({
      status: 'running',
      incarnation: 7,
      crashes: 6,
    });
    await client.messages.send({ ...one, role: 'user', content: 'back' });
    expect(test.heard.map(({ type }) => type).filter((type) => type.startsWith('condition.'))).toEqual([
      'condition.set',
      'condition.cleared',
    ]);
  });

  test('an agent that fails for ever costs its six runs, while a thousand other sessions are served', async () => {
    let runs = 0;
    await using test = await started({
      agent() {
        runs += 1;
        throw new Error('no model');
      },
    });
    const { client, clock } = test;
    const others = Array.from({ length: 1_000 }, (_, i) => `other${i}`);
    await Promise.all(others.map((id) => client.sessions.create({ sessionId: id })));
    await client.agents.start({ ...one, agent: 'agent' });
    for (let round = 0; round < 6; round++) {
      const sends = others.map((id) => client.messages.send({ sessionId: id, role: 'user', content: 'hi' }));
      await Promise.all(sends);
      await clock.advance(1_000);
    }
    expect((await client.sessions.get(one)).status).toBe('quarantined');
    expect(runs).toBe(6);
    expect((await client.sessions.count()).byStatus).toMatchObject({ active: 1_000, quarantined: 1 });
  });

  test('a quarantine outlives a restart of the process, and a retry may leave the agents behind', async () => {
    let runs = 0;
    await using test = await started({
      agent() {
        runs += 1;
        throw new Error('no model');
      },
    });
    const { runId } = await test.client.agents.start({ ...one, agent: 'agent' });
    for (let i = 0; i < 10; i++) {
      await quiet();
      await test.clock.advance(5_000);
    }
    await test.restart('kill');
    await test.clock.advance(10_000);
    expect(await codeOf(test.client.sessions.pause(one))).toBe('SESSION_QUARANTINED');
    const key = { idempotencyKey: 'retry' };
    expect(await test.client.sessions.retry({ ...one, agents: 'stop' }, key)).toMatchObject({
      condition: null,
    });
    expect(await test.client.sessions.retry({ ...one, agents: 'stop' }, key)).toMatchObject({
      repeated: true,
    });
    await quiet();
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject({ status: 'stopped' });
    expect(runs).toBe(6);
    await test.client.messages.send({ ...one, role: 'user', content: 'back' });
  });

  test('what became of an agent is not lost to a disk that fails meanwhile', async () => {
    let finish: (value: string) => void = () => {};
    await using test = await started({
      agent: () =>
        new Promise<string>((resolve) => {
          finish = resolve;
        }),
    });
    const { runId } = await test.client.agents.start({ ...one, agent: 'agent' });
    await quiet();
    const fatal = test.disk.writes + 1;
    test.disk.failWrites((write) => (write === fatal ? 'before' : undefined));
    const waiting = test.client.agents.wait({ ...one, runId });
    finish('done');
    await quiet();
    await test.clock.advance(5_000);
    expect(await waiting).toMatchObject({ status: 'completed', result: 'done' });
  });
});
