// Agents with a thread of their own: the same agents to everybody, but for their end, which is always in our hands.
import { describe, expect, test } from 'vitest';
import type { AgentDefinitions } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, errorOf, quiet } from '../support/outcome.ts';
import { workerAgent } from '../support/worker-module.ts';

const one = { sessionId: 's' };

async function started(agents: AgentDefinitions, options = {}): Promise<TestSystem> {
  const test = await createTestSystem({ agents, passivateAfterMs: null, ...options });
  await test.client.sessions.create(one);
  return test;
}

/** Turns of the event loop until it is so: threads say by themselves when they are ready. */
async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isSo())) await quiet(1);
}

/** Resolves when the agent has said so in the memory of its session: from then on its thread is busy. */
async function said(test: TestSystem, key: string, expected: unknown = 1): Promise<void> {
  const find = () => test.client.memory.get({ ...one, key });
  await until(async () => (await find().catch(() => undefined))?.value === expected);
}

const start = async (test: TestSystem, agent: string, more = {}): Promise<string> =>
  (await test.client.agents.start({ ...one, agent, ...more })).runId;

const busyLoop = `export default async ({ session }) => {
  await session.memory.set({ key: 'said', value: session.incarnation });
  for (;;) ;
}`;
const isStopped = (test: TestSystem, runId: string) => async () =>
  (await test.client.agents.get({ ...one, runId })).status === 'stopped';
/** Closes a system in which an agent is busy, and so is ended after its grace. */
async function closeBusy(test: TestSystem): Promise<void> {
  const closing = test.close();
  await quiet(50);
  await test.clock.advance(5_000);
  await closing;
}

const named = (test: TestSystem, name: string) => test.telemetry.filter((event) => event.name === name);

