// An import that goes on with one that was cut off leaves the session as if it had been imported at once.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentDefinition, exportSession, importSession } from 'holdfast';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };

const idler: AgentDefinition = ({ signal }) =>
  new Promise((resolve) => signal.addEventListener('abort', resolve));

let here: TestSystem;
let there: TestSystem;
let root = '';
let file = '';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-resumed-'));
  file = join(root, 's.capsule');
  here = await createTestSystem({ agents: { idler } });
  there = await createTestSystem({ agents: { idler }, maxSessions: 2 });
  await here.client.sessions.create(one);
  await bring();
});
afterEach(async () => {
  await Promise.all([here.close(), there.close()]);
  await rm(root, { recursive: true });
});

/** What there is here by now: of an import that is cut off the first part is there, and reads as a capsule of earlier does. */
async function bring(agents: 'stop' | 'resume' = 'stop'): Promise<void> {
  await exportSession(here.client, { ...one, file });
  await importSession(there.client, { file, agents });
}

test('what was in memory of the part is not what is read of the whole', async () => {
  await there.client.sessions.wake(one);
  await here.client.memory.set({ ...one, key: 'k', value: 1 });
  await bring();
  expect(await there.client.memory.get({ ...one, key: 'k' })).toMatchObject({ value: 1 });
  await there.client.messages.send({ ...one, role: 'user', content: 'on' });
});

test('what is due of the whole is woken', async () => {
  await here.client.agents.start({ ...one, agent: 'idler' });
  await bring('resume');
  await quiet();
  await there.clock.advance(1_000);
  expect(await there.client.agents.list(one)).toMatchObject([{ status: 'running', isRunning: true }]);
});

test('the whole counts once among the sessions that are open, and not at all where it is closed', async () => {
  await bring();
  await here.client.sessions.pause(one);
  await bring();
  await there.client.sessions.create({ sessionId: 'second' });
  expect(await codeOf(there.client.sessions.create({ sessionId: 'third' }))).toBe('SESSION_LIMIT');
  await here.client.sessions.terminate(one);
  await bring();
  await there.client.sessions.create({ sessionId: 'third' });
});

test('an import that has stopped its agents, and was cut off before it could say so, is answered when it is asked again', async () => {
  await here.client.agents.start({ ...one, agent: 'idler' });
  await exportSession(here.client, { ...one, file });
  const first = await importSession(there.client, { file });
  const { items } = await there.client.events.list({ ...one, limit: 100 });
  expect(await importSession(there.client, { file })).toEqual(first);
  expect((await there.client.events.list({ ...one, limit: 100 })).items).toEqual(items);
  await there.client.messages.send({ ...one, role: 'user', content: 'on' });
  expect(await codeOf(importSession(there.client, { file }))).toBe('SESSION_EXISTS');
});
