// What the golden stores hold from the session law's version 4 on: sessions that work together, told through the Client behind the first
// story. The story of a format that was published is never changed.
import type { Client, System } from 'holdfast';
import type { ManualClock } from 'holdfast/testing';
import { openStory } from './story.ts';
import { stepAgents } from './story-agents.ts';

/** In one more life of the process. */
export async function tellTogether(location: string, clock: ManualClock): Promise<void> {
  const system = await openStory(location, clock, { agents: stepAgents });
  const { client } = system;
  await tellForks(client);
  await tellHandoffs(client);
  await tellTasks(client);
  await tellSpaces(client);
  await tellMemories(client);
  await tellLocksAndRoster(client);
  await tellTreesAndMail(system, clock);
  await tellSteps(system, clock);
  await system.close();
}

async function tellForks({ sessions, messages, memory, checkpoints }: Client): Promise<void> {
  const one = { sessionId: 'forked' };
  await sessions.create({ ...one, name: 'Forked' });
  await messages.send({ ...one, role: 'user', content: 'before the fork' });
  await memory.set({ ...one, key: 'plan', value: { measure: true } });
  await checkpoints.create({ ...one, name: 'here' });
  const fork = { sessionId: 'fork' };
  await sessions.fork({ ...one, newSessionId: fork.sessionId });
  await messages.send({ ...fork, role: 'assistant', content: 'found in the fork' });
  await memory.set({ ...fork, key: 'plan', value: { measure: true, rewrite: 'by hand' } });
  await sessions.merge({ ...one, fromSessionId: fork.sessionId });
  await messages.send({ ...one, role: 'user', content: 'behind the merge' });
}

async function tellHandoffs({ sessions, handoffs }: Client): Promise<void> {
  for (const sessionId of ['customer', 'visitor', 'desk']) await sessions.create({ sessionId });
  const to = { sessionId: 'desk' };
  const summary = 'wants a refund';
  const { handoffId } = await handoffs.offer({
    sessionId: 'customer',
    to,
    kind: 'context_transfer',
    summary,
  });
  await handoffs.accept({ ...to, handoffId });
  await handoffs.offer({ sessionId: 'visitor', to, kind: 'collaboration', summary: 'is on offer' });
}

async function tellTasks({ sessions, tasks }: Client): Promise<void> {
  const one = { sessionId: 'tasks' };
  await sessions.create(one);
  await tasks.createMany({
    ...one,
    tasks: [
      { taskId: 'a', title: 'A', priority: 3, input: { n: 1 } },
      { taskId: 'b', title: 'B', dependencies: [{ taskId: 'a', onFailure: 'cancel' }] },
      { taskId: 'c', title: 'C', retry: { maxAttempts: 3 } },
      { taskId: 'd', title: 'D' },
    ],
  });
  await tasks.start({ ...one, taskId: 'a', owner: 'anna' });
  await tasks.complete({ ...one, taskId: 'a', epoch: 1, result: { pages: 3 } });
  await tasks.start({ ...one, taskId: 'b', owner: 'anna' });
  await tasks.offer({ ...one, taskId: 'b', epoch: 1, to: 'bert', summary: 'half done' });
  await tasks.start({ ...one, taskId: 'c', owner: 'carl' });
  await tasks.offer({ ...one, taskId: 'c', epoch: 1, to: 'bert', summary: 'taken' });
  await tasks.take({ ...one, taskId: 'c', by: 'bert' });
  await tasks.cancel({ ...one, taskId: 'd', reason: 'not needed' });
}

async function tellSpaces({ sessions, spaces }: Client): Promise<void> {
  const spaceId = 'plan';
  await spaces.create({ spaceId });
  for (const sessionId of ['red', 'green']) {
    await sessions.create({ sessionId });
    await spaces.join({ spaceId, sessionId });
  }
  const red = { spaceId, sessionId: 'red' };
  await spaces.set({ ...red, key: 'title', value: 'first' });
  await spaces.set({ ...red, sessionId: 'green', key: 'title', value: 'second' });
  await spaces.increment({ ...red, key: 'count', by: 4 });
  await spaces.patch({ ...red, key: 'facts', patch: { a: 1 } });
  await spaces.set({ ...red, key: 'gone', value: 1 });
  await spaces.delete({ ...red, key: 'gone' });
}

async function tellMemories({ sessions, memories, analysis }: Client): Promise<void> {
  const one = { sessionId: 'memories' };
  await sessions.create(one);
  await memories.propose({ ...one, content: 'the sky is blue', importance: 0.9 });
  await memories.promote({ ...one, memoryId: 'm1' });
  await memories.share({ ...one, memoryId: 'm1', scope: 'app' });
  await memories.propose({ ...one, content: { maybe: true } });
  await analysis.cacheFile({ ...one, path: 'a.ts', content: "import 'b'" });
}

async function tellLocksAndRoster({ locks, roster }: Client): Promise<void> {
  await locks.acquire({ sessionId: 'red', name: 'build' });
  await locks.acquire({ sessionId: 'green', name: 'build', waitMs: 0 }).catch(() => undefined);
  await roster.join({ sessionId: 'red', role: 'tester', liveness: 'lease' });
  await roster.join({ sessionId: 'green', role: 'writer', liveness: 'lease' });
  await roster.assign({ sessionId: 'red', title: 'look around', role: 'tester' });
}

const settled = async (clock: ManualClock): Promise<void> => {
  for (let n = 0; n < 20; n++) {
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(5);
  }
};

async function tellTreesAndMail({ client }: System, clock: ManualClock): Promise<void> {
  const { sessions, trees, mail, agents } = client;
  await sessions.create({ sessionId: 'top' });
  await trees.setBudget({ sessionId: 'top', budget: { tokens: 1_000 } });
  for (const childId of ['returned', 'open']) await trees.open({ sessionId: 'top', childId, link: 'return' });
  const { runId } = await agents.start({ sessionId: 'open', agent: 'spender' });
  await agents.wait({ sessionId: 'open', runId });
  await trees.return({ sessionId: 'returned', result: { answer: 42 } });
  await trees.wait({ sessionId: 'top', childId: 'returned' });
  await mail.send({ sessionId: 'open', to: 'top', name: 'note', payload: ['read me'] });
  await mail.send({ sessionId: 'open', to: 'nobody', name: 'note', payload: 'lost' });
  await settled(clock);
}

async function tellSteps({ client }: System, clock: ManualClock): Promise<void> {
  const one = { sessionId: 'steps' };
  await client.sessions.create(one);
  await client.agents.start({ ...one, agent: 'stepper', input: { order: 7 } });
  await settled(clock);
  // It waits, and is parked.
  const isParked = async (): Promise<boolean> =>
    (await client.agents.list({ ...one, status: ['parked'] })).length > 0 &&
    (await client.agents.waits(one)).some(({ kind }) => kind === 'signal');
  while (!(await isParked())) {
    await clock.advance(500);
    await settled(clock);
  }
}
