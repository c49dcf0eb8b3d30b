// A system whose session list is still being loaded: sessions serve, the list waits, and then it is whole.
import { describe, expect, test } from 'vitest';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/index.ts';
import { type GatedHeads, gateHeads } from '../support/gated-heads.ts';
import { codeOf, quiet, watch } from '../support/outcome.ts';

/** Started over the sessions s0, s1 and so on, with every page of heads held back. */
async function loading(
  count = 3,
  options: TestSystemOptions = {},
): Promise<TestSystem & { heads: GatedHeads }> {
  const made = await createTestSystem(options);
  for (let i = 0; i < count; i++) await made.client.sessions.create({ sessionId: `s${i}` });
  const heads = gateHeads(made.disk);
  heads.hold();
  await made.restart();
  return Object.assign(Object.create(made) as TestSystem, { heads });
}

const say = ({ client }: TestSystem, sessionId: string) =>
  client.messages.send({ sessionId, role: 'user', content: 'hello' });

const listed = async ({ client }: TestSystem): Promise<string[]> =>
  (await client.sessions.list({ sort: 'name', limit: 500 })).items.map(({ sessionId }) => sessionId);

const damagedHeads = ({ telemetry }: TestSystem): number =>
  telemetry.filter(({ name }) => name === 'head.damaged').length;

async function rotHead({ disk }: TestSystem, sessionId: string): Promise<void> {
  await disk.data.put(`h!session/${sessionId}`, 'rot');
}

describe('while the session list is being loaded', () => {
  test('sessions serve: they are read and written, opened and ended', async () => {
    await using made = await loading();
    expect(made.system.status).toBe('serving');
    expect(await made.client.sessions.get({ sessionId: 's1' })).toMatchObject({ status: 'active' });
    await say(made, 's1');
    await made.client.sessions.create({ sessionId: 's9' });
    await made.client.sessions.terminate({ sessionId: 's2' });
    expect(await made.client.projections.list()).toMatchObject([
      { loading: true, rows: 0, rebuilding: false },
    ]);
    made.heads.release();
  });

  test('lists and counts wait, and then hold all that was answered before them', async () => {
    await using made = await loading();
    await made.client.sessions.create({ sessionId: 'before' });
    const list = watch(made.client.sessions.list({}));
    const counts = made.client.sessions.count({});
    await say(made, 's1');
    await made.client.sessions.terminate({ sessionId: 's2', cleanup: true });
    await made.client.sessions.create({ sessionId: 'meanwhile' });
    await quiet();
    expect([list.outcome, made.heads.asked]).toEqual(['waiting', 1]);
    const asked = listed(made);
    made.heads.release();
    expect(await asked).toEqual(['before', 'meanwhile', 's0', 's1']);
    expect(await counts).toMatchObject({ total: 4 });
    expect((await made.client.sessions.list({ limit: 500 })).items).toContainEqual(
      expect.objectContaining({ sessionId: 's1', messages: 1 }),
    );
    expect(await made.client.projections.list()).toMatchObject([{ loading: false, rows: 4, lag: 0 }]);
  });

  test('what changes between two pages of heads is in the list, on whichever page it stands', async () => {
    await using made = await loading(300);
    made.heads.passOne();
    await quiet();
    expect(await made.client.projections.list()).toMatchObject([{ loading: true, rows: 250 }]);
    for (const sessionId of ['s0', 's99']) await made.client.sessions.terminate({ sessionId, cleanup: true });
    for (const sessionId of ['s1', 's98']) await say(made, sessionId);
    for (const sessionId of ['a', 'z']) await made.client.sessions.create({ sessionId });
    made.heads.release();
    const names = await listed(made);
    expect(names.length).toBe(300);
    expect([names.includes('s0'), names.includes('s99')]).toEqual([false, false]);
    expect([names.at(0), names.at(-1)]).toEqual(['a', 'z']);
    const { items } = await made.client.sessions.list({ sort: 'name', limit: 500 });
    expect(items.filter(({ messages }) => messages === 1).map(({ sessionId }) => sessionId)).toEqual([
      's1',
      's98',
    ]);
  });

  test('the number of open sessions is exact', async () => {
    await using made = await loading(3, { maxSessions: 4 });
    await made.client.sessions.create({ sessionId: 'fourth' });
    expect(await codeOf(made.client.sessions.create({ sessionId: 'fifth' }))).toBe('SESSION_LIMIT');
    await made.client.sessions.terminate({ sessionId: 's0' });
    await made.client.sessions.create({ sessionId: 'fifth' });
    made.heads.release();
  });

  test('the system closes without waiting for it, and whoever waits is refused', async () => {
    const made = await loading();
    const waiting = codeOf(made.client.sessions.list({}));
    await quiet();
    await made.close();
    expect(await waiting).toBe('SYSTEM_NOT_SERVING');
    made.heads.release();
    await quiet();
    expect(made.system.status).toBe('stopped');
  });

  test('a rebuild that is asked for is the load itself', async () => {
    await using made = await loading();
    const rebuilt = made.client.projections.rebuild({ name: 'sessions' });
    await quiet();
    expect(made.heads.asked).toBe(1);
    made.heads.release();
    expect(await rebuilt).toMatchObject({ rows: 3, loading: false });
  });

  test('a session manager that is started again begins it anew', async () => {
    await using made = await loading();
    const lost = codeOf(made.client.sessions.list({}));
    made.crashManager();
    await quiet();
    await made.clock.advance(1);
    await quiet();
    expect(await lost).toBe('SYSTEM_NOT_SERVING');
    expect([made.system.status, made.heads.asked]).toEqual(['serving', 2]);
    await say(made, 's1');
    const asked = listed(made);
    made.heads.release();
    expect(await asked).toEqual(['s0', 's1', 's2']);
  });
});

test('a damaged head is reported once at a start, though the list reads it again, and once more by a rebuild', async () => {
  await using made = await createTestSystem();
  for (const sessionId of ['s1', 's2']) await made.client.sessions.create({ sessionId });
  await rotHead(made, 's1');
  await made.restart();
  expect(damagedHeads(made)).toBe(1);
  expect(await listed(made)).toEqual(['s2']);
  expect(damagedHeads(made)).toBe(1);
  await made.client.projections.rebuild({ name: 'sessions' });
  expect(damagedHeads(made)).toBe(2);
});
