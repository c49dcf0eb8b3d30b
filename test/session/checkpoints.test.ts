// Checkpoints and rollbacks as a client meets them: across restarts and kills, with agents at work, held against what they name.
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/hash.ts';
import type { DeliveredEvent } from '../../src/operations/views/views.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf, errorOf, quiet } from '../support/outcome.ts';
import { forgeSnapshot, one, said, say, sessionId, whileClosed, withPast } from '../support/past-sessions.ts';

const reasons = async ({ client }: TestSystem): Promise<readonly string[]> =>
  (await client.checkpoints.list(one)).items.map(({ reason }) => reason);

describe('a checkpoint', () => {
  test('is listed in pages, found by its id and deleted, through restarts', async () => {
    await using test = await withPast();
    const { client } = test;
    const named = { ...one, name: 'before the plan', description: 'd', metadata: { by: 'me' } };
    const { checkpointId, version, seq, stateHash } = await client.checkpoints.create(named);
    await say(test, 'third');
    await client.sessions.pause(one);
    await test.restart('kill');
    const first = await test.client.checkpoints.list({ ...one, limit: 1 });
    const { sessionId: _, ...kept } = named;
    expect(first).toMatchObject({ items: [{ checkpointId, version, seq, stateHash, ...kept }] });
    const { cursor = '' } = first;
    const rest = await test.client.checkpoints.list({ ...one, cursor });
    expect(rest).toMatchObject({ items: [{ reason: 'pause', version: 8 }] });
    expect(rest.cursor).toBeUndefined();
    await test.client.checkpoints.delete({ ...one, checkpointId });
    expect(await codeOf(test.client.checkpoints.get({ ...one, checkpointId }))).toBe('CHECKPOINT_NOT_FOUND');
    expect(await codeOf(test.client.checkpoints.delete({ ...one, checkpointId }))).toBe(
      'CHECKPOINT_NOT_FOUND',
    );
    expect(await reasons(test)).toEqual(['pause']);
  });

  test('has the hash of its record, and a repeat of its making makes no other', async () => {
    await using test = await withPast();
    const { client } = test;
    const [a, b] = [
      await client.checkpoints.create(one, { idempotencyKey: 'k' }),
      await client.checkpoints.create(one, { idempotencyKey: 'k' }),
    ];
    expect(b).toEqual({ ...a, repeated: true });
    const { hash } = await client.checkpoints.get({ ...one, checkpointId: a.checkpointId });
    const { items } = await client.sessions.anchors();
    expect(items).toEqual([{ stream: 'session/s', sessionId, seq: a.seq, chain: hash }]);
  });

  test('wakes nobody: a dormant session stays dormant', async () => {
    await using test = await withPast();
    await test.client.sessions.hibernate(one);
    await test.client.checkpoints.create(one);
    expect((await test.client.sessions.get(one)).status).toBe('dormant');
  });

  test('has small metadata, and is of a session that is open', async () => {
    await using test = await withPast();
    const { client } = test;
    const large = client.checkpoints.create({ ...one, metadata: { text: 'x'.repeat(5_000) } });
    expect(await codeOf(large)).toBe('TOO_LARGE');
    await client.sessions.terminate(one);
    expect(await codeOf(client.checkpoints.create(one))).toBe('SESSION_NOT_ACTIVE');
    expect(await codeOf(client.checkpoints.create({ sessionId: 'none' }))).toBe('SESSION_NOT_FOUND');
  });

  test('is made when the system closes, of sessions that want it and have changed, after their agents', async () => {
    const config = { checkpointOn: ['shutdown'] as const };
    await using test = await withPast({
      agents: {
        async last({ session, signal }) {
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
          await session.messages.send({ role: 'user', content: 'too late' }).catch(() => undefined);
        },
      },
    });
    const { client } = test;
    await client.sessions.configure({ ...one, config: { checkpointOn: [...config.checkpointOn] } });
    await client.sessions.create({ sessionId: 'other' });
    await client.agents.start({ ...one, agent: 'last' });
    await quiet();
    await test.restart();
    expect(await reasons(test)).toEqual(['shutdown']);
    const { items } = await test.client.events.list(one);
    expect(items.filter(({ type }) => type === 'checkpoint.created')).toHaveLength(1);
    expect((await test.client.checkpoints.list({ sessionId: 'other' })).items).toEqual([]);
    await test.client.agents.list(one);
    await test.client.agents.stop({ ...one, runId: (await test.client.agents.list(one))[0]?.runId ?? '' });
    await test.restart();
    await test.restart();
    expect(await reasons(test)).toEqual(['shutdown', 'shutdown']);
  });
});

