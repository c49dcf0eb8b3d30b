// A quarantined session takes no writes until a retry has made it well, also when the retry gets half way.
import { expect, test } from 'vitest';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };
const message = { ...one, role: 'user', content: 'x' } as const;

/** A session whose agent failed until it was quarantined, and would write at once if it ran again. */
async function quarantined(): Promise<TestSystem & { readonly runs: string[] }> {
  const runs: string[] = [];
  const agent = async ({ session, signal }: AgentContext): Promise<void> => {
    if (session.incarnation <= 6) throw new Error('no model');
    runs.push(await codeOf(session.messages.send({ role: 'assistant', content: 'back' })));
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  };
  const test = await createTestSystem({ agents: { agent }, passivateAfterMs: null });
  await test.client.sessions.create(one);
  await test.client.agents.start({ ...one, agent: 'agent' });
  for (let i = 0; i < 20; i++) {
    await quiet();
    await test.clock.advance(5_000);
  }
  expect((await test.client.sessions.get(one)).status).toBe('quarantined');
  return Object.assign(test, { runs });
}

test.each(['resume', 'stop'] as const)(
  'a retry that cannot be recorded leaves the session as it was (agents: %s)',
  async (agents) => {
    await using test = await quarantined();
    const { client, disk, clock, runs } = test;
    const before = (await client.events.list(one)).items.length;
    disk.failWrites(() => 'before');
    disk.failOpens(3);
    const retrying = codeOf(client.sessions.retry({ ...one, agents }));
    await quiet();
    const meanwhile = await codeOf(client.messages.send(message));
    expect(meanwhile).toBe('SESSION_QUARANTINED');
    expect(runs).toEqual([]);
    disk.heal();
    await clock.advance(20_000);
    const outcome = await retrying;
    const { status } = await client.sessions.get(one);
    expect([outcome, status]).toEqual(
      agents === 'stop' ? ['SESSION_QUARANTINED', 'quarantined'] : ['answered', 'active'],
    );
    if (agents === 'resume') return;
    expect(test.system.activeSessions).toBe(0);
    expect(await codeOf(client.messages.send(message))).toBe('SESSION_QUARANTINED');
    expect((await client.events.list(one)).items.length).toBe(before);
    await client.sessions.retry(one);
    await quiet();
    expect(runs).toEqual(['answered']);
  },
);

test('retries at once bring it back once, and what comes after them is taken', async () => {
  await using test = await quarantined();
  const { client, runs } = test;
  const retries = await Promise.all(Array.from({ length: 5 }, () => codeOf(client.sessions.retry(one))));
  expect(new Set(retries)).toEqual(new Set(['answered']));
  await client.messages.send(message);
  await quiet();
  expect(runs).toEqual(['answered']);
  expect((await client.agents.list(one)).map(({ incarnation }) => incarnation)).toEqual([7]);
});

test('what was answered before the quarantine is answered again from the record, and nothing else is', async () => {
  const agents = { agent: () => Promise.reject(new Error('no model')) };
  await using test = await createTestSystem({ agents, passivateAfterMs: null });
  const { client } = test;
  await client.sessions.create(one);
  const key = { idempotencyKey: 'once' };
  const { seq } = await client.messages.send(message, key);
  const file = { ...one, path: 'a.ts' };
  const added = await client.files.add(file, { idempotencyKey: 'file' });
  await client.agents.start({ ...one, agent: 'agent' });
  for (let i = 0; i < 20; i++) {
    await quiet();
    await test.clock.advance(5_000);
  }
  expect((await client.sessions.get(one)).status).toBe('quarantined');
  expect(await client.messages.send(message, key)).toMatchObject({ seq, repeated: true });
  expect(await client.files.add(file, { idempotencyKey: 'file' })).toEqual({ ...added, repeated: true });
  expect(await codeOf(client.messages.send({ ...message, content: 'y' }, key))).toBe(
    'IDEMPOTENCY_KEY_REUSED',
  );
  expect(await codeOf(client.messages.send(message, { idempotencyKey: 'another' }))).toBe(
    'SESSION_QUARANTINED',
  );
  expect(await codeOf(client.messages.send(message))).toBe('SESSION_QUARANTINED');
});

test('a retry answers with where the session stands, also the second time', async () => {
  await using test = await quarantined();
  const { client } = test;
  const key = { idempotencyKey: 'once' };
  const { seq } = await client.sessions.get(one);
  const first = await client.sessions.retry({ ...one, agents: 'stop' }, key);
  expect(first).toEqual({ seq: expect.any(Number), durability: 'fsync', condition: null });
  expect(first.seq).toBeGreaterThan(seq);
  expect((await client.sessions.get(one)).seq).toBe(first.seq);
  const { seq: next } = await client.messages.send(message);
  expect(await client.sessions.retry({ ...one, agents: 'stop' }, key)).toEqual({ ...first, repeated: true });
  expect(await client.sessions.retry(one)).toEqual({ ...first, seq: next });
});
