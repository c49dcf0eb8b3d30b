// The session manager itself may fail: its supervisor starts it again, and whoever spoke to it before goes on. Failing too
// often it takes the system along, in order and told.
import { describe, expect, test } from 'vitest';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, quiet, watch } from '../support/outcome.ts';

const idsOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `s${i}`);

async function started(options = {}): Promise<TestSystem & { starts: string[] }> {
  const starts: string[] = [];
  const agents = {
    waiter({ session, signal }: AgentContext): Promise<void> {
      starts.push(`${session.id} ${session.incarnation}`);
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    },
  };
  const test = await createTestSystem({ agents, passivateAfterMs: null, ...options });
  for (const sessionId of idsOf(3)) await test.client.sessions.create({ sessionId });
  return Object.assign(test, { starts });
}

const say = ({ client }: TestSystem, sessionId: string, content: string): Promise<{ seq: number }> =>
  client.messages.send({ sessionId, role: 'user', content });

const contentsIn = async ({ client }: TestSystem, sessionId: string): Promise<unknown[]> =>
  (await client.messages.list({ sessionId, limit: 1_000 })).items.map(({ content }) => content);

const named = ({ telemetry }: TestSystem, name: string): unknown[] =>
  telemetry.filter((event) => event.name === name);

async function restarted(test: TestSystem): Promise<void> {
  await quiet();
  await test.clock.advance(1);
  await quiet();
}

describe('a session manager that fails', () => {
  test('is started again with all its sessions, and their agents go on', async () => {
    await using test = await started();
    const { runId } = await test.client.agents.start({ sessionId: 's1', agent: 'waiter' });
    for (const sessionId of idsOf(3)) await say(test, sessionId, 'before');
    test.crashManager();
    await restarted(test);
    expect(test.system.status).toBe('serving');
    expect(test.starts).toEqual(['s1 1', 's1 2']);
    expect(await test.client.agents.get({ sessionId: 's1', runId })).toMatchObject({
      incarnation: 2,
      isRunning: true,
    });
    for (const sessionId of idsOf(3)) await say(test, sessionId, 'after');
    for (const sessionId of idsOf(3)) expect(await contentsIn(test, sessionId)).toEqual(['before', 'after']);
    const { items } = await test.client.sessions.list({ sort: 'name' });
    expect(items.map(({ sessionId, messages }) => [sessionId, messages]).sort()).toEqual(
      idsOf(3).map((id) => [id, 2]),
    );
    expect(named(test, 'service.crashed')[0]).toMatchObject({
      data: { name: 'sessions', problem: 'a fault in the manager' },
    });
  });

  test('loses nothing acknowledged: what was on its way is answered or refused with a code, and tells the truth', async () => {
    await using test = await started();
    const held = test.disk.holdWrites();
    const calls = idsOf(3).flatMap((sessionId) =>
      ['a', 'b', 'c'].map((content) => [sessionId, content] as const),
    );
    const outcomes = calls.map(([sessionId, content]) => codeOf(say(test, sessionId, content)));
    await held.arrived;
    test.crashManager();
    await quiet();
    held.release();
    await restarted(test);
    const codes = await Promise.all(outcomes);
    expect(codes.filter((code) => !['answered', 'NOT_COMMITTED', 'OUTCOME_UNKNOWN'].includes(code))).toEqual(
      [],
    );
    expect(codes).toContain('answered');
    for (const sessionId of idsOf(3)) {
      const contents = await contentsIn(test, sessionId);
      expect(contents).toEqual([...new Set(contents)]);
      calls.forEach(([id, content], i) => {
        if (id !== sessionId || codes[i] === 'OUTCOME_UNKNOWN') return;
        expect([content, contents.includes(content)]).toEqual([content, codes[i] === 'answered']);
      });
      await say(test, sessionId, 'after');
    }
  });

  test('starts no session of its own any more while the next one is being started', async () => {
    await using test = await started();
    await say(test, 's0', 'before');
    test.crashManager();
    const codes: string[] = [];
    const calls: Promise<unknown>[] = [];
    for (let turn = 0; turn < 300 && !codes.includes('answered'); turn++) {
      calls.push(codeOf(say(test, 's0', `${turn}`)).then((code) => codes.push(code)));
      await (turn < 100 ? Promise.resolve() : quiet(1));
    }
    await restarted(test);
    await Promise.all(calls);
    expect(
      codes.filter((code) => !['answered', 'NOT_COMMITTED', 'SYSTEM_NOT_SERVING'].includes(code)),
    ).toEqual([]);
    const contents = await contentsIn(test, 's0');
    expect(codes).toContain('answered');
    expect(codes).toContain('SYSTEM_NOT_SERVING');
    expect(contents.length).toBe(1 + codes.filter((code) => code === 'answered').length);
    expect(test.system.activeSessions).toBe(1);
    expect(named(test, 'entity.rehydrating')).toEqual([]);
  });

  test('ends no subscription: callbacks and iterators hear of what follows, each event once', async () => {
    await using test = await started();
    const heard: Record<string, string[]> = { one: [], all: [], iterated: [] };
    const note = (who: string) => (event: { sessionId: string; seq?: number | undefined }) => {
      heard[who]?.push(`${event.sessionId}:${event.seq}`);
    };
    await test.client.events.subscribe('s0', note('one'));
    await test.client.events.subscribeAll(note('all'));
    const stop = new AbortController();
    const iterating = (async () => {
      for await (const event of test.client.events.stream({ sessionId: 's0', signal: stop.signal }))
        note('iterated')(event);
    })().catch(() => undefined);
    await quiet();
    await say(test, 's0', 'before');
    const held = test.disk.holdWrites();
    const unsure = codeOf(say(test, 's0', 'during'));
    await held.arrived;
    test.crashManager();
    held.release();
    await restarted(test);
    await unsure;
    await say(test, 's0', 'after');
    await quiet();
    const { seq } = await test.client.sessions.get({ sessionId: 's0' });
    const every = Array.from({ length: seq }, (_, i) => `s0:${i + 1}`);
    expect(seq).toBe(5);
    expect(heard).toEqual({ one: every.slice(2), all: every.slice(2), iterated: every });
    stop.abort();
    await iterating;
  });
});

describe('a session manager that fails four times within five seconds', () => {
  test('takes the system along, which refuses what comes, says so, and can be closed', async () => {
    await using test = await started();
    await say(test, 's0', 'kept');
    for (let crash = 1; crash <= 3; crash++) {
      test.crashManager();
      await restarted(test);
      expect(test.system.status).toBe('serving');
    }
    expect(named(test, 'system.failed')).toEqual([]);
    test.crashManager();
    await restarted(test);
    expect(test.system.status).toBe('failed');
    expect(named(test, 'system.failed').length).toBe(1);
    expect(await codeOf(say(test, 's0', 'x'))).toBe('SYSTEM_NOT_SERVING');
    expect(await codeOf(test.client.sessions.create({}))).toBe('SYSTEM_NOT_SERVING');
    const closed = watch(test.close());
    await quiet();
    expect(closed.outcome).toBe('answered');
    expect(test.system.status).toBe('stopped');
    await test.restart();
    expect(await contentsIn(test, 's0')).toEqual(['kept']);
  });

  test('but not when the fourth comes after the five seconds', async () => {
    await using test = await started();
    for (let crash = 1; crash <= 4; crash++) {
      test.crashManager();
      await restarted(test);
      if (crash === 3) await test.clock.advance(5_001);
    }
    expect(test.system.status).toBe('serving');
  });
});
