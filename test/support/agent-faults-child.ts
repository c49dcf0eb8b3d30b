// A process with agents that fail where XState cannot know of it. Arguments: what to do, and over which directories. It prints
// one line of JSON for each directory.
import { readFile } from 'node:fs';
import { emit, fromCallback, setup } from 'xstate';
import type { AgentContext, AgentDefinitions } from '../../src/session/agents/agent-definitions.ts';
import { createSystem, type System, type SystemOptions } from '../../src/system.ts';

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve()));

/** Fails in a run's first incarnation, with the run's id in the message. */
const failOf =
  ({ session }: AgentContext) =>
  (): void => {
    if (session.incarnation === 1) throw new Error(`stray of ${session.runId}`);
  };

/** A function that lets something fail which it does not wait for, and goes on. */
const straying =
  (stray: (fail: () => void) => unknown) =>
  (context: AgentContext): Promise<void> => {
    stray(failOf(context));
    return untilAborted(context.signal);
  };

/** A machine that listens to its own child, badly. */
const observing = (listen: (child: ObservedChild, fail: () => void) => void) => {
  const child = setup({ types: { emitted: {} as { type: 'note' } } }).createMachine({
    initial: 'a',
    states: { a: { after: { 10: 'b' } }, b: { entry: emit({ type: 'note' }), after: { 10: 'c' } }, c: {} },
  });
  return setup({
    types: { input: {} as AgentContext, context: {} as AgentContext },
    actors: { child },
  }).createMachine({
    context: ({ input }) => input,
    invoke: { id: 'child', src: 'child' },
    entry: ({ self, context }) => {
      const { child } = self.getSnapshot().children as { readonly child?: ObservedChild };
      if (child !== undefined) listen(child, failOf(context));
    },
  });
};

interface ObservedChild {
  subscribe(observer: { next?: () => void; error?: () => void }): unknown;
  on(type: string, listener: () => void): unknown;
}

const agents: AgentDefinitions = {
  callbackTimer: fromCallback(({ input }) => void setTimeout(failOf(input as AgentContext), 1)),
  asyncCallback: fromCallback((async ({ input }: { input: AgentContext }) => failOf(input)()) as never),
  snapshotListener: observing((child, next) => child.subscribe({ next, error() {} })),
  emitListener: observing((child, fail) => child.on('note', fail)),
  timer: straying((fail) => setTimeout(fail, 1)),
  tick: straying((fail) => process.nextTick(fail)),
  immediate: straying((fail) => setImmediate(fail)),
  promise: straying((fail) => (async () => fail())()),
  fileCallback: straying((fail) => readFile('/nowhere', fail)),
  asyncDisposer: fromCallback(({ input }) => {
    const dispose = async (): Promise<never> => {
      await null;
      throw new Error(`stray of ${(input as AgentContext).session.runId}`);
    };
    return () => void dispose();
  }),
  abortListener: ({ signal }: AgentContext) =>
    new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        setTimeout(() => {
          throw new Error('stray of an ended run');
        }, 1);
        resolve();
      });
    }),
  endedRun: (context: AgentContext) => void setTimeout(failOf(context), 20),
};

const names = Object.keys(agents);
const crashing = names.slice(0, 9);

async function open(location: string, options: Partial<SystemOptions> = {}): Promise<System> {
  return createSystem({ location, agents, ...options });
}

async function withMessages({ client }: System, sessionId: string): Promise<void> {
  await client.sessions.create({ sessionId });
  for (const content of ['a', 'b']) await client.messages.send({ sessionId, role: 'user', content });
}

/** Every crash is its own run's, many at once. */
async function captured(location: string): Promise<object> {
  const strays: unknown[] = [];
  const system = await open(location, {
    captureStrayErrors: true,
    onTelemetry: ({ name, data }) => name === 'stray.captured' && strays.push(data.problem),
  });
  const { client } = system;
  const sessions = Array.from({ length: 5 }, (_, i) => `s${i}`);
  await Promise.all(sessions.map((sessionId) => withMessages(system, sessionId)));
  const runs = await Promise.all(
    sessions.flatMap((sessionId) =>
      crashing.map(async (agent) => {
        const { runId } = await client.agents.start({ sessionId, agent, restart: 'temporary' });
        const { status, error } = await client.agents.wait({ sessionId, runId });
        return { agent, status, own: error?.message === `stray of ${runId}` };
      }),
    ),
  );
  const crashes = strays.length;
  const one = { sessionId: 's0' };
  for (const agent of ['asyncDisposer', 'abortListener']) {
    const { runId } = await client.agents.start({ ...one, agent });
    while (!(await client.agents.get({ ...one, runId })).isRunning);
    await client.agents.stop({ ...one, runId });
  }
  const { runId } = await client.agents.start({ ...one, agent: 'endedRun' });
  const ended = await client.agents.wait({ ...one, runId });
  while (strays.length < crashes + 3) await new Promise((resolve) => setTimeout(resolve, 1));
  const after = await client.agents.get({ ...one, runId });
  await client.messages.send({ ...one, role: 'user', content: 'served' });
  const conditions = (await client.sessions.conditions({})).length;
  await system.close();
  return { runs, crashes, late: strays.length - crashes, status: [ended.status, after.status], conditions };
}

/** Nobody captures: the process must end. */
async function fatal(location: string, agent: string): Promise<void> {
  const system = await open(location);
  await withMessages(system, 's');
  const { seq } = await system.client.agents.start({ sessionId: 's', agent });
  console.log(JSON.stringify({ acknowledged: seq }));
  // The timers of a system keep no process alive.
  setTimeout(() => {}, 2_000);
}

async function recovered(location: string): Promise<object> {
  const system = await open(location);
  const { client } = system;
  const one = { sessionId: 's' };
  const [run] = await client.agents.list(one);
  const { runId = '' } = run ?? {};
  let found = await client.agents.get({ ...one, runId });
  while (found.incarnation < 2) found = await client.agents.get({ ...one, runId });
  const { items } = await client.messages.list(one);
  await client.messages.send({ ...one, role: 'user', content: 'after' });
  await system.close();
  return {
    agent: found.agent,
    incarnation: found.incarnation,
    messages: items.map(({ content }) => content),
  };
}

const [task, ...rest] = process.argv.slice(2);
const [location = '', agent = ''] = rest;
if (task === 'captured') console.log(JSON.stringify(await captured(location)));
if (task === 'fatal') await fatal(location, agent);
if (task === 'recovered') for (const each of rest) console.log(JSON.stringify(await recovered(each)));
if (task === 'unknown') {
  await open(location, { captureStrayErrors: true });
  setTimeout(() => {
    throw new Error('stray of nobody');
  }, 1);
}
