// A system as a whole: how it starts, what it brings back, what it leaves when it cannot start, and how it ends.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ProcessManagerDefinition } from '../src/entity/process-manager.ts';
import { createSystem } from '../src/system.ts';
import { faultyLevel } from '../src/testing/faulty-level.ts';
import { manualClock } from '../src/testing/manual-clock.ts';
import type { TestSystemOptions } from '../src/testing/test-system.ts';
import { createTestSystem } from '../src/testing/test-system.ts';
import { codeOf, errorOf, quiet, watch } from './support/outcome.ts';

const sessionId = 's';
const message = { sessionId, role: 'user', content: 'hello' } as const;

/** Answers each message of a user with one of its own in the session `echo`. */
const echo: ProcessManagerDefinition = {
  name: 'echo',
  initial: { heard: 0 },
  react(state, { stream, type, data }) {
    if (type !== 'message.sent' || stream === 'session/echo') return undefined;
    const { heard } = state as { heard: number };
    const { content } = data as { content: string };
    const input = { sessionId: 'echo', role: 'assistant', content: `heard ${content}` };
    return { state: { heard: heard + 1 }, commands: [{ operation: 'messages.send', input }] };
  },
};

describe('a start', () => {
  test.each<[string, object]>([
    ['without a directory', {}],
    ['with an empty directory name', { location: '' }],
    ['with an option that does not exist', { location: 'x', sessions: 5 }],
    ['with numbers of sessions out of range', { location: 'x', session: { maxFiles: 0 } }],
    ['with a preset that does not exist', { location: 'x', limits: 'loose' }],
    ['with two process managers of one name', { location: 'x', processManagers: [echo, echo] }],
    [
      'with a process manager whose name is none',
      { location: 'x', processManagers: [{ ...echo, name: 'a/b' }] },
    ],
  ])('%s is refused as a whole, before anything is opened', async (_, options) => {
    const store = (): never => {
      throw new Error('opened');
    };
    const { location, ...rest } = options as { location?: string };
    const given = location === undefined || location === '' ? options : { ...rest, store };
    const error = await errorOf(createSystem(given));
    expect(error.code).toBe('INVALID_CONFIG');
    expect(error.details.problem).not.toBe('');
  });

  test('that fails leaves the store closed, so that the next one can open it', async () => {
    const disk = faultyLevel();
    const clock = manualClock();
    const start = (processManagers: readonly ProcessManagerDefinition[]) =>
      createSystem({ store: disk.open, clock, processManagers });
    const first = await start([{ ...echo, version: 7 }]);
    await first.client.sessions.create({ sessionId: 'echo' });
    await first.client.sessions.create({ sessionId });
    for (let i = 0; i < 120; i++) {
      await first.client.messages.send(message);
      await first.processManager('echo')?.catchUp();
    }
    await quiet();
    await first.close();
    expect(await codeOf(start([echo]))).toBe('LAW_CHANGED');
    const again = await start([{ ...echo, version: 7 }]);
    expect((await again.client.messages.list({ sessionId: 'echo', limit: 500 })).items.length).toBe(120);
    await again.close();
  });

  test('brings back every session under its id, live ones and sleeping ones, with what they held', async () => {
    await using test = await createTestSystem();
    const ids = Array.from({ length: 30 }, (_, i) => `s${i}`);
    for (const [i, id] of ids.entries()) {
      await test.client.sessions.create({ sessionId: id, name: `n${i}` });
      await test.client.messages.send({ ...message, sessionId: id, content: `of ${id}` });
      if (i % 3 === 1) await test.client.sessions.hibernate({ sessionId: id });
      if (i % 3 === 2) await test.client.sessions.pause({ sessionId: id });
    }
    const state = async () =>
      Promise.all(
        ids.map(async (id) => [
          await test.client.sessions.get({ sessionId: id }),
          await test.client.messages.list({ sessionId: id }),
        ]),
      );
    const before = await state();
    for (const how of ['close', 'kill', 'kill'] as const) {
      await test.restart(how);
      expect(test.system.activeSessions).toBe(0);
      expect(await state()).toEqual(before);
      expect((await test.client.sessions.list({})).total).toBe(30);
    }
    expect(await codeOf(test.client.messages.send({ ...message, sessionId: 's1' }))).toBe('answered');
  });

  test('goes on with whatever a dead process was in the middle of', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId });
    for (let round = 0; round < 10; round++) {
      const calls = Array.from({ length: 5 }, (_, i) =>
        codeOf(
          test.client.messages.send(
            { ...message, content: `${round}.${i}` },
            { idempotencyKey: `${round}.${i}` },
          ),
        ),
      );
      await quiet(round % 4);
      await test.restart('kill');
      const retried = Array.from({ length: 5 }, (_, i) =>
        test.client.messages.send(
          { ...message, content: `${round}.${i}` },
          { idempotencyKey: `${round}.${i}` },
        ),
      );
      await Promise.all(retried);
      void calls;
    }
    const { items } = await test.client.messages.list({ sessionId, limit: 1_000 });
    const expected = Array.from({ length: 10 }, (_, round) =>
      [0, 1, 2, 3, 4].map((i) => `${round}.${i}`),
    ).flat();
    expect(items.map(({ content }) => content)).toEqual(expected);
  });
});

