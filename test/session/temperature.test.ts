// Active, resident, stored: what is in memory of a session is nobody's business but its metric's. Quiet ones lose their actors,
// their number is bounded, and whatever is asked of them wakes them as they were.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/index.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const idsOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `s${i}`);

async function withSessions(count: number, options: TestSystemOptions): Promise<TestSystem> {
  const test = await createTestSystem(options);
  for (const sessionId of idsOf(count)) await test.client.sessions.create({ sessionId });
  return test;
}

const send = ({ client }: TestSystem, sessionId: string, content = 'hello') =>
  client.messages.send({ sessionId, role: 'user', content });

const temperature = ({ system }: TestSystem): [active: number, resident: number] => [
  system.activeSessions,
  system.residentSessions,
];

const named = (test: TestSystem, name: string): unknown[] =>
  test.telemetry.filter((event) => event.name === name).map(({ data }) => data.sessionId);

describe('a quiet session', () => {
  test('loses its actors, can be read without them, and is woken by the next command as it was', async () => {
    await using test = await withSessions(3, { passivateAfterMs: 60_000 });
    await test.clock.advance(30_000);
    await send(test, 's1');
    await test.clock.advance(30_000);
    expect(temperature(test)).toEqual([1, 2]);
    expect(named(test, 'session.passivated').sort()).toEqual(['s0', 's2']);
    await test.clock.advance(30_000);
    expect(temperature(test)).toEqual([0, 3]);
    const before = await test.client.sessions.get({ sessionId: 's1' });
    expect(before).toMatchObject({ status: 'active', messages: 1 });
    expect(temperature(test)).toEqual([0, 3]);
    await send(test, 's1', 'again');
    expect(temperature(test)).toEqual([1, 2]);
    expect(await test.client.sessions.get({ sessionId: 's1' })).toMatchObject({
      messages: 2,
      seq: before.seq + 1,
    });
  });

  test('passes through it without an event: its stream and its subscribers know nothing of it', async () => {
    await using test = await withSessions(1, { passivateAfterMs: 1_000 });
    const heard: string[] = [];
    await test.client.events.subscribe('s0', ({ type }) => heard.push(type));
    const events = test.client.events.stream({ sessionId: 's0', after: 'now' });
    for (let i = 0; i < 3; i++) {
      await test.clock.advance(1_000);
      expect(temperature(test)).toEqual([0, 1]);
      await send(test, 's0');
    }
    expect(heard).toEqual(['message.sent', 'message.sent', 'message.sent']);
    for (let i = 0; i < 3; i++)
      expect((await events.next()).value).toMatchObject({ type: 'message.sent', seq: i + 3 });
    await events.return();
  });

  test('still falls idle and dormant, and is ended, at its own times', async () => {
    await using test = await createTestSystem({ passivateAfterMs: 1_000 });
    const config = { idleAfterMs: 5_000, dormantAfterMs: 10_000, endAfterQuietMs: 20_000 };
    await test.client.sessions.create({ sessionId: 's', config });
    await test.clock.advance(25_000);
    const { items } = await test.client.events.list({ sessionId: 's' });
    const edges = items.filter(({ type }) => type === 'session.statusChanged');
    expect(edges.map(({ data }) => (data as { to: string }).to)).toEqual([
      ...['active', 'idle', 'dormant', 'terminating', 'terminated'],
    ]);
  });

  test('is stored, and no more, where nothing may stay in memory', async () => {
    await using test = await withSessions(2, { passivateAfterMs: 1_000, residentBytes: 0 });
    await test.clock.advance(1_000);
    expect(temperature(test)).toEqual([0, 0]);
    await send(test, 's0');
    expect((await test.client.sessions.get({ sessionId: 's0' })).messages).toBe(1);
  });

  test('stays in memory as long as there is room: the one that was used longest ago leaves first', async () => {
    await using test = await withSessions(4, { passivateAfterMs: 1_000, residentBytes: 7_000 });
    await test.clock.advance(1_000);
    expect(temperature(test)).toEqual([0, 3]);
  });

  test('never loses its actors where that is not wanted', async () => {
    await using test = await withSessions(2, { passivateAfterMs: null });
    await test.clock.advance(200_000);
    expect(temperature(test)).toEqual([2, 0]);
  });
});

