// One incarnation speaks for a run, and it is the one that lives: what an older one still had on its way takes nothing from it,
// and whoever waits for a run is not left behind.
import { expect, test } from 'vitest';
import type { AgentContext, AgentDefinitions } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, quiet, watch } from '../support/outcome.ts';

const one = { sessionId: 's' };

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

async function started(agents: AgentDefinitions): Promise<TestSystem> {
  const test = await createTestSystem({ agents, passivateAfterMs: null });
  await test.client.sessions.create(one);
  return test;
}

/** An agent that does nothing, and the contexts that its incarnations were given. */
function idling() {
  const contexts: AgentContext[] = [];
  const agent = async (context: AgentContext): Promise<void> => {
    contexts.push(context);
    await untilAborted(context.signal);
  };
  return { contexts, agents: { agent } };
}

test('an incarnation that was stopped while its start could not be recorded does not take the place of the next', async () => {
  const { contexts, agents } = idling();
  await using test = await started(agents);
  const { client, disk, clock } = test;
  const { runId } = await client.agents.start({ ...one, agent: 'agent' });
  await quiet();
  await client.sessions.pause(one);
  const before = disk.writes;
  disk.failWrites((write) => (write === before + 2 ? 'before' : undefined));
  await client.sessions.resume(one);
  await quiet();
  expect(disk.writes).toBe(before + 2);
  await client.sessions.pause(one);
  await client.sessions.resume(one);
  await quiet();
  await clock.advance(10_000);
  expect(contexts.length).toBe(2);
  expect((await client.agents.get({ ...one, runId })).incarnation).toBe(2);
  await contexts[1]?.session.memory.set({ key: 'k', value: 'it still speaks for its run' });
});

test('an agent that fails because the handle of another was revoked has crashed, and runs again', async () => {
  let borrowed: AgentContext | undefined;
  let runs = 0;
  await using test = await started({
    async lender(context: AgentContext) {
      borrowed = context;
    },
    async borrower() {
      runs += 1;
      if (runs === 1) await borrowed?.session.messages.send({ role: 'user', content: 'not mine' });
      return 'done';
    },
  });
  const { client } = test;
  const lender = await client.agents.start({ ...one, agent: 'lender' });
  await client.agents.wait({ ...one, runId: lender.runId });
  const borrower = await client.agents.start({ ...one, agent: 'borrower' });
  await quiet();
  await test.clock.advance(1_000);
  expect(await client.agents.get({ ...one, runId: borrower.runId })).toMatchObject({
    ...{ status: 'completed', crashes: 1, incarnation: 2 },
  });
});

type Act = (session: AgentContext['session'], options: { readonly signal: AbortSignal }) => Promise<unknown>;

test.each<[string, Act]>([
  ['save the session', (session, options) => session.save({}, options)],
  ['forget its saved copy', (session, options) => session.deleteSaved({}, options)],
  [
    'publish what is not journaled',
    (session, options) =>
      session.events.publish({ type: 'llm.chunkStreamed', data: { content: 'late' } }, options),
  ],
])('no law decides whether to %s: once the signal is aborted it is not done any more', async (_, act) => {
  const { contexts, agents } = idling();
  await using test = await started(agents);
  const { client } = test;
  await client.sessions.save(one);
  const saved = await client.sessions.listSaved({});
  const heard: string[] = [];
  await client.events.subscribe(one.sessionId, ({ type }) => heard.push(type));
  await client.agents.start({ ...one, agent: 'agent' });
  await quiet();
  await test.clock.advance(5);
  const [context] = contexts;
  if (context === undefined) throw new Error('the agent does not run');
  const caller = new AbortController();
  const acting = codeOf(act(context.session, caller));
  caller.abort();
  expect(await acting).toBe('20');
  await quiet();
  expect(await client.sessions.listSaved({})).toEqual(saved);
  expect(heard).toEqual(['agent.started']);
});

test.each<['close' | 'abort']>([['close'], ['abort']])(
  'whoever waits for an agent that does not end is told so by %s',
  async (how) => {
    const { agents } = idling();
    const test = await started(agents);
    const { runId } = await test.client.agents.start({ ...one, agent: 'agent' });
    const caller = new AbortController();
    const waiting = watch(test.client.agents.wait({ ...one, runId }, { signal: caller.signal }));
    await quiet();
    expect(waiting.outcome).toBe('waiting');
    if (how === 'abort') caller.abort();
    await test.close();
    await quiet();
    expect(waiting.outcome).toBe(how === 'close' ? 'SYSTEM_NOT_SERVING' : '20');
  },
);

test.each<[string, unknown]>([
  ['nothing at all', undefined],
  ['what has no text', Object.create(null)],
  [
    'a proxy that lets nobody look',
    new Proxy(new Error('x'), { get: () => never(), getPrototypeOf: () => never() }),
  ],
  [
    'an error without a message to read',
    Object.defineProperty(new Error('x'), 'message', { get: () => never() }),
  ],
])('an agent that throws %s has failed like any other', async (_, thrown) => {
  await using test = await started({ agent: () => Promise.reject(thrown) });
  const { client } = test;
  const { runId } = await client.agents.start({ ...one, agent: 'agent', restart: 'temporary' });
  expect(await client.agents.wait({ ...one, runId })).toMatchObject({
    status: 'failed',
    error: { name: 'Error' },
  });
  await client.messages.send({ ...one, role: 'user', content: 'all is well' });
});

function never(): never {
  throw new Error('nobody may look at it');
}