describe('an agent in a thread', () => {
  test('has its input, its session and its signal, and its result is journaled', async () => {
    await using test = await started({
      writer: workerAgent(
        `export async function write({ session, input, signal }) {
        const { seq } = await session.messages.send({ role: 'assistant', content: input.text });
        const { messages } = await session.get();
        const frozen = Object.isFrozen(input) && Object.isFrozen(session);
        return { seq, messages, aborted: signal.aborted, id: session.id, runId: session.runId, frozen };
      }`,
        { export: 'write' },
      ),
    });
    const runId = await start(test, 'writer', { input: { text: 'hi' } });
    const run = await test.client.agents.wait({ ...one, runId });
    expect(run).toMatchObject({
      status: 'completed',
      incarnation: 1,
      result: { seq: 4, messages: 1, aborted: false, id: 's', runId, frozen: true },
    });
  });

  test('meets errors with their code and details, and is itself recorded with them', async () => {
    await using test = await started({
      asks: workerAgent(`import { HoldfastError } from 'holdfast';
      const told = (call) => call.catch((error) => [error.code ?? error.name, HoldfastError.is(error), error.details ?? null]);
      export default async ({ session }) => {
        const unkept = await told(session.memory.set({ key: 'k', value: new Map() }));
        const refused = await told(session.memory.set({ key: 'k', value: 1 }, { idempotencyKei: 'x' }));
        const aborted = await told(session.get({}, { signal: AbortSignal.abort(new RangeError('enough')) }));
        const late = new AbortController();
        const waiting = told(session.agents.wait({ runId: session.runId }, { signal: late.signal }));
        await session.get();
        late.abort(new TypeError('not now'));
        return [unkept, refused, aborted, await waiting, await told(session.messages.get({ seq: 77 }))];
      }`),
      fails: workerAgent(`import { HoldfastError } from 'holdfast';
      export default () => { throw new HoldfastError('OVERLOADED', { stream: 'mine' }); }`),
    });
    const { client } = test;
    const { result } = await client.agents.wait({ ...one, runId: await start(test, 'asks') });
    expect(result).toMatchObject([
      ['NOT_JSON', true, { path: 'input.value' }],
      ['INVALID_INPUT', true, { field: 'options.idempotencyKei' }],
      ['RangeError', false, null],
      ['TypeError', false, null],
      ['MESSAGE_NOT_FOUND', true, { sessionId: 's', seq: 77 }],
    ]);
    const runId = await start(test, 'fails', { restart: 'temporary' });
    const { error } = await client.agents.wait({ ...one, runId });
    expect(error).toMatchObject({ name: 'HoldfastError', code: 'OVERLOADED' });
  });

  test('may be XState logic, which runs in the thread', async () => {
    await using test = await started({
      machine: workerAgent(`import { setup, fromPromise } from 'xstate';
      export default setup({ actors: { get: fromPromise(({ input }) => input.session.get()) } }).createMachine({
        context: ({ input }) => ({ given: input, status: '' }),
        initial: 'asking',
        states: {
          asking: { invoke: { src: 'get', input: ({ context }) => context.given, onDone: { target: 'done', actions: ({ context, event }) => { context.status = event.output.status; } } } },
          done: { type: 'final' },
        },
        output: ({ context }) => [context.status, context.given.input * 2],
      })`),
    });
    const runId = await start(test, 'machine', { input: 21 });
    expect((await test.client.agents.wait({ ...one, runId })).result).toEqual(['active', 42]);
  });

  test('cannot return what cannot be kept, and cannot do without an export', async () => {
    await using test = await started({
      odd: workerAgent('export default () => new Map()'),
      nothing: workerAgent('export const a = 1'),
      missing: { isolation: 'worker', module: '/there/is/no/such/file.js' },
    });
    const ended = async (agent: string) =>
      (await test.client.agents.wait({ ...one, runId: await start(test, agent, { restart: 'temporary' }) }))
        .error;
    expect(await ended('odd')).toMatchObject({ code: 'NOT_JSON' });
    expect(await ended('nothing')).toMatchObject({
      name: 'TypeError',
      message: expect.stringContaining('default'),
    });
    expect(await ended('missing')).toMatchObject({ code: 'ERR_MODULE_NOT_FOUND' });
  });

  test.each([
    [
      'throws where nobody catches',
      'setImmediate(() => { throw new RangeError("stray") })',
      { name: 'RangeError', message: 'stray' },
    ],
    [
      'rejects where nobody listens',
      'Promise.reject(new RangeError("stray"))',
      { name: 'RangeError', message: 'stray' },
    ],
    [
      'ends its process, as it believes',
      'process.exit(3)',
      { code: 'AGENT_EXITED', message: expect.stringContaining('exit code 3') },
    ],
    [
      'fills its heap',
      'const all = []; for (;;) all.push(new Array(1000).fill(all.length))',
      { code: 'AGENT_OUT_OF_MEMORY' },
    ],
  ])('that %s has crashed, and nobody else notices', async (_, code, error) => {
    await using test = await started({
      bad: workerAgent(`export default async () => { ${code}; await new Promise(() => {}); }`, {
        resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 },
      }),
    });
    const runId = await start(test, 'bad', { restart: 'temporary' });
    const run = await test.client.agents.wait({ ...one, runId });
    expect(run).toMatchObject({ status: 'failed', error });
    await test.client.messages.send({ ...one, role: 'user', content: 'still there' });
    expect(named(test, 'agent.abandoned')).toEqual([]);
  });

  test('is started again after a crash, in another thread', async () => {
    await using test = await started({
      flaky: workerAgent(`import { threadId } from 'node:worker_threads';
      export default async ({ session }) => {
        await session.memory.set({ key: 'thread' + session.incarnation, value: threadId });
        if (session.incarnation < 2) process.exit(1);
        return 'done';
      }`),
    });
    const runId = await start(test, 'flaky');
    await until(() => named(test, 'agent.restarting').length > 0);
    await test.clock.advance(10);
    const run = await test.client.agents.wait({ ...one, runId });
    expect(run).toMatchObject({ status: 'completed', incarnation: 2, crashes: 1 });
    const threadOf = (n: number) => test.client.memory.get({ ...one, key: `thread${n}` });
    expect((await threadOf(1)).value).not.toBe((await threadOf(2)).value);
  });
});

