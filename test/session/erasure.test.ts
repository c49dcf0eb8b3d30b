// Erasing through a whole system: what was said is gone wherever it can be asked for, what happened stays and verifies.
import type { DeliveredEvent } from 'holdfast';
import { describe, expect, test } from 'vitest';
import { sessionStream } from '../../src/domain/session/session-law.ts';
import { keys } from '../../src/journal/keys.ts';
import { eraseRecord } from '../../src/journal/record.ts';
import { nthWrite } from '../../src/testing/faulty-level.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf } from '../support/outcome.ts';

const sessionId = 's';
const one = { sessionId };
const secret = 'SECRET-4711';

const say = async ({ client }: TestSystem, ...texts: string[]): Promise<number[]> => {
  const seqs: number[] = [];
  for (const content of texts) seqs.push((await client.messages.send({ ...one, role: 'user', content })).seq);
  return seqs;
};

async function withSecret(options = {}): Promise<{ test: TestSystem; seq: number }> {
  const test = await createTestSystem(options);
  await test.client.sessions.create(one);
  const [, seq = 0] = await say(test, 'before', secret, 'after');
  return { test, seq };
}

/** All that is stored, as one text. */
async function stored({ disk }: TestSystem): Promise<string> {
  const entries = await disk.data.iterator().all();
  return JSON.stringify(entries);
}

async function shown({ client }: TestSystem): Promise<string> {
  return JSON.stringify([
    await client.sessions.get(one),
    await client.messages.list(one),
    await client.messages.list({ ...one, newestFirst: true }),
    await client.sessions.buildContext({ ...one, maxMessages: 50 }),
    await client.sessions.entries(one),
    await client.events.list({ ...one, limit: 100 }),
    await client.memory.keys(one),
    await client.files.listIndex(one),
    await client.agents.list(one),
    await client.checkpoints.list(one),
    (await client.sessions.list({})).items,
  ]);
}

const lives = ['at once', 'close', 'kill', 'crash'] as const;

