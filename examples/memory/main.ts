// What sessions remember: an agent proposes, the queue is judged, what is kept is shared with another session, found there, and
// erased; beside it a summary, ranked tools and an analysis of code, all without a model.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentContext, createSystem, type SystemOptions } from 'holdfast';

/** It decides nothing: what is worth keeping is judged by the numbers. */
async function listener({ session }: AgentContext): Promise<number> {
  const { items } = await session.messages.list();
  for (const { content, seq } of items) {
    const isTelling = String(content).includes('prefer');
    await session.memories.propose({
      ...{ content: String(content), sources: [seq], importance: isTelling ? 0.9 : 0.1 },
      ...(isTelling && { kind: 'preference', tags: ['seat'] }),
    });
  }
  return items.length;
}

const location = await mkdtemp(join(tmpdir(), 'holdfast-'));
const options: SystemOptions = {
  location,
  agents: { listener },
  summarisers: {
    shout: ({ messages }) => `${messages.length} MESSAGES`,
    broken: () => Promise.reject(new Error('the model is not there')),
  },
};
const owner = 'ann';
try {
  const first = await createSystem(options);
  const { client } = first;
  const { sessionId } = await client.sessions.create({ sessionId: 'monday' });
  for (const content of ['Good morning!', 'I prefer an aisle seat near the front of the plane.'])
    await client.messages.send({ sessionId, role: 'user', name: owner, content });

  const { runId } = await client.agents.start({ sessionId, agent: 'listener' });
  assert.equal((await client.agents.wait({ sessionId, runId })).result, 2);
  assert.equal((await client.memories.pending({ sessionId })).length, 2);
  const { promoted } = await client.memories.evaluate({ sessionId });
  const [memoryId = ''] = promoted;
  const memory = await client.memories.get({ sessionId, memoryId });
  assert.deepEqual([memory.why, memory.origin.runId], ['importance', runId]);
  await client.memories.share({ sessionId, memoryId, scope: 'user', owner });
  await first.close();

  // Another process, another session of the same person.
  await using second = await createSystem(options);
  const { memories, sessions, tools, analysis, messages } = second.client;
  const other = { sessionId: 'friday' };
  await sessions.create(other);
  const found = await memories.search({ ...other, scope: 'user', owner, text: 'which seat' });
  assert.deepEqual(
    found.items.map(({ sessionId, content }) => [sessionId, content]),
    [['monday', 'I prefer an aisle seat near the front of the plane.']],
  );

  // Erased where it was said, it is found nowhere.
  assert.equal((await memories.erase({ sessionId, memoryId, reason: 'asked to' })).erased, 1);
  assert.equal((await memories.search({ ...other, scope: 'user', owner })).total, 0);

  // A summary without a model, by a function, and by one that fails.
  await messages.send({
    ...other,
    role: 'user',
    content: 'My flight was cancelled. Please refund my flight.',
  });
  const { summary, keyPoints } = await sessions.summary(other);
  assert.equal(summary, 'My flight was cancelled. Please refund my flight.');
  assert.equal((await sessions.summary(other)).cached, true);
  assert.equal((await sessions.summary({ ...other, summariser: 'shout' })).summary, '1 MESSAGES');
  const { by, degraded } = await sessions.summary({ ...other, summariser: 'broken' });
  assert.deepEqual([by, degraded?.problem], ['extractive', 'the model is not there']);

  const names = ['book_hotel', 'refund_flight', 'search_web'];
  const [best] = await tools.rank({ ...other, tools: names.map((name) => ({ name })) });
  assert.equal(best?.name, 'refund_flight');

  const content = "import { seat } from './seat.ts';\nexport class Plane {}\n";
  await analysis.cacheFile({ ...other, path: 'plane.ts', content });
  const [plane] = (await analysis.run(other)).files;
  assert.deepEqual(plane?.analysis.dependencies, { relative: ['./seat.ts'], external: [] });
  console.log(`${keyPoints.length} key points, ${best.name} first, nothing remembered that was erased`);
} finally {
  await rm(location, { recursive: true });
}
