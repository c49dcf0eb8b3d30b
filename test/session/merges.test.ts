// A merge takes over what a fork has become since: each thing once, with where it was said, and no conflict in silence.
import { expect, test } from 'vitest';
import type { Client } from '../../src/client/client.ts';
import { createTestSystem } from '../../src/testing/test-system.ts';
import { codeOf } from '../support/outcome.ts';

const main = { sessionId: 'main' };
const branch = { sessionId: 'branch' };
const back = { ...main, fromSessionId: 'branch' };

async function branched(client: Client): Promise<void> {
  await client.sessions.create(main);
  await client.messages.send({ ...main, role: 'user', content: 'shared' });
  await client.files.add({ ...main, path: 'old.ts', metadata: { lines: 1 } });
  await client.memory.set({ ...main, key: 'plan', value: { a: 1, b: 1 } });
  await client.memory.set({ ...main, key: 'gone', value: true });
  await client.sessions.fork({ ...main, newSessionId: 'branch' });
}

const contents = async (client: Client, sessionId: string): Promise<unknown[]> =>
  (await client.messages.list({ sessionId })).items.map(({ content }) => content);

const paths = async (client: Client, sessionId: string): Promise<string[]> =>
  (await client.files.list({ sessionId })).map(({ path }) => path);

test('messages, files and working context come with where they were said, and only once', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  await branched(client);
  const { seq } = await client.messages.send({ ...branch, role: 'user', content: 'found' });
  await client.files.add({ ...branch, path: 'new.ts', metadata: { lines: 2 } });
  await client.files.remove({ ...branch, path: 'old.ts' });
  await client.memory.set({ ...branch, key: 'plan', value: { a: 1, b: 2 } });
  await client.memory.delete({ ...branch, key: 'gone' });
  await client.messages.send({ ...main, role: 'user', content: 'meanwhile' });
  await client.memory.set({ ...main, key: 'plan', value: { a: 2, b: 1 } });

  const merged = await client.sessions.merge(back);
  expect(merged).toMatchObject({
    ...{ fromSessionId: 'branch', conflicts: [], moreConflicts: 0 },
    merged: { messages: 1, files: 2, context: 1, removed: 2 },
  });
  expect(await contents(client, 'main')).toEqual(['shared', 'meanwhile', 'found']);
  const { items } = await client.messages.list(main);
  expect(items.at(-1)).toMatchObject({ origin: { sessionId: 'branch', seq } });
  expect(await paths(client, 'main')).toEqual(['new.ts']);
  expect(await client.files.listIndex(main)).toMatchObject([{ path: 'new.ts', metadata: { lines: 2 } }]);
  expect(await client.memory.get({ ...main, key: 'plan' })).toMatchObject({ value: { a: 2, b: 2 } });
  expect(await codeOf(client.memory.get({ ...main, key: 'gone' }))).toBe('KEY_NOT_FOUND');

  const { seq: before } = await client.sessions.get(main);
  const again = await client.sessions.merge(back);
  expect(again.merged).toEqual({ messages: 0, files: 0, context: 0, removed: 0 });
  expect((await client.sessions.get(main)).seq).toBe(before);
  await client.messages.send({ ...branch, role: 'user', content: 'more' });
  expect((await client.sessions.merge(back)).merged.messages).toBe(1);
  expect(await contents(client, 'main')).toEqual(['shared', 'meanwhile', 'found', 'more']);
  expect(await client.sessions.verify(main)).toMatchObject({ valid: true });
});

test('what both changed is kept or taken as was said, and named either way', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  await branched(client);
  const { seq } = await client.memory.set({ ...branch, key: 'plan', value: 'theirs' });
  await client.memory.set({ ...main, key: 'plan', value: 'ours' });
  expect(await codeOf(client.sessions.merge({ ...back, onConflict: 'refuse' }))).toBe('MERGE_CONFLICT');
  const kept = await client.sessions.merge(back);
  const values = { base: { a: 1, b: 1 }, ours: 'ours', theirs: 'theirs' };
  const conflict = { part: 'context', key: 'plan', theirSeq: seq, kept: 'ours', values };
  expect(kept.conflicts).toEqual([conflict]);
  expect(await client.memory.get({ ...main, key: 'plan' })).toMatchObject({ value: 'ours' });
  const recorded = (await client.events.list(main)).items.at(-1);
  expect(recorded).toMatchObject({ type: 'session.merged', data: { conflicts: [conflict] } });

  await client.memory.set({ ...branch, key: 'plan', value: 'newer' });
  await client.memory.set({ ...main, key: 'plan', value: 'ours again' });
  const taken = await client.sessions.merge({ ...back, onConflict: 'take' });
  expect(taken.conflicts).toMatchObject([{ key: 'plan', kept: 'theirs' }]);
  expect(await client.memory.get({ ...main, key: 'plan' })).toMatchObject({ value: 'newer' });
});

