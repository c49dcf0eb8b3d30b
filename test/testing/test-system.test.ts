// The system for tests does to a session and to a process what life does to them, and is the same each time.
import { expect, test } from 'vitest';
import { createTestSystem } from '../../src/testing/index.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const message = { role: 'user', content: 'hello' } as const;

test('ids count on, the clock stands still, and both go on across restarts', async () => {
  await using system = await createTestSystem({ startMs: 1_000 });
  expect((await system.client.sessions.create({})).sessionId).toBe('id-1');
  await system.restart();
  const { sessionId } = await system.client.sessions.create({});
  expect(sessionId).toBe('id-2');
  expect((await system.client.sessions.get({ sessionId })).createdAt).toBe(1_000);
});

test('a crash is a fault of the actor that the supervisor hears of, and the session goes on', async () => {
  await using system = await createTestSystem();
  const { sessionId } = await system.client.sessions.create({});
  for (const actor of ['context', 'root'] as const) {
    system.crash(sessionId, new Error(`in the ${actor}`), actor);
    await quiet();
  }
  const crashed = system.telemetry
    .filter(({ name }) => name === 'session.crashed')
    .map(({ data }) => data.problem);
  expect(crashed).toEqual(['in the context', 'in the root']);
  await system.clock.advance(1_000);
  expect(await codeOf(system.client.messages.send({ ...message, sessionId }))).toBe('answered');
});

test('only what lives can crash', async () => {
  await using system = await createTestSystem();
  expect(() => system.crash('nobody')).toThrow(RangeError);
  const { sessionId } = await system.client.sessions.create({});
  await system.client.sessions.hibernate({ sessionId });
  await quiet();
  expect(() => system.crash(sessionId)).toThrow(`${sessionId} has no living actors`);
  expect(system.telemetry.map(({ name }) => name)).not.toContain('session.crashed');
});

test('a kill settles nothing: what was written is there, what was not is not', async () => {
  await using system = await createTestSystem();
  const { sessionId } = await system.client.sessions.create({});
  await system.client.messages.send({ ...message, sessionId, content: 'written' });
  const held = system.disk.holdWrites();
  const lost = codeOf(system.client.messages.send({ ...message, sessionId, content: 'lost' }));
  await held.arrived;
  const killed = system.restart('kill');
  await quiet();
  held.release();
  await killed;
  const { items } = await system.client.messages.list({ sessionId });
  expect(items.map(({ content }) => content)).toEqual(['written']);
  expect(await lost).toBe('OUTCOME_UNKNOWN');
});

test('a dead process does nothing more, however much time passes', async () => {
  await using system = await createTestSystem();
  const { sessionId } = await system.client.sessions.create({ config: { idleAfterMs: 1_000 } });
  await system.restart('kill');
  const { writes } = system.disk;
  await system.clock.advance(10_000);
  expect(system.disk.writes).toBe(writes);
  expect((await system.client.events.list({ sessionId })).items.length).toBe(2);
});

test('options reach the system, and its own listeners take none away', async () => {
  const heard: string[] = [];
  let inspected = 0;
  await using system = await createTestSystem({
    maxSessions: 1,
    onTelemetry: ({ name }) => heard.push(name),
    inspect: () => {
      inspected += 1;
    },
  });
  await system.client.sessions.create({});
  expect(await codeOf(system.client.sessions.create({}))).toBe('SESSION_LIMIT');
  expect(heard).toEqual(system.telemetry.map(({ name }) => name));
  expect(inspected).toBeGreaterThan(0);
});
