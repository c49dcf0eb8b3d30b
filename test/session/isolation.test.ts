// An error in one session, its subscribers or an inspector harms nobody else: not its siblings, not the manager, not the
// process. Vitest fails this file for any error that nobody has caught.
import { describe, expect, test } from 'vitest';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/test-system.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const idsOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `s${i}`);

async function withSessions(count: number, options?: TestSystemOptions): Promise<TestSystem> {
  const test = await createTestSystem({ passivateAfterMs: null, ...options });
  await Promise.all(idsOf(count).map((sessionId) => test.client.sessions.create({ sessionId })));
  return test;
}

const send = ({ client }: TestSystem, sessionId: string, content = 'hello'): Promise<unknown> =>
  client.messages.send({ sessionId, role: 'user', content });

const contentsIn = async ({ client }: TestSystem, sessionId: string): Promise<unknown[]> =>
  (await client.messages.list({ sessionId, limit: 1_000 })).items.map(({ content }) => content);

const reported = ({ telemetry }: TestSystem, name: string): unknown[] =>
  telemetry.filter((event) => event.name === name).map(({ data }) => data.sessionId ?? data.topic);

describe('a session that crashes', () => {
  test.each(['context', 'root'] as const)(
    'by an error in its %s actor comes back with all that was acknowledged, in the same place',
    async (actor) => {
      await using test = await withSessions(1);
      for (const content of ['a', 'b', 'c']) await send(test, 's0', content);
      const before = await test.client.sessions.get({ sessionId: 's0' });
      test.crash('s0', new Error('boom'), actor);
      await quiet();
      expect(await test.client.sessions.get({ sessionId: 's0' })).toEqual(before);
      await send(test, 's0', 'd');
      expect(await contentsIn(test, 's0')).toEqual(['a', 'b', 'c', 'd']);
      const crashed = test.telemetry.find(({ name }) => name === 'session.crashed');
      expect(crashed?.data).toEqual({ sessionId: 's0', incarnation: 1, problem: 'boom' });
    },
  );

  test('touches none of a hundred others: no incarnation, no command, no event of theirs', async () => {
    await using test = await withSessions(100);
    const heard: string[] = [];
    await test.client.events.subscribeAll(({ sessionId, type }) => heard.push(`${sessionId} ${type}`));
    const held = test.disk.holdWrites();
    const calls = idsOf(100).map((id) => codeOf(send(test, id)));
    await held.arrived;
    test.crash('s7');
    held.release();
    for (let i = 0; i < 9; i++) {
      await quiet();
      await test.clock.advance(10_000);
      test.crash('s7');
    }
    const outcomes = await Promise.all(calls);
    expect(outcomes.filter((outcome) => outcome === 'answered').length).toBe(100);
    expect(new Set(reported(test, 'session.crashed'))).toEqual(new Set(['s7']));
    expect(reported(test, 'session.started').filter((id) => id !== 's7').length).toBe(99);
    expect(heard.filter((event) => !event.startsWith('s7 ')).length).toBe(99);
    expect(test.system.status).toBe('serving');
  });

  test('too often is quarantined: it can be read, takes no writes, and the others go on', async () => {
    await using test = await withSessions(3);
    await send(test, 's0');
    await quiet();
    for (let i = 0; i < 11; i++) {
      test.crash('s0');
      await test.clock.advance(10_000);
    }
    expect(reported(test, 'session.quarantined')).toEqual(['s0']);
    const { client } = test;
    expect(await client.sessions.get({ sessionId: 's0' })).toMatchObject({
      status: 'quarantined',
      messages: 1,
    });
    expect(await contentsIn(test, 's0')).toEqual(['hello']);
    const { items } = await client.sessions.list({ sort: 'name' });
    expect(items.map(({ sessionId, status }) => [sessionId, status])).toContainEqual(['s0', 'quarantined']);
    expect(await codeOf(send(test, 's0'))).toBe('SESSION_QUARANTINED');
    expect(await codeOf(client.sessions.terminate({ sessionId: 's0' }))).toBe('SESSION_QUARANTINED');
    expect(await codeOf(send(test, 's1'))).toBe('answered');
  });

  test('is not brought back from quarantine by a deadline', async () => {
    await using test = await createTestSystem({ passivateAfterMs: null });
    await test.client.sessions.create({ sessionId: 's0', config: { endAfterMs: 2_000_000 } });
    await quiet();
    for (let i = 0; i < 11; i++) {
      test.crash('s0');
      await test.clock.advance(10_000);
    }
    expect(reported(test, 'session.quarantined')).toEqual(['s0']);
    const { seq } = await test.client.sessions.get({ sessionId: 's0' });
    await test.clock.advance(10_000_000);
    expect(await test.client.sessions.get({ sessionId: 's0' })).toMatchObject({ status: 'quarantined', seq });
    expect(await codeOf(send(test, 's0'))).toBe('SESSION_QUARANTINED');
  });

  test('does not keep the system from closing while it waits for its next start', async () => {
    const test = await withSessions(2);
    await quiet();
    for (let i = 0; i < 8; i++) {
      test.crash('s0');
      await test.clock.advance(i < 7 ? 10_000 : 0);
    }
    const waiting = codeOf(send(test, 's0'));
    await quiet();
    await test.close();
    expect(await waiting).toBe('SYSTEM_NOT_SERVING');
    expect(test.system.status).toBe('stopped');
  });
});