describe('a message that is erased', () => {
  for (const durability of ['fsync', 'os', 'none'] as const)
    test(`keeps its place and says nothing, in a session of class ${durability}`, async () => {
      const { test, seq } = await withSecret({ durability });
      await using _ = test;
      const answer = await test.client.messages.erase({ ...one, seq, reason: 'asked to' }, { by: 'someone' });
      expect(answer).toMatchObject({ seq: 6, erased: 1, purged: true, savedCopy: false });
      expect(answer.durability).toBe(durability === 'none' ? 'none' : 'fsync');
      const gone = { seq, at: expect.any(Number), entry: null, role: null, content: null, pinned: false };
      expect((await test.client.messages.list(one)).items).toEqual([
        expect.objectContaining({ content: 'before', entry: 1 }),
        { ...gone, erased: true },
        expect.objectContaining({ content: 'after', entry: 3 }),
      ]);
      expect(await test.client.messages.get({ ...one, seq })).toMatchObject({ erased: true, content: null });
      const events = (await test.client.events.list(one)).items;
      expect(events[seq - 1]).toMatchObject({ type: 'message.sent', erased: true, data: undefined });
      expect(events.at(-1)).toMatchObject({
        type: 'payload.erased',
        data: { seqs: [seq], reason: 'asked to', by: 'someone', left: null },
      });
      const { conversation } = await test.client.sessions.buildContext(one);
      expect(conversation?.map(({ content }) => content)).toEqual(['before', 'after']);
      expect(await test.client.messages.send({ ...one, role: 'user', content: 'next' })).toMatchObject({
        ...{ seq: 7, entry: 4, messages: 4 },
      });
      expect(await stored(test)).not.toContain(secret);
      expect(await shown(test)).not.toContain(secret);
    });

  for (const how of lives)
    test(`stays erased: ${how}`, async () => {
      const { test, seq } = await withSecret();
      await using _ = test;
      // A snapshot that holds it, and one more life on top.
      await test.client.sessions.hibernate(one);
      await test.restart('close');
      await say(test, 'more');
      expect(await stored(test)).toContain(secret);
      await test.client.messages.erase({ ...one, seq });
      await say(test, 'and more');
      if (how === 'crash') test.crash(sessionId);
      else if (how !== 'at once') await test.restart(how);
      expect(await shown(test)).not.toContain(secret);
      expect(await stored(test)).not.toContain(secret);
      expect(await test.client.sessions.verify(one)).toMatchObject({ valid: true, problems: [] });
      expect((await test.client.sessions.get(one)).messages).toBe(5);
    });

  test('succeeds again, and is answered from its record under its key', async () => {
    const { test, seq } = await withSecret();
    await using _ = test;
    const first = await test.client.messages.erase({ ...one, seq }, { idempotencyKey: 'k' });
    const again = await test.client.messages.erase({ ...one, seq }, { idempotencyKey: 'k' });
    expect(again).toEqual({ ...first, repeated: true });
    expect(await test.client.messages.erase({ ...one, seq })).toMatchObject({ seq: first.seq, erased: 0 });
    const other = test.client.messages.erase({ ...one, seq: seq + 1 }, { idempotencyKey: 'k' });
    expect(await codeOf(other)).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  test('is taken in its turn: what was sent before is kept, what comes behind finds it erased', async () => {
    const { test, seq } = await withSecret();
    await using _ = test;
    const sent = test.client.messages.send({ ...one, role: 'user', content: 'just before' });
    const erased = test.client.messages.erase({ ...one, seq });
    const later = test.client.messages.send({ ...one, role: 'user', content: 'just after' });
    const seqs = (await Promise.all([sent, erased, later])).map((answer) => answer.seq);
    expect(seqs).toEqual([6, 7, 8]);
    expect(await shown(test)).not.toContain(secret);
  });

  test('is pinned no more, and cannot be pinned', async () => {
    const { test, seq } = await withSecret();
    await using _ = test;
    await test.client.messages.pin({ ...one, seq });
    await test.client.messages.erase({ ...one, seq });
    expect(await codeOf(test.client.messages.pin({ ...one, seq }))).toBe('MESSAGE_NOT_FOUND');
    await say(test, 'x');
    const { degraded } = await test.client.sessions.buildContext(one);
    expect(degraded).toEqual([]);
  });

  test('is refused by name where it is no message, does not exist, or agents are at work', async () => {
    const agents = { idler: ({ signal }: { signal: AbortSignal }) => until(signal) };
    const { test, seq } = await withSecret({ agents });
    await using _ = test;
    const { messages, sessions } = test.client;
    for (const lifecycle of [1, 2])
      expect(await codeOf(messages.erase({ ...one, seq: lifecycle }))).toBe('NOT_ERASABLE');
    expect(await codeOf(messages.erase({ ...one, seq: 99 }))).toBe('MESSAGE_NOT_FOUND');
    expect(await codeOf(messages.erase({ sessionId: 'none', seq }))).toBe('SESSION_NOT_FOUND');
    await test.client.agents.start({ ...one, agent: 'idler' });
    expect(await codeOf(messages.erase({ ...one, seq }))).toBe('AGENTS_AT_WORK');
    expect(await codeOf(sessions.erase(one))).toBe('AGENTS_AT_WORK');
    await sessions.pause(one);
    expect(await messages.erase({ ...one, seq })).toMatchObject({ erased: 1 });
    expect(await codeOf(sessions.erase(one))).toBe('AGENTS_AT_WORK');
    await sessions.resume(one);
    expect(await test.client.agents.list(one)).toMatchObject([{ status: 'running' }]);
  });

  test('is refused where a rollback carries it, which is named; its session can be erased', async () => {
    const { test, seq } = await withSecret();
    await using _ = test;
    const back = await test.client.sessions.rollback({ ...one, seq });
    const error = await test.client.messages.erase({ ...one, seq }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'ERASURE_BLOCKED', details: { seq, heldBy: [back.seq] } });
    expect(await stored(test)).toContain(secret);
    await test.client.sessions.erase(one);
    expect(await stored(test)).not.toContain(secret);
    await test.restart('kill');
    expect(await shown(test)).not.toContain(secret);
    expect(await test.client.sessions.verify(one)).toMatchObject({ valid: true });
  });

  test('says that a saved copy still holds it', async () => {
    const { test, seq } = await withSecret();
    await using _ = test;
    await test.client.sessions.save(one);
    expect(await test.client.messages.erase({ ...one, seq })).toMatchObject({ savedCopy: true });
    await test.client.sessions.save(one);
    expect(await test.client.messages.erase({ ...one, seq })).toMatchObject({ savedCopy: false });
    expect(await stored(test)).not.toContain(secret);
  });

  test('is told of, and readers that have not come to it yet read it erased', async () => {
    const { test, seq } = await withSecret();
    await using _ = test;
    const heard: DeliveredEvent[] = [];
    await test.client.events.subscribe(sessionId, (event) => heard.push(event));
    await using ofOne = test.client.events.stream({ ...one, after: 'now' });
    await using ofAll = test.client.events.stream({ after: 'now' });
    const first = [ofOne.next(), ofAll.next()];
    const [late = 0] = await say(test, `${secret}-2`);
    await Promise.all(first);
    const [later = 0] = await say(test, `${secret}-3`);
    await test.client.messages.erase({ ...one, seq: later });
    for (const reader of [ofOne, ofAll]) {
      expect((await reader.next()).value).toMatchObject({ seq: later, erased: true, data: undefined });
      expect((await reader.next()).value).toMatchObject({ type: 'payload.erased', seq: later + 1 });
    }
    expect(heard.at(-1)).toMatchObject({ type: 'payload.erased', data: { seqs: [later] } });
    expect([late, seq]).toEqual([6, 4]);
  });

  test('leaves checkpoints that knew it as erased, not damaged; a rollback makes what is left', async () => {
    const { test, seq } = await withSecret();
    await using _ = test;
    const { checkpointId } = await test.client.checkpoints.create(one);
    await test.client.messages.erase({ ...one, seq });
    const after = await test.client.checkpoints.create(one);
    expect(await test.client.checkpoints.verify({ ...one, checkpointId })).toMatchObject({
      valid: false,
      erased: true,
    });
    const fresh = await test.client.checkpoints.verify({ ...one, checkpointId: after.checkpointId });
    expect(fresh).toMatchObject({ valid: true });
    const verdict = await test.client.sessions.verify(one);
    expect(verdict).toMatchObject({ valid: true, problems: [] });
    expect(verdict.checkpoints.map((found) => found.verdict)).toEqual(['erased', 'holds']);
    await say(test, 'x');
    await test.client.sessions.rollback({ ...one, checkpointId });
    const { conversation } = await test.client.sessions.buildContext(one);
    expect(conversation?.map(({ content }) => content)).toEqual(['before', 'after']);
    await test.restart('kill');
    expect(await stored(test)).not.toContain(secret);
    expect(await test.client.sessions.verify(one)).toMatchObject({ valid: true });
  });

  test('is shown by no version that is read again', async () => {
    const { test, seq } = await withSecret();
    await using _ = test;
    const at = seq + 1;
    expect(JSON.stringify(await test.client.messages.list({ ...one, at }))).toContain(secret);
    expect(JSON.stringify(await test.client.sessions.buildContext({ ...one, at }))).toContain(secret);
    await test.client.messages.erase({ ...one, seq });
    expect(JSON.stringify(await test.client.sessions.buildContext({ ...one, at }))).not.toContain(secret);
    expect(JSON.stringify(await test.client.messages.list({ ...one, at }))).not.toContain(secret);
  });

  test('lives on elsewhere: a capsule of the session can be imported', async () => {
    const { test, seq } = await withSecret();
    await using _ = test;
    await test.client.messages.erase({ ...one, seq });
    const { text } = await test.client.sessions.export(one);
    await using other = await createTestSystem();
    const { uploadId } = await other.client.sessions.upload({ text });
    expect(await other.client.sessions.import({ uploadId })).toMatchObject({ as: 'records', sessionId });
    expect(await other.client.sessions.verify(one)).toMatchObject({ valid: true });
    expect((await other.client.messages.list(one)).items[1]).toMatchObject({ erased: true });
  });
});

const until = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve()));