describe('the number of active sessions', () => {
  test('is bounded: the one that was quiet longest gives its place to the next', async () => {
    await using test = await withSessions(5, { maxActiveSessions: 2, passivateAfterMs: null });
    expect(temperature(test)).toEqual([2, 3]);
    await send(test, 's0');
    await test.clock.advance(10);
    await send(test, 's1');
    await test.clock.advance(10);
    await send(test, 's2');
    expect(named(test, 'session.passivated').at(-1)).toBe('s0');
    expect(temperature(test)).toEqual([2, 3]);
  });

  test('holds while many come at once, and all of them are answered', async () => {
    await using test = await createTestSystem({ maxActiveSessions: 8 });
    const ids = idsOf(200);
    let most = 0;
    const outcomes = await Promise.all(
      ids.map(async (sessionId) => {
        await test.client.sessions.create({ sessionId });
        most = Math.max(most, test.system.activeSessions);
        return codeOf(send(test, sessionId));
      }),
    );
    expect(outcomes.every((outcome) => outcome === 'answered')).toBe(true);
    expect(most).toBeLessThanOrEqual(8);
  });

  test('is refused with a time to try again when agents hold all places', async () => {
    const agents = {
      idler: ({ signal }: { signal: AbortSignal }) =>
        new Promise((end) => signal.addEventListener('abort', end)),
    };
    await using test = await createTestSystem({ maxActiveSessions: 1, agents });
    await test.client.sessions.create({ sessionId: 'a' });
    const { runId } = await test.client.agents.start({ sessionId: 'a', agent: 'idler' });
    await quiet();
    expect(await codeOf(test.client.sessions.create({ sessionId: 'b' }))).toBe('OVERLOADED');
    await test.client.agents.stop({ sessionId: 'a', runId });
    expect(await codeOf(test.client.sessions.create({ sessionId: 'b' }))).toBe('answered');
  });
});

test('a session whose actors are stopped by somebody else holds no place, and is woken by the next command', async () => {
  const roots: { readonly id?: string; send(event: { type: string }): void }[] = [];
  const inspect = ({ type, actorRef }: { type: string; actorRef: unknown }): void => {
    if (type === '@xstate.actor') roots.push(actorRef as (typeof roots)[number]);
  };
  await using test = await withSessions(1, { maxActiveSessions: 1, inspect });
  roots.find(({ id }) => id === 'session:s0')?.send({ type: 'xstate.stop' });
  await quiet();
  expect(temperature(test)[0]).toBe(0);
  await test.client.sessions.create({ sessionId: 'other' });
  await send(test, 's0');
  expect((await test.client.sessions.get({ sessionId: 's0' })).messages).toBe(1);
});

test('property: whatever the temperature, every command is answered once and every read is up to date', async () => {
  const step = fc.record({
    session: fc.nat(3),
    what: fc.constantFrom('send', 'read', 'pass', 'crash', 'hibernate', 'resume'),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40, size: 'max' }),
      fc.constantFrom(0, 5_000, 1_000_000),
      async (steps, residentBytes) => {
        await using test = await withSessions(4, {
          maxActiveSessions: 2,
          passivateAfterMs: 1_000,
          residentBytes,
        });
        const sent = [0, 0, 0, 0];
        for (const { session, what } of steps) {
          const sessionId = `s${session}`;
          if (what === 'send') {
            await send(test, sessionId);
            sent[session] = (sent[session] ?? 0) + 1;
          } else if (what === 'pass') await test.clock.advance(700);
          else if (what === 'hibernate') await test.client.sessions.hibernate({ sessionId });
          else if (what === 'resume') await test.client.sessions.resume({ sessionId });
          else if (what === 'crash') {
            try {
              test.crash(sessionId);
            } catch (error) {
              expect(error).toBeInstanceOf(RangeError);
            }
            await quiet();
            await test.clock.advance(100);
          }
          expect((await test.client.sessions.get({ sessionId })).messages).toBe(sent[session]);
          expect(test.system.activeSessions).toBeLessThanOrEqual(2);
        }
      },
    ),
    { numRuns: 25 },
  );
});
