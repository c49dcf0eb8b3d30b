// A planner opens a session for each part of its work, and its process goes in the middle: the next one waits for the same results. Two
// sessions write to each other; one message finds nobody, and comes back. Everything that was spent is known at the top.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type AgentContext, type AgentDefinitions, createSystem, type System } from 'holdfast';

const location = await mkdtemp(join(tmpdir(), 'holdfast-'));

const agents: AgentDefinitions = {
  async planner({ session, step }: AgentContext) {
    const parts = ['facts', 'prices'];
    for (const childId of parts)
      await step(`open ${childId}`, async ({ idempotencyKey }) => {
        await session.trees.open({ childId, link: 'terminate' }, { idempotencyKey });
        return childId;
      });
    const results = await Promise.all(parts.map((childId) => session.trees.wait({ childId })));
    return results.map(({ result }) => result);
  },
  async researcher({ session, report, input }: AgentContext<string>) {
    await report({ tokens: 100, cost: 0.25 });
    await session.mail.send({ to: 'plan', name: 'news', payload: `${input} are in` });
    await session.trees.return({ result: `${input}, found` });
  },
};

const open = (): Promise<System> => createSystem({ location, agents });
let system = await open();
try {
  await system.client.sessions.create({ sessionId: 'plan', treeBudget: { tokens: 1_000 } });
  const { runId } = await system.client.agents.start({ sessionId: 'plan', agent: 'planner' });
  while ((await system.client.trees.get({ sessionId: 'plan' })).children.length < 2) await pause(5);
  await system.close();

  system = await open();
  const { client } = system;
  for (const part of ['facts', 'prices'])
    await client.agents.start({ sessionId: part, agent: 'researcher', input: part });
  const planned = await client.agents.wait({ sessionId: 'plan', runId });
  assert.deepEqual(planned.result, ['facts, found', 'prices, found']);

  const news = [];
  for (let i = 0; i < 2; i++) news.push((await client.mail.receive({ sessionId: 'plan' }))?.payload);
  assert.deepEqual(news.sort(), ['facts are in', 'prices are in']);
  const { usage } = await client.trees.get({ sessionId: 'plan' });
  assert.deepEqual(usage.total, { tokens: 200, cost: 0.5 });

  await client.mail.send({ sessionId: 'plan', to: 'nobody', name: 'thanks' });
  while ((await client.mail.undelivered()).length === 0) await pause(5);
  const [dead] = await client.mail.deadLetters({ sessionId: 'plan' });
  assert.equal(dead?.code, 'SESSION_NOT_FOUND');
  console.log(
    `Planned over a restart: ${JSON.stringify(planned.result)}; ${usage.total.tokens} tokens in all.`,
  );
  console.log(`News: ${news.join(', ')}. A message to nobody came back: ${dead.code}.`);
} finally {
  await system.close();
  await rm(location, { recursive: true, force: true });
}
