// Saved sessions: kept beside the streams, brought back under the same id with all that they held.
import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { LevelJournal } from '../../src/journal/level-journal.ts';
import { nthWrite } from '../../src/testing/faulty-level.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf, errorOf } from '../support/outcome.ts';

const sessionId = 's';
const one = { sessionId };

async function filled(): Promise<TestSystem> {
  const test = await createTestSystem();
  const { client, clock } = test;
  await client.sessions.create({
    sessionId,
    name: 'n',
    agent: 'a',
    metadata: { k: [1] },
    llmConfig: { model: 'm' },
    config: { maxFiles: 7 },
    parentSessionId: 'parent',
  });
  await client.messages.send({ ...one, role: 'user', content: 'cleared' });
  await client.messages.clear(one);
  const sent = [
    { role: 'system', content: 'be kind' },
    { role: 'user', content: '' },
    { role: 'assistant', content: null, toolCalls: [{ id: 'c', name: 'look' }] },
    { role: 'tool', content: [{ type: 'text', text: 'found' }], toolCallId: 'c', name: 'look' },
    { role: 'user', content: 'pinned', metadata: { deep: { er: true } }, processingMs: 5 },
  ] as const;
  for (const message of sent) {
    await clock.advance(10);
    await client.messages.send({ ...one, ...message });
  }
  const { items } = await client.messages.list(one);
  await client.messages.pin({ ...one, seq: items.at(-1)?.seq ?? 0 });
  for (const path of ['b.ts', 'a.ts']) await client.files.add({ ...one, path, metadata: { path } });
  await client.files.index({ ...one, path: 'only-known.ts', metadata: { lines: 1 } });
  for (const [key, value] of [
    ['x', 1],
    ['y', { z: null }],
    ['x', 2],
  ] as const)
    await client.memory.set({ ...one, key, value });
  return test;
}

/** All that a reader can see of a session, but for what a new life under the same id must change. */
async function contentOf({ client }: TestSystem): Promise<unknown> {
  const { name, agent, metadata, llmConfig, config, parentSessionId, createdAt, messages } =
    await client.sessions.get(one);
  const { items } = await client.messages.list(one);
  const keys = await client.memory.keys(one);
  return {
    session: { name, agent, metadata, llmConfig, config, parentSessionId, createdAt, messages },
    messages: items.map(({ seq: _seq, entry: _entry, ...message }) => message),
    files: await client.files.list(one),
    index: await client.files.listIndex(one),
    memory: await Promise.all(keys.map((key) => client.memory.get({ ...one, key }))),
  };
}

const change = async ({ client }: TestSystem): Promise<void> => {
  await client.messages.clear(one);
  await client.messages.send({ ...one, role: 'user', content: 'another life' });
  await client.files.remove({ ...one, path: 'a.ts' });
  await client.memory.delete({ ...one, key: 'x' });
  await client.sessions.configure({ ...one, name: 'changed' });
};

describe('a saved session is restored under its id with its whole content', () => {
  test.each<[string, (test: TestSystem) => Promise<unknown>]>([
    ['over what it has become', change],
    ['after it was paused', ({ client }) => client.sessions.pause(one)],
    ['after it has ended', ({ client }) => client.sessions.terminate(one)],
    [
      'after nothing but its tombstone was left',
      ({ client }) => client.sessions.terminate({ ...one, cleanup: true }),
    ],
    [
      'after a restart',
      async (test) => {
        await change(test);
        await test.restart();
      },
    ],
  ])('%s', async (_, happen) => {
    await using test = await filled();
    const before = await contentOf(test);
    expect(await test.client.sessions.save(one)).toMatchObject({ sessionId, messages: 5 });
    await happen(test);
    expect(await test.client.sessions.restore(one)).toMatchObject({ sessionId, messages: 5 });
    expect(await contentOf(test)).toEqual(before);
    expect(await test.client.sessions.get(one)).toMatchObject({ status: 'active' });
    await test.restart();
    expect(await contentOf(test)).toEqual(before);
    expect(await codeOf(test.client.messages.send({ ...one, role: 'user', content: 'on' }))).toBe('answered');
  });

  test('and what happened between stays in its journal', async () => {
    await using test = await filled();
    await test.client.sessions.save(one);
    await change(test);
    await test.client.sessions.restore(one);
    const { items } = await test.client.events.list({ ...one, limit: 1_000 });
    expect(items.map(({ seq }) => seq)).toEqual(items.map((_, i) => i + 1));
    const contents = items.map(({ data }) => (data as { content?: unknown }).content);
    expect(contents).toContain('another life');
    expect(contents).toContain('cleared');
  });

  test('and a repeat under the same key restores it once', async () => {
    await using test = await filled();
    await test.client.sessions.save(one);
    const restore = () => test.client.sessions.restore(one, { idempotencyKey: 'k' });
    const first = await restore();
    await test.client.messages.send({ ...one, role: 'user', content: 'later' });
    expect(await restore()).toEqual({ ...first, repeated: true });
    expect((await test.client.messages.list(one)).items.at(-1)?.content).toBe('later');
  });
});