test('parts are merged by themselves, and one that was left out can be merged later', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  await branched(client);
  await client.messages.send({ ...branch, role: 'user', content: 'found' });
  await client.memory.set({ ...branch, key: 'plan', value: 2 });
  await client.sessions.merge({ ...back, parts: ['messages'] });
  expect(await contents(client, 'main')).toEqual(['shared', 'found']);
  expect(await client.memory.get({ ...main, key: 'plan' })).toMatchObject({ value: { a: 1, b: 1 } });
  const { merged } = await client.sessions.merge({ ...back, parts: ['context'] });
  expect(merged).toEqual({ messages: 0, files: 0, context: 1, removed: 0 });
  const { merges } = await client.sessions.lineage(main);
  expect(merges.map(({ part }) => part)).toEqual(['messages', 'context']);
});

test('what comes by two ways comes once, and nothing comes back to where it was said', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  await branched(client);
  await client.messages.send({ ...branch, role: 'user', content: 'b1' });
  await client.sessions.fork({ ...branch, newSessionId: 'twig' });
  await client.messages.send({ sessionId: 'twig', role: 'user', content: 't1' });
  await client.sessions.merge({ ...main, fromSessionId: 'twig' });
  expect(await contents(client, 'main')).toEqual(['shared', 'b1', 't1']);
  expect((await client.sessions.merge(back)).merged.messages).toBe(0);
  expect((await client.sessions.merge({ ...branch, fromSessionId: 'main' })).merged.messages).toBe(1);
  expect(await contents(client, 'branch')).toEqual(['shared', 'b1', 't1']);
  expect((await client.sessions.merge(back)).merged.messages).toBe(0);
  const compared = await client.sessions.compare({ ...main, otherSessionId: 'branch' });
  expect(compared.items).toEqual([]);
  expect(compared.ancestor?.sessionId).toBe('main');
});

test('differences are told a page at a time, whatever happens between the pages', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  await branched(client);
  for (const n of [1, 2, 3]) {
    await client.messages.send({ ...branch, role: 'user', content: `b${n}` });
    await client.messages.send({ ...main, role: 'user', content: `m${n}` });
    await client.memory.set({ ...branch, key: `k${n}`, value: n });
  }
  await client.files.remove({ ...main, path: 'old.ts' });
  const found: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await client.sessions.compare({
      ...{ ...main, otherSessionId: 'branch', limit: 2 },
      ...(cursor !== undefined && { cursor }),
    });
    expect(page.items.length).toBeLessThanOrEqual(2);
    found.push(...page.items.map(({ part, kind, key }) => `${part} ${kind} ${key}`));
    await client.messages.send({ ...main, role: 'user', content: 'late' });
    cursor = page.cursor;
    if (cursor === undefined) break;
  }
  expect(found.filter((line) => line.startsWith('context'))).toEqual(
    [1, 2, 3].map((n) => `context onlyThere k${n}`),
  );
  expect(found).toContain('file onlyThere old.ts');
  expect(found.filter((line) => line.startsWith('message onlyHere'))).toHaveLength(3);
  expect(found.filter((line) => line.startsWith('message onlyThere'))).toHaveLength(3);
});

