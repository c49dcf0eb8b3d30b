// A fork is a session that goes on from a version of another: what is older is read where it was said, whoever is in memory.
import { expect, test } from 'vitest';
import { sha256 } from '../../src/base/hash.ts';
import type { Client } from '../../src/client/client.ts';
import { LevelJournal } from '../../src/journal/level-journal.ts';
import { RoutedJournal } from '../../src/journal/routed-journal.ts';
import { createTestSystem } from '../../src/testing/test-system.ts';
import { codeOf } from '../support/outcome.ts';
import { whileClosed } from '../support/past-sessions.ts';

const parent = { sessionId: 'parent' };
const fork = { sessionId: 'fork' };

/** Ten messages, files and keys; the seq of the newest. */
async function withParent(client: Client, messages = 10): Promise<number> {
  await client.sessions.create({ ...parent, name: 'first', config: { messageWindow: 4 } });
  for (let n = 1; n <= messages; n++)
    await client.messages.send({ ...parent, role: n === 1 ? 'system' : 'user', content: `m${n}` });
  await client.files.add({ ...parent, path: 'a.ts', metadata: { size: 1 } });
  await client.memory.set({ ...parent, key: 'plan', value: { a: 1, b: 1 } });
  return (await client.sessions.get(parent)).seq;
}

const contents = async (client: Client, sessionId: string, more: object = {}): Promise<unknown[]> =>
  (await client.messages.list({ sessionId, ...more })).items.map(({ content }) => content);

const said = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `m${from + i}`);

test('a fork has the state of the version, and reads what is older where it was said', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  const seq = await withParent(client);
  await client.messages.send({ ...parent, role: 'user', content: 'later' });
  const made = await client.sessions.fork({ ...parent, at: seq, newSessionId: 'fork' });
  expect(made).toMatchObject({
    sessionId: 'fork',
    seq: seq + 1,
    from: { sessionId: 'parent', seq },
    agentsLeft: 0,
  });
  await client.messages.send({ ...fork, role: 'user', content: 'own' });

  expect(await contents(client, 'fork')).toEqual([...said(1, 10), 'own']);
  expect(await contents(client, 'fork', { newestFirst: true, limit: 3 })).toEqual(['own', 'm10', 'm9']);
  expect(await contents(client, 'parent')).toEqual([...said(1, 10), 'later']);
  expect(await client.memory.get({ ...fork, key: 'plan' })).toMatchObject({ value: { a: 1, b: 1 } });
  expect((await client.files.list(fork)).map(({ path }) => path)).toEqual(['a.ts']);
  expect(await client.sessions.get(fork)).toMatchObject({ status: 'active', name: 'first', messages: 11 });
  const events = await client.events.list(fork);
  expect(events.items.map((event) => event.sessionId)).toContain('parent');
  expect(events.items.at(-1)).toMatchObject({ sessionId: 'fork', type: 'message.sent' });
  const built = await client.sessions.buildContext({ ...fork, include: ['conversation'] });
  expect(JSON.stringify(built)).toContain('m9');
});

test('forks are listed, and found again after a kill; each proves what it follows', async () => {
  await using system = await createTestSystem();
  await withParent(system.client);
  await system.client.sessions.fork({ ...parent, newSessionId: 'fork', name: 'second' });
  await system.client.sessions.fork({ ...fork, newSessionId: 'grandchild' });
  await system.restart('kill');
  const { client } = system;
  const forks = await client.sessions.forks(parent);
  expect(forks.items.map(({ sessionId }) => sessionId)).toEqual(['fork']);
  const { ancestors } = await client.sessions.lineage({ sessionId: 'grandchild' });
  expect(ancestors.map(({ sessionId, standing }) => [sessionId, standing])).toEqual([
    ['parent', 'held'],
    ['fork', 'held'],
  ]);
  const list = await client.sessions.list({});
  expect(list.items.map(({ sessionId, name }) => [sessionId, name]).sort()).toEqual([
    ['fork', 'second'],
    ['grandchild', 'second'],
    ['parent', 'first'],
  ]);
  expect(await client.sessions.verify(fork)).toMatchObject({ valid: true, anchor: { standing: 'held' } });
  expect(await contents(client, 'grandchild')).toEqual(said(1, 10));
});