describe('a rollback', () => {
  test('brings back what was, survives a kill, and is rolled back itself', async () => {
    await using test = await withPast();
    const { checkpointId } = await test.client.checkpoints.create({ ...one, name: 'good' });
    await say(test, 'regretted');
    await test.client.memory.delete({ ...one, key: 'goal' });
    await test.client.files.remove({ ...one, path: 'a.ts' });
    await test.client.sessions.configure({ ...one, name: 'beta' });
    const { undo, status } = await test.client.sessions.rollback({
      ...one,
      checkpointId,
      reason: 'wrong turn',
    });
    expect(status).toBe('active');
    const isGood = async (): Promise<void> => {
      const { client } = test;
      expect(await said(test)).toEqual(['first', 'second']);
      expect(await client.memory.get({ ...one, key: 'goal' })).toMatchObject({ value: 'ship' });
      expect(await client.files.list(one)).toMatchObject([{ path: 'a.ts' }]);
      const details = await client.sessions.get(one);
      expect(details).toMatchObject({ name: 'alpha', messages: 2, entries: 4, reason: 'wrong turn' });
      expect(await client.sessions.list()).toMatchObject({ items: [{ name: 'alpha', messages: 2 }] });
    };
    await isGood();
    await test.restart('kill');
    await isGood();
    expect(await reasons(test)).toEqual(['manual', 'rollback']);
    await test.client.sessions.rollback({ ...one, checkpointId: undo });
    expect(await said(test)).toEqual(['first', 'second', 'regretted']);
    expect(await codeOf(test.client.memory.get({ ...one, key: 'goal' }))).toBe('KEY_NOT_FOUND');
    await test.restart('kill');
    expect((await test.client.sessions.get(one)).name).toBe('beta');
    expect(await test.client.sessions.verify(one)).toMatchObject({ valid: true, problems: [] });
  });

  test('hides what came after from every reading, and nothing is erased', async () => {
    await using test = await withPast();
    const { client } = test;
    const { seq: to } = await client.sessions.get(one);
    await say(test, 'hidden one', 'hidden two');
    const { seq: hidden } = await client.sessions.get(one);
    await client.messages.pin({ ...one, seq: hidden });
    await client.sessions.rollback({ ...one, seq: to });
    await say(test, 'third');
    expect(await said(test)).toEqual(['first', 'second', 'third']);
    const backwards: unknown[] = [];
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await client.messages.list({
        ...one,
        limit: 1,
        newestFirst: true,
        ...(cursor && { cursor }),
      });
      backwards.push(...page.items.map(({ content }) => content));
      cursor = page.cursor;
    }
    expect(backwards).toEqual(['third', 'second', 'first']);
    const { items: newest } = await client.messages.list({ ...one, newestFirst: true });
    expect(newest.map(({ content }) => content)).toEqual(['third', 'second', 'first']);
    for (const call of [client.messages.get, client.messages.pin])
      expect(await codeOf(call({ ...one, seq: hidden }))).toBe('MESSAGE_NOT_FOUND');
    const built = await client.sessions.buildContext({ ...one, maxMessages: 1_000 });
    expect(built.conversation?.map(({ content }) => content)).toEqual(['first', 'second', 'third']);
    expect(built.metadata).toMatchObject({ conversationCount: 3, omittedMessages: 0 });
    const entries = (await client.sessions.entries(one)).items.map(({ entry }) => entry);
    expect(entries).toEqual([1, 2, 3, 6]);
    const { items } = await client.events.list(one);
    expect(JSON.stringify(items)).toContain('hidden two');
    await client.sessions.save(one);
    await client.sessions.restore(one);
    expect(await said(test)).toEqual(['first', 'second', 'third']);
  });

  test('stops the agents at work: what they still try is refused, and none of them comes back', async () => {
    const tried: string[] = [];
    let go = (): void => {};
    const waiting = new Promise<void>((resolve) => {
      go = resolve;
    });
    await using test = await withPast({
      agents: {
        async zombie({ session }) {
          await waiting;
          tried.push(await codeOf(session.messages.send({ role: 'assistant', content: 'late' })));
          return null;
        },
      },
    });
    const { client } = test;
    const { seq } = await client.sessions.get(one);
    const { runId } = await client.agents.start({ ...one, agent: 'zombie' });
    await quiet();
    await client.sessions.rollback({ ...one, seq });
    go();
    await quiet();
    expect(tried).toEqual(['STALE_INCARNATION']);
    expect(await client.agents.get({ ...one, runId })).toMatchObject({
      status: 'stopped',
      reason: 'rolledBack',
    });
    await test.restart('kill');
    await quiet();
    expect(await test.client.agents.list(one)).toMatchObject([{ runId, status: 'stopped', incarnation: 1 }]);
    expect(await said(test)).toEqual(['first', 'second']);
  });

  test('is told with the edge that it takes, and answered once for each key', async () => {
    await using test = await withPast();
    const { client } = test;
    await client.sessions.pause(one);
    const heard: DeliveredEvent[] = [];
    await client.events.subscribe(sessionId, (event) => heard.push(event));
    const call = { ...one, seq: 4 };
    const first = await client.sessions.rollback(call, { idempotencyKey: 'k' });
    await say(test, 'after');
    expect(await client.sessions.rollback(call, { idempotencyKey: 'k' })).toEqual({
      ...first,
      repeated: true,
    });
    expect(heard.map(({ type }) => type)).toEqual([
      ...['checkpoint.created', 'session.statusChanged', 'session.rolledBack', 'message.sent'],
    ]);
    const rolledBack = heard.find(({ type }) => type === 'session.rolledBack');
    const { state = '', stateHash } = (rolledBack?.data ?? {}) as { state?: string; stateHash?: string };
    expect(stateHash).toBe(sha256(state));
  });

  test('is refused where there is nothing to go back to, or nobody to go', async () => {
    await using test = await withPast();
    const { client } = test;
    const code = (input: object): Promise<string> => codeOf(client.sessions.rollback({ ...one, ...input }));
    expect(await code({})).toBe('INVALID_INPUT');
    expect(await code({ seq: 1, checkpointId: 'c9' })).toBe('INVALID_INPUT');
    expect(await code({ seq: 99 })).toBe('INVALID_INPUT');
    expect(await code({ seq: 1 })).toBe('INVALID_INPUT');
    expect(await code({ checkpointId: 'none' })).toBe('CHECKPOINT_NOT_FOUND');
    expect(await code({ sessionId: 'none', seq: 1 })).toBe('SESSION_NOT_FOUND');
    const { seq } = await client.sessions.get(one);
    await client.sessions.terminate(one);
    expect(await code({ seq })).toBe('INVALID_TRANSITION');
    await client.sessions.archive(one);
    expect(await code({ seq })).toBe('INVALID_TRANSITION');
    await client.sessions.delete(one);
    expect(await code({ seq })).toBe('SESSION_NOT_FOUND');
  });

  test('does not land on a state that the checkpoint was not made of, unless that is accepted and recorded', async () => {
    await using test = await withPast();
    const { checkpointId, stateHash } = await test.client.checkpoints.create(one);
    await say(test, ...Array.from({ length: 25 }, (_, i) => `m${i}`));
    await whileClosed(test, (journal) => forgeSnapshot(journal, 4));
    const { client } = test;
    const { seq } = await client.sessions.get(one);
    const refused = await errorOf(client.sessions.rollback({ ...one, checkpointId }));
    expect(refused).toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      details: { sessionId, checkpointId, version: 6, expected: stateHash, found: expect.any(String) },
    });
    expect(await client.sessions.get(one)).toMatchObject({ seq, name: 'alpha' });
    await client.sessions.rollback({ ...one, checkpointId, ignoreCorruption: true });
    expect((await client.sessions.get(one)).name).toBe('forged');
    const { items } = await client.events.list({ ...one, limit: 1_000 });
    const { expected, found } = refused.details;
    expect(items.at(-1)).toMatchObject({ data: { ignoredMismatch: { expected, found } } });
  });

  test('of a restoring brings back what the saved copy replaced', async () => {
    await using test = await withPast();
    const { client } = test;
    await client.sessions.save(one);
    await say(test, 'not in the copy');
    await client.sessions.restore(one);
    expect(await said(test)).toEqual(['first', 'second']);
    const before = (await client.checkpoints.list(one)).items.find(({ reason }) => reason === 'restore');
    await client.sessions.rollback({ ...one, checkpointId: before?.checkpointId ?? '' });
    expect(await said(test)).toEqual(['first', 'second', 'not in the copy']);
  });

  test('of a session that is not journaled reaches as far as memory does', async () => {
    await using test = await createTestSystem({ passivateAfterMs: null });
    const { client } = test;
    await client.sessions.create({ ...one, durability: 'none' });
    await say(test, 'first');
    await client.sessions.pause(one);
    await client.sessions.rollback({ ...one, seq: 3 });
    expect(await said(test)).toEqual(['first']);
    await say(test, ...Array.from({ length: 900 }, (_, i) => `m${i}`));
    expect(await codeOf(client.sessions.rollback({ ...one, seq: 3 }))).toBe('HISTORY_TRIMMED');
    expect((await client.sessions.anchors()).items).toEqual([]);
  });
});
