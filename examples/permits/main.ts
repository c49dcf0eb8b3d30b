// Forty agents of four customers share a model that takes three calls at once and now and then says that it is too much: never more than
// three are under way, everybody waits when it says so, and all of them finish.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type AgentContext, createSystem } from 'holdfast';

const location = await mkdtemp(join(tmpdir(), 'holdfast-'));
let underWay = 0;
let most = 0;
let calls = 0;

async function model(): Promise<string> {
  most = Math.max(most, ++underWay);
  calls += 1;
  await pause(5);
  underWay -= 1;
  if (calls % 10 === 0)
    throw Object.assign(new Error('too many requests'), { status: 429, retryAfterMs: 20 });
  return 'an answer';
}

const system = await createSystem({
  location,
  permits: { model: { inFlight: 3, perTree: { inFlight: 2 } } },
  agents: {
    writer: ({ permits }: AgentContext) =>
      permits.use('model', async ({ attempt, report }) => {
        const answer = await model();
        await report({ tokens: 12 });
        return { answer, attempt };
      }),
  },
});
try {
  const { client } = system;
  const customers = ['ann', 'bob', 'cleo', 'dan'];
  for (const sessionId of customers) await client.sessions.create({ sessionId });
  const runs = await Promise.all(
    customers.flatMap((sessionId) =>
      Array.from({ length: 10 }, async () => {
        const { runId } = await client.agents.start({ sessionId, agent: 'writer' });
        return client.agents.wait({ sessionId, runId });
      }),
    ),
  );
  const [key] = await client.permits.list();
  assert.ok(runs.every(({ status, crashes }) => status === 'completed' && crashes === 0));
  assert.equal(most, 3);
  assert.equal(key?.held, 0);
  const again = runs.filter(({ result }) => (result as { attempt: number }).attempt > 1).length;
  console.log(
    `40 agents, ${calls} calls, never more than ${most} at once; ${again} were told to come back, and did.`,
  );
} finally {
  await system.close();
  await rm(location, { recursive: true, force: true });
}