/** Everything that a session can hold, each with the secret in it. */
async function fullOfSecrets(options = {}): Promise<TestSystem> {
  const test = await createTestSystem({
    agents: { echo: ({ input }: { input: unknown }) => input },
    ...options,
  });
  const { client } = test;
  await client.sessions.create({
    ...one,
    name: secret,
    agent: secret,
    metadata: { secret },
    llmConfig: { secret },
    config: { maxFiles: 7 },
  });
  await say(test, secret);
  await client.files.add({ ...one, path: `${secret}.ts`, metadata: { secret } });
  await client.memory.set({ ...one, key: secret, value: secret });
  await client.events.publish({
    ...one,
    type: 'tool.called',
    data: { tool: secret, toolCallId: '1', parameters: secret },
  });
  await client.sessions.configure({ ...one, name: `${secret}-2` });
  const { runId } = await client.agents.start({ ...one, agent: 'echo', input: secret });
  await client.agents.wait({ ...one, runId });
  await client.checkpoints.create({ ...one, name: secret, metadata: { secret } });
  return test;
}

describe('a session that is erased', () => {
  for (const durability of ['fsync', 'os', 'none'] as const)
    test(`is a skeleton without a word, and lives on, in class ${durability}`, async () => {
      await using test = await fullOfSecrets({ durability });
      const { client } = test;
      if (durability !== 'none') {
        const { seq } = await client.sessions.get(one);
        await client.sessions.rollback({ ...one, seq: seq - 1 });
        await client.sessions.save(one);
        await client.sessions.restore(one);
      }
      const before = await client.sessions.get(one);
      const answer = await client.sessions.erase({ ...one, reason: 'asked to' });
      expect(answer).toMatchObject({ seq: before.seq + 1, savedCopy: durability !== 'none', purged: true });
      expect(answer.erased).toBeGreaterThan(8);
      const { name, agent, metadata, llmConfig, ...numbers } = await client.sessions.get(one);
      expect({ name, agent, metadata, llmConfig }).toEqual({
        name: null,
        agent: null,
        metadata: {},
        llmConfig: {},
      });
      const kept = [
        'status',
        'createdAt',
        'lastActivityAt',
        'messages',
        'entries',
        'config',
        'durability',
      ] as const;
      for (const member of kept) expect(numbers[member]).toEqual(before[member]);
      expect(await stored(test)).not.toContain(secret);
      expect(await shown(test)).not.toContain(secret);
      expect(await client.sessions.erase(one)).toMatchObject({ seq: answer.seq, erased: 0 });
      await say(test, 'new');
      if (durability !== 'none') await test.restart('kill');
      expect(await shown(test)).not.toContain(secret);
      const last = (await test.client.messages.list({ ...one, newestFirst: true })).items[0];
      expect(last).toMatchObject({ content: 'new', entry: before.entries + 1 });
      expect((await test.client.sessions.verify(one)).problems).toEqual([]);
    });

  test('is found under no name, and its row says what its head says, after a rebuild too', async () => {
    await using test = await fullOfSecrets();
    expect((await test.client.sessions.list({ search: secret })).items.length).toBe(1);
    await test.client.sessions.erase(one);
    const rows = (await test.client.sessions.list({})).items;
    expect((await test.client.sessions.list({ search: secret })).items).toEqual([]);
    await test.client.projections.rebuild({ name: 'sessions' });
    expect((await test.client.sessions.list({})).items).toEqual(rows);
    await test.restart('kill');
    expect((await test.client.sessions.list({})).items).toEqual(rows);
  });

  test('may be terminated or archived, and cannot be deleted already', async () => {
    await using test = await fullOfSecrets();
    await test.client.sessions.terminate(one);
    expect(await test.client.sessions.erase(one)).toMatchObject({ savedCopy: false });
    await test.client.sessions.archive(one);
    expect(await test.client.sessions.erase(one)).toMatchObject({ erased: 0 });
    expect(await stored(test)).not.toContain(secret);
    await test.restart();
    expect(await test.client.sessions.get(one)).toMatchObject({ status: 'archived' });
    await test.client.sessions.delete(one);
    expect(await codeOf(test.client.sessions.erase(one))).toBe('SESSION_NOT_FOUND');
  });

  test('keeps the numbers that it was given, and its deadlines', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ ...one, config: { endAfterMs: 60_000 } });
    await test.client.sessions.erase(one);
    await test.restart('kill');
    await test.clock.advance(60_001);
    expect(await test.client.sessions.get(one)).toMatchObject({ status: 'terminated' });
  });
});

