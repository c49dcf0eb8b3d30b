// What was handed over, or was on offer, goes along with a session that is taken to another store.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportSession, importSession } from 'holdfast';
import { expect, onTestFinished, test } from 'vitest';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { quiet } from '../support/outcome.ts';

async function place(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return join(folder, 'a.capsule');
}

async function two(): Promise<TestSystem> {
  const test = await createTestSystem();
  onTestFinished(() => test.close());
  for (const sessionId of ['customer', 'desk']) await test.client.sessions.create({ sessionId });
  return test;
}

const offer = { sessionId: 'customer', to: { sessionId: 'desk' }, kind: 'full_handoff' } as const;

test('an offer that came with its session is in the inbox, is accepted, and is delivered', async () => {
  const file = await place();
  const { client: here } = await two();
  await here.handoffs.offer(offer);
  await exportSession(here, { sessionId: 'customer', file });

  await using there = await createTestSystem();
  const { sessions, handoffs, messages } = there.client;
  await sessions.create({ sessionId: 'desk' });
  await importSession(there.client, { file });
  const [offered] = await handoffs.inbox({ sessionId: 'desk' });
  const accepted = await handoffs.accept({ sessionId: 'desk', handoffId: offered?.handoffId ?? '' });
  expect(accepted).toMatchObject({ owner: 'desk', delivered: true });
  expect((await messages.list({ sessionId: 'desk' })).items).toHaveLength(1);
  expect((await sessions.get({ sessionId: 'customer' })).status).toBe('terminated');
});

test('a session that was restored behind its handoff is not ended once more where it is imported', async () => {
  const file = await place();
  const { client: here, clock } = await two();
  const { handoffId } = await here.handoffs.offer(offer);
  await here.handoffs.accept({ sessionId: 'desk', handoffId });
  await here.sessions.save({ sessionId: 'customer' });
  await clock.advance(1);
  await here.sessions.restore({ sessionId: 'customer' });
  await exportSession(here, { sessionId: 'customer', file });

  await using there = await createTestSystem();
  const { sessions, handoffs } = there.client;
  for (const sessionId of ['x', 'y']) await sessions.create({ sessionId });
  await handoffs.offer({ sessionId: 'x', to: { sessionId: 'y' }, kind: 'collaboration' });
  await importSession(there.client, { file });
  await quiet(50);
  expect((await sessions.get({ sessionId: 'customer' })).status).toBe('active');
});
