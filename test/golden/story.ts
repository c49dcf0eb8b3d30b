// What the golden stores hold: one session of each kind, told through the Client under a clock that stands still. The story of
// a format that was published is never changed.
import { createSystem, type System, type SystemOptions } from 'holdfast';
import { type ManualClock, manualClock } from 'holdfast/testing';

/** Time in the stores begins here. */
const storyStart = Date.UTC(2026, 0, 1);

const agents = {
  worker: async () => ({ done: true }),
  failing: async () => {
    throw Object.assign(new Error('the tool is gone'), { code: 'TOOL_GONE' });
  },
  waiting: ({ signal }: { readonly signal: AbortSignal }) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true })),
};

export function openStory(location: string, clock: ManualClock, options: Partial<SystemOptions> = {}) {
  return createSystem({ location, clock, agents, ...options });
}

/** Tells the story in two lives of the process, so that tables and a log are there. */
export async function tellStory(location: string): Promise<ManualClock> {
  const clock = manualClock(storyStart);
  const first = await openStory(location, clock);
  await tellContent(first, clock);
  await tellLives(first, clock);
  await first.close();
  const second = await openStory(location, clock);
  await tellAgents(second, clock);
  await second.close();
  return clock;
}

async function tellContent({ client }: System, clock: ManualClock): Promise<void> {
  const one = { sessionId: 'content' };
  await client.sessions.create({
    ...one,
    name: 'Content',
    metadata: { tier: 'gold' },
    llmConfig: { model: 'm' },
  });
  await client.sessions.configure({ ...one, config: { messageWindow: 120 } });
  await client.messages.send({ ...one, role: 'system', content: 'Be brief.' });
  await client.messages.send({ ...one, role: 'user', content: '' });
  const pinned = await client.messages.send({
    ...one,
    role: 'assistant',
    content: null,
    toolCalls: [{ id: 't', n: 1 }],
  });
  await client.messages.send({ ...one, role: 'tool', content: [{ text: 'ü 日本 \u2028' }], toolCallId: 't' });
  await client.messages.pin({ ...one, seq: pinned.seq });
  for (let n = 1; n <= 130; n++) {
    await clock.advance(10);
    await client.messages.send(
      { ...one, role: 'user', content: `message ${n}` },
      { idempotencyKey: `key-${n}` },
    );
  }
  await client.files.add({ ...one, path: 'src/a.ts', metadata: { language: 'ts', lineCount: 3 } });
  await client.files.add({ ...one, path: 'src/b.ts' });
  await client.files.index({ ...one, path: 'src/a.ts', metadata: { lineCount: 4 } });
  await client.files.remove({ ...one, path: 'src/b.ts' });
  await client.memory.set({ ...one, key: 'plan', value: { steps: [1, 2, 3], done: false } });
  await client.memory.set({ ...one, key: 'gone', value: 1 });
  await client.memory.delete({ ...one, key: 'gone' });
}

async function tellLives({ client }: System, clock: ManualClock): Promise<void> {
  for (const sessionId of ['paused', 'ended', 'archived', 'deleted', 'restored', 'dormant', 'cleared'])
    await client.sessions.create({ sessionId, parentSessionId: 'content' });
  await client.sessions.create({ sessionId: 'weak', durability: 'os' });
  await client.messages.send({ sessionId: 'weak', role: 'user', content: 'soon on the disk' });
  await client.messages.send({ sessionId: 'restored', role: 'user', content: 'kept' });
  await client.sessions.save({ sessionId: 'restored' });
  await client.messages.send({ sessionId: 'cleared', role: 'user', content: 'forgotten' });
  await client.messages.clear({ sessionId: 'cleared' });
  await clock.advance(1_000);
  await client.sessions.pause({ sessionId: 'paused', reason: 'lunch' });
  await client.sessions.hibernate({ sessionId: 'dormant' });
  for (const sessionId of ['ended', 'archived', 'deleted', 'restored'])
    await client.sessions.terminate({ sessionId, reason: 'done' });
  await client.sessions.archive({ sessionId: 'archived' });
  await client.sessions.delete({ sessionId: 'deleted' });
  await client.sessions.restore({ sessionId: 'restored' });
}

async function tellAgents({ client }: System, clock: ManualClock): Promise<void> {
  for (const sessionId of ['agents', 'quarantined']) await client.sessions.create({ sessionId });
  const { runId } = await client.agents.start({
    sessionId: 'agents',
    agent: 'worker',
    input: { n: 1 },
    role: 'hand',
  });
  await client.agents.wait({ sessionId: 'agents', runId });
  const waiting = await client.agents.start({ sessionId: 'agents', agent: 'waiting' });
  await client.agents.stop({ sessionId: 'agents', runId: waiting.runId, reason: 'enough' });
  await client.agents.start({ sessionId: 'agents', agent: 'waiting', restart: 'permanent' });
  await client.agents.start({ sessionId: 'quarantined', agent: 'failing' });
  while ((await client.sessions.conditions({ condition: 'quarantined' })).length === 0)
    await clock.advance(1_000);
}
