// Stores that earlier versions wrote are read by this one: everything that a client could read then, it reads now.
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SystemOptions } from 'holdfast';
import { manualClock } from 'holdfast/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { accountOf } from '../golden/account.ts';
import { openStory } from '../golden/story.ts';
import { stepAgents } from '../golden/story-agents.ts';

const golden = fileURLToPath(new URL('../golden', import.meta.url));
const entries = await readdir(golden, { withFileTypes: true });
const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);

const scratch: string[] = [];
afterEach(() => Promise.all(scratch.splice(0).map((path) => rm(path, { recursive: true, force: true }))));

async function openGolden(name: string, agents: SystemOptions['agents'] = {}) {
  const location = await mkdtemp(join(tmpdir(), 'golden-'));
  scratch.push(location);
  await cp(join(golden, name, 'data'), location, { recursive: true });
  const account = JSON.parse(await readFile(join(golden, name, 'account.json'), 'utf8')) as { now: number };
  const system = await openStory(location, manualClock(account.now), { agents });
  return { system, account };
}

describe.each(names)('the golden store %s', (name) => {
  test('shows what it showed when it was written', async () => {
    const { system, account } = await openGolden(name);
    await using _ = system;
    const { now: __, ...written } = account;
    expect(await accountOf(system.client)).toMatchObject(written);
  });

  test('goes on: numbers continue, keys are remembered, what rests wakes', async () => {
    const { system } = await openGolden(name);
    await using _ = system;
    const { client } = system;
    const one = { sessionId: 'content' };
    const last = { ...one, role: 'user', content: 'message 130' } as const;
    const again = await client.messages.send(last, { idempotencyKey: 'key-130' });
    expect(again).toMatchObject({ repeated: true, messages: 134 });
    const next = await client.messages.send({ ...one, role: 'user', content: 'and on' });
    expect(next).toMatchObject({ entry: again.entry + 3, messages: 135 });
    const woken = await client.messages.send({ sessionId: 'dormant', role: 'user', content: 'up' });
    expect(woken.messages).toBe(1);
    const refused = client.sessions.create({ sessionId: 'deleted' });
    await expect(refused).rejects.toMatchObject({ code: 'SESSION_EXISTS' });
  });
});

test('sessions that work together go on from their golden store', async () => {
  const { system } = await openGolden('format-1-law-4', stepAgents);
  await using _ = system;
  const { agents, tasks, handoffs, locks, spaces, trees, mail, memories, sessions } = system.client;
  const [wait] = await agents.waits({ sessionId: 'steps' });
  const steps = { sessionId: 'steps', runId: wait?.runId ?? '' };
  await agents.signal({ ...steps, name: 'approval', payload: 'granted' });
  expect(await agents.wait(steps)).toMatchObject({
    status: 'completed',
    result: { first: 'reserved', found: { checked: { order: 7, price: 30 } }, answer: 'granted' },
  });
  await tasks.take({ sessionId: 'tasks', taskId: 'b', by: 'bert' });
  await tasks.complete({ sessionId: 'tasks', taskId: 'c', epoch: 2 });
  const [offered] = await handoffs.inbox({ sessionId: 'desk' });
  await handoffs.accept({ sessionId: 'desk', handoffId: offered?.handoffId ?? '' });
  const held = { sessionId: 'red', name: 'build', fencingToken: 1 };
  await locks.release(held);
  expect((await locks.acquire({ sessionId: 'green', name: 'build' })).fencingToken).toBeGreaterThan(1);
  const red = { spaceId: 'plan', sessionId: 'red' };
  expect(await spaces.compareAndSwap({ ...red, key: 'title', version: 5, value: 'third' })).toMatchObject({
    version: 10,
  });
  expect(await trees.wait({ sessionId: 'top', childId: 'returned' })).toMatchObject({
    result: { answer: 42 },
  });
  expect(await mail.receive({ sessionId: 'top', name: 'note' })).toMatchObject({ payload: ['read me'] });
  expect((await memories.search({ sessionId: 'memories', text: 'blue' })).total).toBe(1);
  expect((await sessions.merge({ sessionId: 'forked', fromSessionId: 'fork' })).merged.messages).toBe(0);
});

test('there is a golden store', () => {
  expect(names).toContain('format-1');
});