test('only what has come to rest is merged, only where there is a common past; a call is answered once', async () => {
  await using system = await createTestSystem({
    agents: { waiter: ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)) },
  });
  const { client } = system;
  await branched(client);
  await client.sessions.create({ sessionId: 'other' });
  expect(await codeOf(client.sessions.merge({ ...main, fromSessionId: 'other' }))).toBe('SESSIONS_UNRELATED');
  expect(await codeOf(client.sessions.merge({ ...main, fromSessionId: 'main' }))).toBe('SESSIONS_UNRELATED');
  await client.messages.send({ ...branch, role: 'user', content: 'b1' });
  const { seq } = await client.sessions.get(branch);
  await client.agents.start({ ...branch, agent: 'waiter' });
  expect(await codeOf(client.sessions.merge(back))).toBe('NOT_SETTLED');
  const once = { idempotencyKey: 'merge-1' };
  const merged = await client.sessions.merge({ ...back, at: seq }, once);
  expect(merged).toMatchObject({ version: seq, merged: { messages: 1 } });
  expect(await client.sessions.merge({ ...back, at: seq }, once)).toEqual({ ...merged, repeated: true });
  const forked = await client.sessions.fork(branch);
  expect(forked.agentsLeft).toBe(1);
  expect(await client.agents.list({ sessionId: forked.sessionId })).toEqual([]);
});

test('a rollback undoes a merge, which can then be made again; a restart forgets nothing of it', async () => {
  await using system = await createTestSystem();
  await branched(system.client);
  await system.client.messages.send({ ...branch, role: 'user', content: 'b1' });
  await system.client.memory.set({ ...branch, key: 'plan', value: 2 });
  const { seq } = await system.client.sessions.get(main);
  await system.client.sessions.merge(back);
  await system.restart('kill');
  const { client } = system;
  expect((await client.sessions.merge(back)).merged).toMatchObject({ messages: 0, context: 0 });
  await client.sessions.rollback({ ...main, seq });
  expect(await contents(client, 'main')).toEqual(['shared']);
  expect((await client.sessions.merge(back)).merged).toMatchObject({ messages: 1, context: 1 });
  expect(await contents(client, 'main')).toEqual(['shared', 'b1']);
});

test('a long merge comes in pieces, in the order in which it was said', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  await branched(client);
  const texts = Array.from({ length: 450 }, (_, n) => `b${n}`);
  await Promise.all(texts.map((content) => client.messages.send({ ...branch, role: 'user', content })));
  const { merged } = await client.sessions.merge(back, { idempotencyKey: 'long' });
  expect(merged.messages).toBe(450);
  const { items } = await client.messages.list({ ...main, limit: 1000 });
  expect(items.map(({ content }) => content)).toEqual(['shared', ...texts]);
});

test('tasks that have ended come with their results, and nobody does them again', async () => {
  await using system = await createTestSystem();
  await branched(system.client);
  const { tasks } = system.client;
  for (const taskId of ['done', 'lost', 'open', 'dropped'])
    await tasks.create({ ...branch, taskId, title: taskId, input: 1 });
  await tasks.create({ ...main, taskId: 'done', title: 'another' });
  for (const taskId of ['done', 'lost']) await tasks.start({ ...branch, taskId, owner: 'me' });
  await tasks.complete({ ...branch, taskId: 'done', result: { found: 7 } });
  await tasks.fail({ ...branch, taskId: 'lost', error: { message: 'no way' }, retryable: false });
  await tasks.cancel({ ...branch, taskId: 'dropped' });
  const differences = await system.client.sessions.compare({ ...main, otherSessionId: 'branch' });
  expect(
    differences.items.filter(({ part }) => part === 'task').map(({ kind, key }) => `${kind} ${key}`),
  ).toEqual([
    ...[
      'onlyThere branch/done',
      'onlyThere branch/dropped',
      'onlyThere branch/lost',
      'onlyThere branch/open',
    ],
    'onlyHere main/done',
  ]);
  expect((await system.client.sessions.merge(back)).tasks).toBe(3);
  await system.restart('kill');
  const { client } = system;
  expect((await client.sessions.merge(back)).tasks).toBe(0);
  const all = await client.tasks.list({ ...main, limit: 10 });
  expect(all.items.map(({ taskId, status }) => `${taskId} ${status}`).sort()).toEqual([
    ...['done pending', 'done_branch completed', 'dropped cancelled', 'lost failed'],
  ]);
  expect(await client.tasks.get({ ...main, taskId: 'done_branch' })).toMatchObject({
    ...{ result: { found: 7 }, input: 1, origin: { sessionId: 'branch', taskId: 'done' } },
  });
  expect(await client.tasks.get({ ...main, taskId: 'lost' })).toMatchObject({ error: { message: 'no way' } });
});