describe('an agent in a busy loop', () => {
  test('is ended after its grace, and its end is seen', async () => {
    await using test = await started({ busy: workerAgent(busyLoop, { graceMs: 700 }) });
    const runId = await start(test, 'busy');
    await said(test, 'said');
    const stopping = test.client.agents.stop({ ...one, runId });
    await until(isStopped(test, runId));
    await quiet();
    await test.clock.advance(699);
    expect(named(test, 'agent.forced')).toEqual([]);
    await test.clock.advance(1);
    expect(await stopping).toMatchObject({ status: 'stopped' });
    expect(named(test, 'agent.forced').map(({ data }) => data)).toMatchObject([{ runId, graceMs: 700 }]);
    expect(named(test, 'agent.abandoned')).toEqual([]);
  });

  test.each(['terminate', 'pause', 'hibernate'] as const)(
    'does not keep its session from %s',
    async (verb) => {
      await using test = await started({ busy: workerAgent(busyLoop) });
      await start(test, 'busy');
      await said(test, 'said');
      const ended = test.client.sessions[verb](one);
      await until(async () => (await test.client.sessions.get(one)).status !== 'active');
      await quiet();
      await test.clock.advance(5_000);
      await ended;
      await until(() => named(test, 'agent.forced').length > 0);
      expect(named(test, 'agent.abandoned')).toEqual([]);
    },
  );

  test('does not keep the system from closing, which waits for the end of its thread', async () => {
    const test = await started({ busy: workerAgent(busyLoop) });
    await start(test, 'busy');
    await said(test, 'said');
    await closeBusy(test);
    expect(named(test, 'agent.forced').length).toBe(1);
  });

  test('that takes too long has crashed, and the next incarnation takes its place', async () => {
    const test = await started({ busy: workerAgent(busyLoop) });
    const runId = await start(test, 'busy', { timeoutMs: 500 });
    await said(test, 'said');
    await test.clock.advance(500);
    await until(() => named(test, 'agent.restarting').length > 0);
    await test.clock.advance(10);
    await said(test, 'said', 2);
    const { items } = await test.client.events.list(one);
    const { data } = items.find(({ type }) => type === 'agent.crashed') ?? {};
    expect(data).toMatchObject({ runId, incarnation: 1, error: { code: 'AGENT_TIMEOUT' } });
    await closeBusy(test);
  });

  test.each(['context', 'root'] as const)(
    'ends with its session when the %s actor crashes, before its next incarnation begins',
    async (actor) => {
      const test = await started({ busy: workerAgent(busyLoop) }, { maxWorkers: 1 });
      const runId = await start(test, 'busy');
      await said(test, 'said');
      test.crash('s', new Error('gone'), actor);
      await until(() => named(test, 'session.restarting').length > 0);
      await test.clock.advance(10);
      await said(test, 'said', 2);
      // One place: had the first thread been alive, the second would not be.
      expect(await test.client.agents.get({ ...one, runId })).toMatchObject({
        status: 'running',
        incarnation: 2,
      });
      await closeBusy(test);
    },
  );
});