describe('the saved sessions', () => {
  test('are listed in the order of their ids, with what was saved last of each', async () => {
    await using test = await createTestSystem();
    const { client, clock } = test;
    for (const id of ['b', 'a', 'C', '1']) {
      await client.sessions.create({ sessionId: id });
      await client.sessions.save({ sessionId: id });
    }
    await clock.advance(1_000);
    await client.messages.send({ sessionId: 'a', role: 'user', content: 'x' });
    await client.sessions.save({ sessionId: 'a' });
    await client.sessions.terminate({ sessionId: 'b', cleanup: true });
    await test.restart();
    const saved = await test.client.sessions.listSaved({});
    expect(saved.map(({ sessionId: id }) => id)).toEqual(['1', 'C', 'a', 'b']);
    expect(saved[2]).toEqual({ sessionId: 'a', savedAt: clock.now(), seq: 3, messages: 1 });
  });

  test('can be forgotten, which touches no session', async () => {
    await using test = await filled();
    const { client } = test;
    await client.sessions.save(one);
    expect(await client.sessions.deleteSaved(one)).toEqual(one);
    expect(await client.sessions.listSaved({})).toEqual([]);
    expect(await codeOf(client.sessions.restore(one))).toBe('SAVED_SESSION_NOT_FOUND');
    expect(await codeOf(client.sessions.deleteSaved(one))).toBe('SAVED_SESSION_NOT_FOUND');
    expect((await client.sessions.get(one)).messages).toBe(5);
  });

  test('hold only what was durable when they were saved', async () => {
    await using test = await filled();
    const { client, disk } = test;
    const held = disk.holdWrites();
    const sending = client.messages.send({ ...one, role: 'user', content: 'late' });
    await held.arrived;
    const saving = client.sessions.save(one);
    held.release();
    await sending;
    expect((await saving).messages).toBe(5);
  });
});

describe('saving and forgetting under a key', () => {
  const keyed = { idempotencyKey: 'k' };

  test('is done once: a repeat gets the first answer, also at once and after a restart', async () => {
    await using test = await filled();
    const save = () => test.client.sessions.save(one, keyed);
    const [first, second] = await Promise.all([save(), save()]);
    expect({ ...second, repeated: true }).toEqual({ ...first, repeated: true });
    await test.client.messages.send({ ...one, role: 'user', content: 'later' });
    await test.restart();
    expect(await save()).toEqual({ ...first, repeated: true });
    expect(await test.client.sessions.listSaved({})).toEqual([first]);
    const forget = () => test.client.sessions.deleteSaved(one, { idempotencyKey: 'forget' });
    expect(await Promise.all([forget(), forget()])).toMatchObject([one, one]);
    await test.client.sessions.save(one);
    expect(await forget()).toEqual({ ...one, repeated: true });
    expect((await test.client.sessions.listSaved({})).length).toBe(1);
  });

  test('is refused for another request', async () => {
    await using test = await filled();
    await test.client.sessions.save(one, keyed);
    expect(await codeOf(test.client.sessions.deleteSaved(one, keyed))).toBe('IDEMPOTENCY_KEY_REUSED');
    expect((await test.client.sessions.listSaved({})).length).toBe(1);
  });

  test.each(['before', 'after'] as const)(
    'is done once though the disk fails %s writing it',
    async (fault) => {
      await using test = await filled();
      const { disk, client } = test;
      disk.failWrites(nthWrite(disk.writes + 1, fault));
      expect(await codeOf(client.sessions.save(one, keyed))).toBe('OUTCOME_UNKNOWN');
      const { repeated } = await client.sessions.save(one, keyed);
      expect(repeated).toBe(fault === 'after' ? true : undefined);
      expect(await client.sessions.listSaved({})).toHaveLength(1);
    },
  );
});

describe('a record that is no session', () => {
  test.each<[string, (record: Record<string, Json>) => Json, string]>([
    ['a text', () => 'x', 'the record'],
    ['of another version', (record) => ({ ...record, version: 99 }), 'version'],
    ['without messages', ({ messages: _, ...record }) => record, 'messages'],
    ['with a field too many', (record) => ({ ...record, more: 1 }), 'the record'],
    ['with a status that does not exist', (record) => ({ ...record, status: 'zombie' }), 'status'],
    ['with a time that is none', (record) => ({ ...record, createdAt: 'yesterday' }), 'createdAt'],
    ['with a count that is wrong', (record) => ({ ...record, messageCount: 4 }), 'messageCount'],
  ])('%s is INVALID_FORMAT, names the field and changes nothing', async (_, spoil, field) => {
    await using test = await filled();
    await test.client.sessions.save(one);
    const { seq } = await test.client.sessions.get(one);
    await test.close();
    const journal = await LevelJournal.open({ open: test.disk.open });
    const record = (await journal.kv.get('saved/s')) as Record<string, Json>;
    await journal.kv.batch([{ key: 'saved/s', value: spoil(record) }]);
    await journal.close();
    await test.restart();
    const error = await errorOf(test.client.sessions.restore(one));
    expect(error).toMatchObject({ code: 'INVALID_FORMAT', details: { field } });
    expect((await test.client.sessions.get(one)).seq).toBe(seq);
    expect(await codeOf(test.client.sessions.listSaved({}))).toBe('answered');
  });
});