describe('a subscriber that throws', () => {
  const throwing = (): never => {
    throw new Error('a bad listener');
  };

  test.each([
    ['at once', throwing],
    ['later', async () => throwing()],
  ])('%s loses no event itself, and keeps none from others', async (_, fail) => {
    await using test = await withSessions(2);
    const { client } = test;
    const heard: Record<string, string[]> = { failing: [], other: [], all: [] };
    await client.events.subscribe('s0', ({ type }) => {
      heard.failing?.push(type);
      return fail();
    });
    await client.events.subscribe('s0', ({ type }) => heard.other?.push(type));
    await client.events.subscribeAll(({ type }) => heard.all?.push(type));
    await client.sessions.pause({ sessionId: 's0' });
    await client.sessions.resume({ sessionId: 's0' });
    await client.sessions.terminate({ sessionId: 's0' });
    await quiet();
    const edges = Array(4).fill('session.statusChanged');
    const types = ['checkpoint.created', ...edges, 'session.terminated'];
    expect(heard).toEqual({ failing: types, other: types, all: types });
    expect(reported(test, 'subscriber.failed')).toEqual(Array(6).fill('session/s0'));
    expect(await codeOf(send(test, 's1'))).toBe('answered');
  });

  test('harms nobody when it is the one for operators either', async () => {
    await using test = await withSessions(2, { onTelemetry: throwing });
    test.crash('s0');
    await quiet();
    expect(await codeOf(send(test, 's0'))).toBe('answered');
  });
});

describe('an inspector that throws', () => {
  test('loses no command and no event, and the actors it looks at live on', async () => {
    await using test = await withSessions(2, {
      inspect: () => {
        throw new Error('a bad inspector');
      },
    });
    for (const content of ['a', 'b']) await send(test, 's0', content);
    test.crash('s0');
    await quiet();
    await send(test, 's0', 'c');
    expect(await contentsIn(test, 's0')).toEqual(['a', 'b', 'c']);
    expect(test.system.status).toBe('serving');
  });

  test('of the manager, the sessions and their contexts alike sees all of them', async () => {
    const seen = new Set<string>();
    await using test = await withSessions(1, {
      inspect: ({ actorRef }) => seen.add(Reflect.get(actorRef, 'id')),
    });
    await send(test, 's0');
    expect(seen).toEqual(new Set(['session-manager', 'sessions', 'session:s0', 'context']));
  });
});

test('a subscriber of one session never hears of another, however mixed their commands are', async () => {
  await using test = await withSessions(20);
  const heard = new Map<string, string[]>();
  for (const id of idsOf(20)) {
    heard.set(id, []);
    await test.client.events.subscribe(id, ({ sessionId, seq, stream = '' }) =>
      heard.get(id)?.push(`${sessionId}:${stream}${seq}`),
    );
  }
  const calls = Array.from({ length: 400 }, (_, i) => send(test, `s${(i * 7) % 20}`));
  test.crash('s3');
  await Promise.all(calls.map(codeOf));
  for (const [id, events] of heard) {
    expect(events.filter((event) => !event.startsWith(`${id}:`))).toEqual([]);
    expect(events).toEqual([...new Set(events)]);
    if (id !== 's3') expect(events).toEqual(Array.from({ length: 20 }, (_, i) => `${id}:${i + 3}`));
  }
});

test('a restart of its agents and the passing of time are no progress: a session that only crashes is quarantined', async () => {
  const agents = {
    idler: ({ signal }: { signal: AbortSignal }) =>
      new Promise((end) => signal.addEventListener('abort', end)),
  };
  await using test = await withSessions(1, { agents });
  await test.client.agents.start({ sessionId: 's0', agent: 'idler' });
  for (let i = 0; i < 12 && reported(test, 'session.quarantined').length === 0; i++) {
    await quiet();
    test.crash('s0');
    await test.clock.advance(100_000);
  }
  expect(reported(test, 'session.crashed').length).toBe(11);
  expect(reported(test, 'session.quarantined')).toEqual(['s0']);
});
