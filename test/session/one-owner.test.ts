// A session manager that is gone starts nothing any more: no session ever has two.
import { expect, test } from 'vitest';
import type { InspectionEvent } from 'xstate';
import type { OpenStore, Store } from '../../src/journal/level-store.ts';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';
import { createSystem } from '../../src/system.ts';
import { createTestSystem, faultyLevel, manualClock } from '../../src/testing/index.ts';
import { codeOf, errorOf, quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };

function counting() {
  const starts: number[] = [];
  const agent = async ({ session, signal }: AgentContext): Promise<void> => {
    starts.push(session.incarnation);
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  };
  return { starts, agents: { agent } };
}

function watchManagers() {
  const managers: InspectionEvent['actorRef'][] = [];
  const poison = {
    get type(): string {
      throw new Error('a fault in the manager');
    },
  };
  return {
    managers,
    inspect({ type, actorRef }: InspectionEvent): void {
      if (type === '@xstate.actor' && (actorRef as { id?: string }).id === 'session-manager')
        managers.push(actorRef);
    },
    fail: () => managers.at(-1)?.send(poison),
  };
}

test('a session that was about to wake when the manager failed is woken by the next manager, and by no other', async () => {
  const { managers, inspect, fail } = watchManagers();
  const { starts, agents } = counting();
  await using test = await createTestSystem({ agents, inspect });
  const { client, system } = test;
  await client.sessions.create(one);
  await client.agents.start({ ...one, agent: 'agent' });
  await quiet();
  await client.sessions.hibernate(one);
  await quiet();
  const waking = codeOf(client.sessions.wake(one));
  fail();
  expect(await waking).toBe('SYSTEM_NOT_SERVING');
  await quiet();
  expect([managers.length, system.status, starts]).toEqual([2, 'serving', [1]]);
  await client.sessions.wake(one);
  await quiet();
  expect([system.activeSessions, starts]).toEqual([1, [1, 2]]);
  await client.messages.send({ ...one, role: 'user', content: 'one owner' });
});

/** A store in which not all heads can be read: the first of them can. */
function unreadable(open: OpenStore): OpenStore {
  return async () => {
    const store = (await open()) as Store;
    const { iterator } = store;
    return Object.assign(store, {
      iterator(options: { readonly gte?: string }) {
        const made = Reflect.apply(iterator, store, [options]) as ReturnType<Store['iterator']>;
        if (!options.gte?.startsWith('h!session')) return made;
        const { nextv } = made;
        let steps = 0;
        const failing = async (...args: unknown[]) => {
          if (++steps > 1) throw new Error('the heads cannot be read');
          return Reflect.apply(nextv, made, args);
        };
        return Object.assign(made, { nextv: failing });
      },
    });
  };
}

test('a system that cannot read all heads does not start, and nothing of it wakes a session later', async () => {
  const { starts, agents } = counting();
  const [disk, clock] = [faultyLevel(), manualClock()];
  const first = await createSystem({ store: disk.open, clock, agents });
  await first.client.sessions.create({ sessionId: 'a' });
  await first.client.agents.start({ sessionId: 'a', agent: 'agent' });
  const ids = Array.from({ length: 1_000 }, (_, i) => `b${i}`);
  await Promise.all(ids.map((sessionId) => first.client.sessions.create({ sessionId })));
  await first.close();
  const failure = await errorOf(createSystem({ store: unreadable(disk.open), clock, agents }));
  expect(String(failure)).toContain('the heads cannot be read');
  expect(clock.pending).toBe(0);
  await using second = await createSystem({ store: disk.open, clock, agents });
  await clock.advance(10_000);
  expect([second.activeSessions, starts]).toEqual([1, [1, 2]]);
});

test('a manager that fails four times in five seconds fails the system, which says so, tells who waits, and can be closed', async () => {
  const { agents } = counting();
  const { managers, inspect, fail } = watchManagers();
  const test = await createTestSystem({ agents, inspect });
  const { client, system } = test;
  await client.sessions.create(one);
  const { runId } = await client.agents.start({ ...one, agent: 'agent' });
  const waiting = codeOf(client.agents.wait({ ...one, runId }));
  for (let i = 0; i < 3; i++) {
    fail();
    await quiet();
    expect([system.status, managers.length]).toEqual(['serving', i + 2]);
    expect(JSON.parse(JSON.stringify(system.tree()))).toEqual(system.tree());
  }
  expect(await waiting).toBe('SYSTEM_NOT_SERVING');
  fail();
  await quiet();
  expect([system.status, managers.length, system.activeSessions]).toEqual(['failed', 4, 0]);
  expect(await codeOf(client.sessions.get(one))).toBe('SYSTEM_NOT_SERVING');
  expect(test.telemetry.filter(({ name }) => name === 'system.failed').length).toBe(1);
  await test.close();
  expect([system.status, test.clock.pending]).toEqual(['stopped', 0]);
});