test('a task that had failed when it was merged, and is completed since, is completed by the next merge', async () => {
  await using system = await createTestSystem();
  await branched(system.client);
  const { tasks, sessions } = system.client;
  const lose = async (of: { sessionId: string; taskId: string }, owner = 'me') => {
    await tasks.start({ ...of, owner });
    await tasks.fail({ ...of, error: { message: 'no way' }, retryable: false });
  };
  const [ours, theirs] = [
    { ...main, taskId: 'ours' },
    { ...branch, taskId: 'theirs' },
  ];
  await tasks.create({ ...ours, title: 'ours' });
  await tasks.create({ ...theirs, title: 'theirs' });
  await tasks.create({ ...branch, taskId: 'again', title: 'again' });
  for (const of of [ours, theirs, { ...branch, taskId: 'again' }]) await lose(of);
  await sessions.merge({ ...branch, fromSessionId: 'main' });
  expect((await sessions.merge(back)).tasks).toBe(2);
  const waits = { ...main, taskId: 'waits', title: 'waits' };
  await tasks.create({ ...waits, dependencies: [{ taskId: 'theirs', onFailure: 'block' }] });
  // What was tried once more here is in the hands of whoever does it here.
  await tasks.retry({ ...main, taskId: 'again' });
  for (const taskId of ['ours', 'theirs', 'again']) {
    await tasks.retry({ ...branch, taskId });
    await tasks.start({ ...branch, taskId, owner: 'me' });
    await tasks.complete({ ...branch, taskId, result: `${taskId} at last` });
  }
  await tasks.create({ ...branch, taskId: 'later', title: 'later' });
  await tasks.cancel({ ...branch, taskId: 'later' });
  expect((await sessions.merge(back)).tasks).toBe(3);
  const now = async (taskId: string) => {
    const { status, result } = await tasks.get({ ...main, taskId });
    return [status, result ?? null];
  };
  expect(await now('theirs')).toEqual(['completed', 'theirs at last']);
  expect(await now('ours')).toEqual(['completed', 'ours at last']);
  expect(await now('waits')).toEqual(['pending', null]);
  expect(await now('again')).toEqual(['pending', null]);
  const { items } = await tasks.history({ ...main, taskId: 'theirs' });
  expect(items.map(({ type }) => type).slice(-3)).toEqual(['task.retried', 'task.started', 'task.completed']);
  expect(items.at(-2)).toMatchObject({ data: { owner: 'session:branch' } });
  expect((await sessions.merge(back)).tasks).toBe(0);
  // Given up here, it is completed by the end that there is: it does not matter what came in between.
  await lose({ ...main, taskId: 'again' });
  expect((await sessions.merge(back)).tasks).toBe(1);
  expect(await now('again')).toEqual(['completed', 'again at last']);
});

test('what an erasure takes is in no answer that was kept, and a merge that is refused brings no tasks', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  const { sessions, memory, tasks, handoffs } = client;
  await branched(client);
  await memory.set({ ...branch, key: 'plan', value: 'theirs' });
  await memory.set({ ...main, key: 'plan', value: 'ours' });
  const merge = () => sessions.merge({ ...back, parts: ['context'] }, { idempotencyKey: 'one' });
  const first = await merge();
  expect(first.conflicts).toMatchObject([{ key: 'plan', values: { theirs: 'theirs' } }]);
  expect(await merge()).toEqual({ ...first, repeated: true });
  await sessions.erase({ ...main, reason: 'asked to' });
  expect(await merge()).toEqual({ ...first, conflicts: [], repeated: true });

  await sessions.fork({ ...branch, newSessionId: 'owned' });
  await tasks.create({ ...branch, taskId: 'done', title: 'done' });
  await tasks.cancel({ ...branch, taskId: 'done' });
  await sessions.create({ sessionId: 'desk' });
  const to = { sessionId: 'desk' };
  const { handoffId } = await handoffs.offer({ sessionId: 'owned', to, kind: 'context_transfer' });
  const { ownershipEpoch: epoch } = await handoffs.accept({ ...to, handoffId });
  const asked = { sessionId: 'owned', fromSessionId: 'branch' };
  expect(await codeOf(sessions.merge(asked))).toBe('OWNERSHIP_REQUIRED');
  expect((await tasks.list({ sessionId: 'owned' })).items).toEqual([]);
  const merged = await sessions.merge(asked, { ownership: { owner: 'desk', epoch } });
  expect(merged.tasks).toBe(1);
});