describe('a process manager', () => {
  const options: TestSystemOptions = { processManagers: [echo] };

  test('hears of every message and answers each once, across restarts', async () => {
    await using test = await createTestSystem(options);
    await test.client.sessions.create({ sessionId });
    await test.client.sessions.create({ sessionId: 'echo' });
    for (let i = 0; i < 20; i++) {
      await test.client.messages.send({ ...message, content: String(i) });
      if (i % 5 === 4) await test.restart(i % 10 === 4 ? 'kill' : 'close');
    }
    await test.system.processManager('echo')?.catchUp();
    expect(test.system.processManager('echo')?.state).toEqual({ heard: 20 });
    const { items } = await test.client.messages.list({ sessionId: 'echo', limit: 100 });
    expect(items.map(({ content }) => content)).toEqual(Array.from({ length: 20 }, (_, i) => `heard ${i}`));
    expect(test.system.processManager('other')).toBeUndefined();
    const { items: events } = await test.client.events.list({ sessionId: 'echo', limit: 100 });
    expect(events.filter(({ type }) => type === 'message.sent').length).toBe(20);
  });

  test('records what is refused for good, and no session is harmed', async () => {
    await using test = await createTestSystem(options);
    await test.client.sessions.create({ sessionId });
    await test.client.messages.send(message);
    await test.system.processManager('echo')?.catchUp();
    expect(test.system.processManager('echo')?.refused).toBe(1);
    expect(await codeOf(test.client.messages.send(message))).toBe('answered');
  });
});

describe('the process of a system', () => {
  const open = new Set<unknown>();
  const [set, clear] = [globalThis.setInterval, globalThis.clearInterval];

  beforeEach(() => {
    open.clear();
    vi.spyOn(globalThis, 'setInterval').mockImplementation(((task: () => void, ms: number) => {
      const handle = set(task, ms);
      open.add(handle);
      return handle;
    }) as typeof setInterval);
    vi.spyOn(globalThis, 'clearInterval').mockImplementation((handle) => {
      open.delete(handle);
      clear(handle);
    });
  });
  afterEach(() => void vi.restoreAllMocks());

  const holds = (): boolean[] => [...open].map((handle) => (handle as NodeJS.Timeout).hasRef());

  test('does not end of itself while the system is open: its agents and callers wait on timers alone', async () => {
    const system = await createSystem({ store: faultyLevel().open, clock: manualClock() });
    expect(holds()).toEqual([true]);
    await system.close();
    expect(holds()).toEqual([]);
  });

  test('may end when the system could not be opened', async () => {
    await errorOf(createSystem({ location: '/dev/null' }));
    await errorOf(createSystem({ store: () => Promise.reject(new Error('no disk')) }));
    expect(holds()).toEqual([]);
  });
});

describe('closing', () => {
  test('answers what was taken, refuses what comes, and leaves a store that opens', async () => {
    const test = await createTestSystem();
    const { client } = test;
    await client.sessions.create({ sessionId });
    const taken = Array.from({ length: 50 }, () => codeOf(client.messages.send(message)));
    const closing = test.close();
    expect(await codeOf(client.messages.send(message))).toBe('SYSTEM_NOT_SERVING');
    expect(test.system.status).toBe('draining');
    await closing;
    expect(new Set(await Promise.all(taken))).toEqual(new Set(['answered']));
    await test.restart();
    expect((await test.client.messages.list({ sessionId, limit: 100 })).items.length).toBe(50);
    await test.close();
  });

  test('leaves nothing to listen to: whoever begins then is told so, on the clients of before and on a new one', async () => {
    const test = await createTestSystem();
    const { client, system } = test;
    const query = { spaceId: 'plan', sessionId };
    await client.sessions.create({ sessionId });
    await client.spaces.create({ spaceId: 'plan' });
    await client.spaces.join(query);
    const closing = test.close();
    for (const when of ['draining', 'stopped']) {
      expect(system.status).toBe(when);
      const late = system.connect();
      const begun: Readonly<Record<string, Promise<unknown>>> = {
        'events.subscribe': late.events.subscribe(sessionId, () => {}),
        'events.subscribeAll': late.events.subscribeAll(() => {}),
        'events.stream': late.events.stream({ sessionId }).next(),
        'events.stream from now': late.events.stream({ sessionId, after: 'now' }).next(),
        'events.stream of all': late.events.stream().next(),
        'spaces.subscribe': late.spaces.subscribe(query, () => {}),
        'spaces.stream': late.spaces.stream(query).next(),
        'spaces.subscribe of before': client.spaces.subscribe(query, () => {}),
      };
      const codes = Object.entries(begun).map(async ([name, call]) => [name, await codeOf(call)]);
      const refused = Object.keys(begun).map((name) => [name, 'SYSTEM_NOT_SERVING']);
      expect(await Promise.all(codes)).toEqual(refused);
      await closing;
    }
  });

  test('waits for the disk, and no timer of the system outlives it', async () => {
    const test = await createTestSystem({ processManagers: [echo] });
    await test.client.sessions.create({ sessionId });
    const held = test.disk.holdWrites();
    const sending = codeOf(test.client.messages.send(message));
    await held.arrived;
    const closing = test.close();
    const watched = watch(closing);
    await quiet();
    expect(watched.outcome).toBe('waiting');
    held.release();
    await closing;
    expect(await sending).toBe('answered');
    expect(test.clock.pending).toBe(0);
  });
});