describe('the end of an agent in a thread', () => {
  test('is graceful where it listens to its signal', async () => {
    await using test = await started({
      polite: workerAgent(`export default async ({ session, signal }) => {
        await session.memory.set({ key: 'said', value: 1 });
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      }`),
    });
    const runId = await start(test, 'polite');
    await said(test, 'said');
    expect(await test.client.agents.stop({ ...one, runId })).toMatchObject({ status: 'stopped' });
    expect(named(test, 'agent.forced')).toEqual([]);
  });

  test('comes too for one that waits for nothing and keeps on calling, and none of its calls is taken', async () => {
    await using test = await started({
      stubborn: workerAgent(`export default async ({ session, signal }) => {
        await session.memory.set({ key: 'said', value: 1 });
        signal.addEventListener('abort', () => { throw new Error('no'); });
        for (;;) await session.memory.set({ key: 'more', value: 1 }).catch(() => new Promise((resolve) => setImmediate(resolve)));
      }`),
    });
    const runId = await start(test, 'stubborn');
    await said(test, 'more');
    const stopping = test.client.agents.stop({ ...one, runId });
    await until(() => named(test, 'agent.abortFailed').length > 0);
    const { seq } = await test.client.sessions.get(one);
    await test.clock.advance(5_000);
    await stopping;
    expect((await test.client.sessions.get(one)).seq).toBe(seq);
    expect(named(test, 'agent.forced').length).toBe(1);
  });

  test('takes along what it left running', async () => {
    await using test = await started({
      leaves: workerAgent(`export default ({ session }) => {
        setInterval(() => session.memory.set({ key: 'late', value: 1 }).catch(() => {}), 1);
        return 1;
      }`),
    });
    const runId = await start(test, 'leaves');
    expect(await test.client.agents.wait({ ...one, runId })).toMatchObject({ status: 'completed' });
    const { seq } = await test.client.sessions.get(one);
    await quiet(50);
    expect((await test.client.sessions.get(one)).seq).toBe(seq);
  });
});

describe('threads are bounded', () => {
  const waits = workerAgent(`export default async ({ session, input, signal }) => {
    await session.memory.set({ key: 'said' + input, value: 1 });
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  }`);

  test('who has no place waits for one, and is seen waiting', async () => {
    await using test = await started({ waits }, { maxWorkers: 1 });
    const first = await start(test, 'waits', { input: 1 });
    const second = await start(test, 'waits', { input: 2 });
    await said(test, 'said1');
    expect(named(test, 'agent.waiting').map(({ data }) => data)).toMatchObject([
      { runId: second, waiting: 1, maxWorkers: 1 },
    ]);
    expect(JSON.stringify(test.system.tree())).toContain('"worker":"waiting"');
    await test.client.agents.stop({ ...one, runId: first });
    await said(test, 'said2');
    await test.client.agents.stop({ ...one, runId: second });
  });

  test('who waits can be stopped', async () => {
    await using test = await started({ waits }, { maxWorkers: 1 });
    await start(test, 'waits', { input: 1 });
    const runId = await start(test, 'waits', { input: 2 });
    await said(test, 'said1');
    expect(await test.client.agents.stop({ ...one, runId })).toMatchObject({ status: 'stopped' });
  });
});

describe('a definition', () => {
  test.each([
    [{ isolation: 'process', module: '/a.js' }, 'isolation'],
    [{ isolation: 'worker' }, 'module'],
    [{ isolation: 'worker', module: './a.js' }, 'absolute path'],
    [{ isolation: 'worker', module: '/a.js', graceMs: -1 }, 'graceMs'],
    [{ isolation: 'worker', module: '/a.js', resourceLimits: { heap: 1 } }, 'heap'],
    [{ isolation: 'worker', module: '/a.js', exports: 'a' }, 'exports'],
  ])('that is wrong is refused by name: %j', async (definition, problem) => {
    const options = { agents: { a: definition } as unknown as AgentDefinitions };
    const { code, details } = await errorOf(createTestSystem(options));
    expect(code).toBe('INVALID_CONFIG');
    expect(String(details.problem)).toContain(problem);
    expect(await codeOf(createTestSystem(options))).toBe('INVALID_CONFIG');
  });
});

test('an agent in a thread has no durable steps, and says so by code', async () => {
  const text = `export default async ({ step, waitFor }) => {
    const codes = [];
    for (const call of [() => step('a', () => 1), () => waitFor('b')])
      await Promise.resolve().then(call).catch(({ code }) => codes.push(code));
    return codes;
  };`;
  await using test = await createTestSystem({ agents: { threaded: workerAgent(text) } });
  await test.client.sessions.create({ sessionId: 's' });
  const { runId } = await test.client.agents.start({ sessionId: 's', agent: 'threaded' });
  const { result } = await test.client.agents.wait({ sessionId: 's', runId });
  expect(result).toEqual(['STEPS_NOT_HERE', 'STEPS_NOT_HERE']);
});