describe('the disk', () => {
  for (const fault of ['before', 'after'] as const)
    test(`has all of an erasure or nothing of it, whichever write is the last, cut ${fault} it`, async () => {
      const met = new Set<string>();
      let outcome = '';
      for (let n = 1; outcome !== 'answered'; n++) {
        await using test = await fullOfSecrets();
        test.disk.failWrites(nthWrite(test.disk.writes + n, fault));
        outcome = await codeOf(test.client.sessions.erase(one));
        test.disk.heal();
        await test.restart('kill');
        expect(await test.client.sessions.verify(one)).toMatchObject({ valid: true });
        const { items } = await test.client.events.list({ ...one, limit: 100 });
        const isRecorded = items.some(({ type }) => type === 'payload.erased');
        expect((await stored(test)).includes(secret)).toBe(!isRecorded);
        expect(items.filter((event) => event.erased).length > 0).toBe(isRecorded);
        met.add(`${outcome}: ${isRecorded}`);
        await test.client.sessions.erase(one);
        expect(await stored(test)).not.toContain(secret);
      }
      expect([...met]).toEqual([`OUTCOME_UNKNOWN: ${fault === 'after'}`, 'answered: true']);
    });

  test('that lost a payload which nobody erased is damaged', async () => {
    const { test, seq } = await withSecret();
    await using _ = test;
    await test.restart('close');
    const key = keys.event(sessionStream(sessionId), seq);
    for await (const snapshot of test.disk.data.keys({ gte: 's!', lt: 's"' }))
      await test.disk.data.del(snapshot);
    await test.disk.data.put(key, eraseRecord((await test.disk.data.get(key)) ?? ''));
    await test.restart('kill');
    const verdict = await test.client.sessions.verify(one);
    expect(verdict).toMatchObject({ valid: false, problems: [{ code: 'JOURNAL_CORRUPT', seq }] });
    expect(await codeOf(test.client.messages.send({ ...one, role: 'user', content: 'x' }))).not.toBe(
      'answered',
    );
  });
});