test('what is erased in the parent is erased in the fork; of a parent that is deleted the state stays', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  const seq = await withParent(client);
  await client.sessions.fork({ ...parent, newSessionId: 'fork' });
  await client.messages.send({ ...fork, role: 'user', content: 'own' });
  const [first] = (await client.messages.list(parent)).items;
  await client.messages.erase({ ...parent, seq: first?.seq ?? 0 });
  expect((await client.messages.list(fork)).items[0]).toMatchObject({ erased: true, content: null });
  expect(await codeOf(client.messages.erase({ ...fork, seq: 5 }))).toBe('NOT_ERASABLE');
  // Also of the newest there is no copy: neither at hand nor in any record.
  const tenth = (await client.messages.list(parent)).items.find(({ content }) => content === 'm10');
  await client.messages.erase({ ...parent, seq: tenth?.seq ?? 0 });
  expect(JSON.stringify(await client.sessions.buildContext(fork))).not.toContain('m10');
  expect(JSON.stringify(await client.events.list(fork))).not.toContain('m10');

  await client.sessions.terminate({ ...parent, cleanup: true });
  expect(await codeOf(client.messages.list(fork))).toBe('HISTORY_ERASED');
  expect(await contents(client, 'fork', { cursor: String(seq) })).toEqual(['own']);
  expect(await contents(client, 'fork', { newestFirst: true, limit: 3 })).toEqual(['own']);
  expect(await client.memory.get({ ...fork, key: 'plan' })).toMatchObject({ value: { a: 1, b: 1 } });
  expect(await client.sessions.verify(fork)).toMatchObject({ valid: true, anchor: { standing: 'gone' } });
  expect((await client.sessions.forks(parent)).items).toHaveLength(1);
});

test('time travel, checkpoints and rollback of a fork reach into the time before it', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  const seq = await withParent(client);
  await client.sessions.fork({ ...parent, newSessionId: 'fork' });
  await client.memory.set({ ...fork, key: 'plan', value: 2 });
  expect(await codeOf(client.memory.get({ ...fork, key: 'plan', at: seq - 1 }))).toBe('KEY_NOT_FOUND');
  expect(await client.memory.get({ ...fork, key: 'plan', at: seq })).toMatchObject({ value: { a: 1, b: 1 } });
  expect(await contents(client, 'fork', { at: seq - 4 })).toEqual(said(1, 8));
  const { checkpointId } = await client.checkpoints.create(fork);
  await client.sessions.rollback({ ...fork, seq: seq - 4 });
  expect(await contents(client, 'fork')).toEqual(said(1, 8));
  expect(await client.files.list(fork)).toEqual([]);
  await client.sessions.rollback({ ...fork, checkpointId });
  expect(await contents(client, 'fork')).toEqual(said(1, 10));
  expect(await client.memory.get({ ...fork, key: 'plan' })).toMatchObject({ value: 2 });
  expect(await client.sessions.verify(fork)).toMatchObject({ valid: true });
});

test('the same key makes one fork; an id that is taken, a version that is not there and a session in memory make none', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  await withParent(client);
  const again = { idempotencyKey: 'once' };
  const made = await client.sessions.fork(parent, again);
  expect(await client.sessions.fork(parent, again)).toEqual({ ...made, repeated: true });
  expect((await client.sessions.forks(parent)).items).toHaveLength(1);
  expect(await codeOf(client.sessions.fork({ ...parent, newSessionId: 'parent' }))).toBe('SESSION_EXISTS');
  expect(await codeOf(client.sessions.fork({ ...parent, at: 99 }))).toBe('INVALID_INPUT');
  expect(await codeOf(client.sessions.fork({ ...parent, at: 1 }))).toBe('INVALID_INPUT');
  expect(await codeOf(client.sessions.fork({ ...parent, checkpointId: 'c9' }))).toBe('CHECKPOINT_NOT_FOUND');
  await client.sessions.create({ sessionId: 'brief', durability: 'none' });
  expect(await codeOf(client.sessions.fork({ sessionId: 'brief' }))).toBe('NOT_JOURNALED');
  expect(await codeOf(client.sessions.fork({ sessionId: 'nobody' }))).toBe('SESSION_NOT_FOUND');
});

test('what a fork reads of its parent is not trimmed as long as the fork is there', async () => {
  await using system = await createTestSystem();
  await withParent(system.client);
  await system.client.sessions.fork({ ...parent, newSessionId: 'fork' });
  const trimmed = async (through: number): Promise<number> => {
    const journal = RoutedJournal.over(await LevelJournal.open({ open: system.disk.open }));
    const head = await journal.head('session/parent');
    if (head === undefined) throw new Error('there is no parent');
    const state = 'any';
    const snapshot = {
      seq: head.seq,
      chain: head.chain,
      at: 0,
      lawVersion: 0,
      stateHash: sha256(state),
      state,
    };
    await journal.putSnapshot('session/parent', snapshot);
    await journal.trim('session/parent', through);
    const { firstSeq = 0 } = (await journal.head('session/parent')) ?? {};
    await journal.close();
    return firstSeq;
  };
  await system.close();
  expect(await trimmed(5)).toBe(1);
  await system.restart();
  await system.client.sessions.terminate({ ...fork, cleanup: true });
  await system.close();
  expect(await trimmed(5)).toBe(6);
});

