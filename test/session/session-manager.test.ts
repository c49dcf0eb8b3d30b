// The manager where actors cannot be started: what is recorded, what callers hear, and what stays in memory.
import { describe, expect, test } from 'vitest';
import { defaultSessionConfig } from '../../src/domain/session/session-config.ts';
import type { SessionProfile } from '../../src/domain/session/session-events.ts';
import { statusOf } from '../../src/domain/session/session-state.ts';
import type { Announcement } from '../../src/entity/announcement.ts';
import { LocalPubSub } from '../../src/pubsub/local-pubsub.ts';
import { SessionActor } from '../../src/session/session-actor.ts';
import { SessionManager, type SessionManagerOptions } from '../../src/session/session-manager.ts';
import { globalTopic } from '../../src/session/topics.ts';
import { managerOptions } from '../support/manager-options.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf, errorOf, quiet, whileTimePasses } from '../support/outcome.ts';

const profile: SessionProfile = {
  name: null,
  agent: null,
  metadata: {},
  llmConfig: {},
  config: defaultSessionConfig,
  parentSessionId: null,
};

const message = { type: 'message.send', message: { role: 'user', content: 'hello' } } as const;

async function started(options: Partial<SessionManagerOptions> = {}) {
  const store = memoryJournal();
  const journal = await store.open();
  const telemetry = (name: string, data: Readonly<Record<string, unknown>> = {}): void => {
    store.reports.push({ name, data });
  };
  const pubsub = new LocalPubSub<Announcement>(telemetry);
  const told: string[] = [];
  pubsub.subscribe(globalTopic, (announcement) => {
    if ('durable' in announcement) told.push(...announcement.durable.map(({ type }) => type));
  });
  /** What the next starts throw; undefined lets one through. */
  const faults: (Error | undefined)[] = [];
  const manager = new SessionManager({
    ...(await managerOptions({ journal, clock: store.clock, telemetry })),
    pubsub,
    async startActor(...args) {
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
      return SessionActor.start(...args);
    },
    ...options,
  });
  manager.serve();
  return { ...store, journal, manager, faults, told };
}

describe('a session whose actors cannot be started', () => {
  test('when it is created goes straight to terminated, with the error and its events, and holds no place', async () => {
    const { manager, faults, told, journal, reports } = await started({ maxSessions: 1 });
    faults.push(new Error('no memory'));
    const error = await errorOf(manager.create('s', profile, {}));
    expect(error).toMatchObject({
      code: 'SESSION_START_FAILED',
      details: { sessionId: 's', problem: 'no memory' },
      cause: { message: 'no memory' },
    });
    expect(told).toEqual(['session.statusChanged', 'session.terminated']);
    const { events } = await journal.readFrom('session/s', 0);
    expect(events.map(({ data }) => data)).toMatchObject([
      { from: 'initializing', to: 'terminated', reason: 'startFailed', error: 'no memory' },
      { reason: 'startFailed', error: 'no memory' },
    ]);
    expect(statusOf((await manager.read('s')).state)).toBe('terminated');
    expect([manager.activeCount, manager.find('session:s')]).toEqual([0, undefined]);
    expect(reports.map(({ name }) => name)).toContain('session.startFailed');
    expect(await codeOf(manager.create('s', profile, {}))).toBe('SESSION_EXISTS');
    expect(await codeOf(manager.create('next', profile, {}))).toBe('answered');
  });

  test('when it is woken loses nothing: the caller hears of it, and the next command finds it', async () => {
    const { manager, faults } = await started();
    await manager.create('s', profile, {});
    await manager.send('s', { type: 'session.hibernate', reason: 'rest' });
    await quiet();
    faults.push(new Error('not now'));
    const error = await errorOf(manager.send('s', message));
    expect(error).toMatchObject({ code: 'SESSION_START_FAILED', details: { problem: 'not now' } });
    expect(await codeOf(manager.send('s', message))).toBe('answered');
  });

  test('again after a crash is tried again, and the command that waits is answered', async () => {
    const { manager, faults, clock } = await started();
    await manager.create('s', profile, {});
    faults.push(new Error('one'), new Error('two'));
    manager.find('session:s')?.crash(new Error('boom'));
    await quiet();
    const waiting = manager.send('s', message);
    expect(await codeOf(whileTimePasses(clock, waiting, 10))).toBe('answered');
  });

  test('again and again after a crash is quarantined, and who waited hears of that', async () => {
    const { manager, faults, clock } = await started();
    await manager.create('s', profile, {});
    faults.push(...Array.from({ length: 20 }, (_, i) => new Error(`start ${i}`)));
    manager.find('session:s')?.crash(new Error('boom'));
    await quiet();
    const waiting = [manager.send('s', message), manager.send('s', message)].map(errorOf);
    const errors = await whileTimePasses(clock, Promise.all(waiting));
    expect(errors.map(({ code }) => code)).toEqual(['SESSION_QUARANTINED', 'SESSION_QUARANTINED']);
    expect(manager.health.quarantine('s')).toBe('it keeps failing: start 9');
    expect((await manager.read('s')).seq).toBe(2);
  });
});

describe('names', () => {
  test('of a living session and its context lead to one actor, and are free when it rests', async () => {
    const { manager } = await started();
    await manager.create('s', profile, {});
    const actor = manager.find('session:s');
    expect(actor?.sessionId).toBe('s');
    expect(manager.find('context:s')).toBe(actor);
    await manager.send('s', { type: 'session.hibernate', reason: 'rest' });
    await quiet();
    expect([manager.find('session:s'), manager.find('context:s')]).toEqual([undefined, undefined]);
  });

  test('lead to the next incarnation after a crash', async () => {
    const { manager } = await started();
    await manager.create('s', profile, {});
    const first = manager.find('session:s');
    first?.crash(new Error('boom'));
    await quiet();
    const second = manager.find('session:s');
    expect(second).toBeDefined();
    expect(second).not.toBe(first);
    expect(second?.state).toEqual(first?.state);
  });
});

describe('a manager that drains', () => {
  test('answers what it took, keeps a snapshot of each session, and starts nothing more', async () => {
    const { manager, journal } = await started();
    await manager.create('a', profile, {});
    await manager.create('b', profile, {});
    await manager.send('b', { type: 'session.hibernate', reason: 'rest' });
    await quiet();
    const taken = Array.from({ length: 20 }, () => manager.send('a', message));
    const late = codeOf(manager.send('b', message));
    const drained = manager.stop();
    expect(await Promise.all(taken.map(codeOf))).toEqual(Array(20).fill('answered'));
    await drained;
    expect(await late).toBe('SYSTEM_NOT_SERVING');
    expect([manager.status, manager.activeCount]).toEqual(['stopped', 0]);
    expect(await codeOf(manager.send('b', message))).toBe('SYSTEM_NOT_SERVING');
    const snapshots: number[] = [];
    for await (const { seq } of journal.snapshots('session/a')) snapshots.push(seq);
    expect(snapshots).toEqual([22]);
  });
});