test('a fork is exported and comes back elsewhere, with all that was said where its ancestors are', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  await withParent(client);
  await client.sessions.fork({ ...parent, newSessionId: 'fork' });
  await client.messages.send({ ...fork, role: 'user', content: 'own' });
  const { text } = await client.sessions.export(fork);
  const content = await client.sessions.export({ ...fork, format: 'json' });
  await client.sessions.save(fork);
  await client.memory.delete({ ...fork, key: 'plan' });
  await client.sessions.restore(fork);
  expect(await contents(client, 'fork')).toEqual([...said(1, 10), 'own']);
  expect(await client.memory.keys(fork)).toEqual(['plan']);
  await client.sessions.terminate({ ...fork, cleanup: true });
  await client.sessions.import({ text: content.text, as: 'copy' });
  expect(await contents(client, 'copy')).toEqual([...said(1, 10), 'own']);

  await using other = await createTestSystem();
  await other.client.sessions.import({ text });
  expect(await contents(other.client, 'fork', { newestFirst: true })).toEqual(['own']);
  expect(await other.client.memory.keys(fork)).toEqual(['plan']);
  expect(await codeOf(other.client.messages.list(fork))).toBe('HISTORY_ERASED');
  const { text: ofParent } = await client.sessions.export(parent);
  await other.client.sessions.import({ text: ofParent });
  expect(await contents(other.client, 'fork')).toEqual([...said(1, 10), 'own']);
  expect(await other.client.sessions.verify(fork)).toMatchObject({
    valid: true,
    anchor: { standing: 'held' },
  });
  expect((await other.client.sessions.forks(parent)).items).toMatchObject([fork]);
});

test('a fork that is erased as a whole holds nothing any more, and its parent all', async () => {
  await using system = await createTestSystem();
  await withParent(system.client);
  await system.client.sessions.fork({ ...parent, newSessionId: 'fork' });
  await system.client.messages.send({ ...fork, role: 'user', content: 'own' });
  await system.client.sessions.erase(fork);
  await system.restart('kill');
  const { client } = system;
  expect(await contents(client, 'fork')).toEqual([null]);
  expect(await client.memory.keys(fork)).toEqual([]);
  expect(await contents(client, 'parent')).toEqual(said(1, 10));
  expect(await client.sessions.verify(fork)).toMatchObject({ valid: true });
  await client.messages.send({ ...fork, role: 'user', content: 'again' });
  expect(await contents(client, 'fork')).toEqual([null, 'again']);
});

test('a parent that has another record where it was forked is found out', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  await withParent(client);
  await client.sessions.fork({ ...parent, newSessionId: 'fork' });
  const { text } = await client.sessions.export(fork);
  await using other = await createTestSystem();
  await withParent(other.client);
  await other.client.sessions.import({ text });
  expect(await codeOf(other.client.messages.list(fork))).toBe('JOURNAL_CORRUPT');
  const verdict = await other.client.sessions.verify(fork);
  expect(verdict).toMatchObject({ valid: false, anchor: { standing: 'differs' } });
});

test('system messages and pins of the parent stay in every context of the fork, and can be changed there', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  await withParent(client);
  const { items } = await client.messages.list(parent);
  await client.sessions.fork({ ...parent, newSessionId: 'fork' });
  await client.messages.pin({ ...fork, seq: items[2]?.seq ?? 0 });
  const texts = async (sessionId: string): Promise<string> =>
    JSON.stringify(await client.sessions.buildContext({ sessionId, include: ['conversation'] }));
  const own = await texts('fork');
  for (const content of ['m1', 'm3', 'm7', 'm8', 'm9', 'm10']) expect(own).toContain(`"${content}"`);
  expect(await texts('parent')).not.toContain('"m3"');
  await client.messages.clear(fork);
  expect(await contents(client, 'fork')).toEqual([]);
  expect(await contents(client, 'parent')).toEqual(said(1, 10));
});

test('a call that was cut off before its answer was kept finds the fork that it has made', async () => {
  await using system = await createTestSystem();
  await withParent(system.client);
  const again = { idempotencyKey: 'once' };
  const made = await system.client.sessions.fork(parent, again);
  await whileClosed(system, (journal) =>
    journal.kv.batch([{ key: `answers/${made.sessionId}/once`, value: undefined }]),
  );
  await system.restart();
  expect(await system.client.sessions.fork(parent, again)).toEqual(made);
  expect((await system.client.sessions.forks(parent)).items).toHaveLength(1);
});
