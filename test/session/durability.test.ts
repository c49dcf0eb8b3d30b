// What a session's answers have reached: the class of the session, fixed when it is created, and more where a call asks for it.
// A session that is not journaled lives as long as the process, wherever it is in memory, and leaves nothing behind.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CallOptions, Durability } from '../../src/client/index.ts';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/index.ts';
import { codeOf, errorOf, quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };

const say = ({ client }: TestSystem, content = 'hello', options?: CallOptions, sessionId = 's') =>
  client.messages.send({ sessionId, role: 'user', content }, options);

async function started(durability: Durability, options: TestSystemOptions = {}): Promise<TestSystem> {
  const test = await createTestSystem({ passivateAfterMs: null, ...options });
  await test.client.sessions.create({ ...one, durability });
  return test;
}

/** How many syncs a call took. */
async function syncsOf(test: TestSystem, call: () => Promise<unknown>): Promise<number> {
  const before = test.disk.syncs;
  await call();
  return test.disk.syncs - before;
}

describe('the durability of a session', () => {
  test.each(['fsync', 'os', 'none'] as const)(
    'of %s is shown, and said by each answer',
    async (durability) => {
      await using test = await started(durability);
      const { client } = test;
      expect(await client.sessions.get(one)).toMatchObject({ durability });
      const answers = [
        await say(test),
        await client.memory.set({ ...one, key: 'k', value: 1 }),
        await client.sessions.pause(one),
        await client.sessions.pause(one),
        await client.sessions.resume(one),
        await client.sessions.terminate(one),
        await client.sessions.terminate(one),
        await client.sessions.delete(one),
      ];
      expect(answers.map((answer) => answer.durability)).toEqual(answers.map(() => durability));
    },
  );

  test('is that of the system when none is given, and fsync when that has none', async () => {
    await using none = await createTestSystem({ durability: 'none' });
    expect(await none.client.sessions.create(one)).toMatchObject({ durability: 'none' });
    expect(await none.client.sessions.create({ durability: 'os' })).toMatchObject({ durability: 'os' });
    await using bare = await createTestSystem();
    expect(await bare.client.sessions.create(one)).toMatchObject({ durability: 'fsync' });
    const { items } = await bare.client.events.list(one);
    expect(items.some(({ data }) => 'durability' in (data as object))).toBe(false);
  });

  test('is refused when it is none of the three, also for a call, a read and a system', async () => {
    await using test = await started('os');
    const { client } = test;
    const wrong = { ...one, durability: 'disk' } as never;
    expect(await errorOf(client.sessions.create(wrong))).toMatchObject({
      code: 'INVALID_INPUT',
      details: { field: 'durability' },
    });
    for (const durability of ['none', 'disk', 5])
      expect(await codeOf(say(test, 'x', { durability } as never))).toBe('INVALID_INPUT');
    expect(await codeOf(client.sessions.get(one, { durability: 'os' }))).toBe('INVALID_INPUT');
    expect(await codeOf(client.sessions.configure({ ...one, durability: 'none' } as never))).toBe(
      'INVALID_INPUT',
    );
    expect(await codeOf(createTestSystem({ durability: 'disk' } as never))).toBe('INVALID_CONFIG');
  });

  test('stays across a restart, a crash, and what is saved and restored', async () => {
    await using test = await started('os');
    test.crash('s');
    await quiet();
    await test.clock.advance(1_000);
    expect(await say(test)).toMatchObject({ durability: 'os' });
    await test.client.sessions.save(one);
    await test.restart();
    expect(await say(test)).toMatchObject({ durability: 'os' });
    await test.client.sessions.terminate({ ...one, cleanup: true });
    expect(await test.client.sessions.restore(one)).toMatchObject({ durability: 'os', messages: 1 });
    expect(await test.client.sessions.get(one)).toMatchObject({ durability: 'os' });
  });
});

describe('a session of os', () => {
  test('is written without a sync, until a call asks for one', async () => {
    await using test = await started('os');
    expect(await syncsOf(test, () => say(test))).toBe(0);
    expect(await syncsOf(test, () => say(test, 'x', { durability: 'os' }))).toBe(0);
    expect(await syncsOf(test, () => say(test, 'x', { durability: 'fsync' }))).toBe(1);
    expect(await say(test, 'x', { durability: 'fsync' })).toMatchObject({ durability: 'fsync' });
    expect(await say(test)).toMatchObject({ durability: 'os' });
  });

  test('makes all durable that it tells of, also when the command changes nothing', async () => {
    await using test = await started('os');
    const { client } = test;
    await client.sessions.pause(one);
    const again = (): Promise<unknown> => client.sessions.pause(one, { durability: 'fsync' });
    expect(await syncsOf(test, again)).toBe(1);
    expect(await again()).toMatchObject({ durability: 'fsync', seq: 4 });
    expect(await syncsOf(test, () => client.sessions.pause(one))).toBe(0);
  });

  test('answers a repeat from its record, and syncs it when the repeat asks for more', async () => {
    await using test = await started('os');
    const key = { idempotencyKey: 'k' };
    const first = await say(test, 'once', key);
    expect(first.durability).toBe('os');
    expect(await say(test, 'once', key)).toEqual({ ...first, repeated: true });
    const more = { ...key, durability: 'fsync' } as const;
    expect(await syncsOf(test, () => say(test, 'once', more))).toBe(1);
    expect(await say(test, 'once', more)).toEqual({ ...first, durability: 'fsync', repeated: true });
    const both = await Promise.all([
      say(test, 'twice', { idempotencyKey: 'l' }),
      say(test, 'twice', { idempotencyKey: 'l', durability: 'fsync' }),
    ]);
    expect(both[1]).toMatchObject({ seq: both[0]?.seq, repeated: true, durability: 'fsync' });
    expect((await test.client.messages.list(one)).items.length).toBe(2);
  });

  test('is ended durably when the call asks for it', async () => {
    await using test = await started('os');
    expect(await test.client.sessions.terminate(one, { durability: 'fsync' })).toMatchObject({
      status: 'terminated',
      durability: 'fsync',
    });
  });

  test('is synced with a session beside it that needs it, and says so', async () => {
    await using test = await started('os');
    await test.client.sessions.create({ sessionId: 'durable' });
    const answers = await Promise.all([say(test), say(test, 'x', {}, 'durable')]);
    expect(answers.map(({ durability }) => durability)).toEqual(['fsync', 'fsync']);
  });

  test('is there after a kill of the process', async () => {
    await using test = await started('os');
    for (let i = 0; i < 5; i++) await say(test, `m${i}`);
    await test.restart('kill');
    expect((await test.client.messages.list(one)).items.map(({ content }) => content)).toEqual([
      'm0',
      'm1',
      'm2',
      'm3',
      'm4',
    ]);
  });
});

describe('a session that is not journaled', () => {
  test('writes nothing at all', async () => {
    await using test = await started('none');
    const before = test.disk.writes;
    for (let i = 0; i < 250; i++) await say(test, `m${i}`, { idempotencyKey: `k${i}` });
    await test.client.memory.set({ ...one, key: 'k', value: { deep: [1] } });
    await test.client.sessions.terminate({ ...one, cleanup: true });
    expect(test.disk.writes).toBe(before);
  });

  test('refuses to reach more, and nothing happens', async () => {
    await using test = await started('none');
    const { client } = test;
    for (const durability of ['os', 'fsync'] as const) {
      const { code, details } = await errorOf(say(test, 'x', { durability }));
      expect([code, details.field]).toEqual(['INVALID_INPUT', 'options.durability']);
      expect(String(details.problem)).toContain('not journaled');
      expect(
        await codeOf(client.sessions.create({ sessionId: 'n', durability: 'none' }, { durability })),
      ).toBe('INVALID_INPUT');
    }
    await say(test, 'kept', { idempotencyKey: 'k' });
    expect(await codeOf(say(test, 'kept', { idempotencyKey: 'k', durability: 'os' }))).toBe('INVALID_INPUT');
    expect((await client.messages.list(one)).items.length).toBe(1);
    expect(await codeOf(client.sessions.get({ sessionId: 'n' }))).toBe('SESSION_NOT_FOUND');
    expect((await client.sessions.count({})).total).toBe(1);
  });

  test('shares its ids with those that are stored', async () => {
    await using test = await started('none');
    const { client } = test;
    expect(await codeOf(client.sessions.create(one))).toBe('SESSION_EXISTS');
    expect(await codeOf(client.sessions.create({ ...one, durability: 'none' }))).toBe('SESSION_EXISTS');
    await client.sessions.create({ sessionId: 'stored' });
    expect(await codeOf(client.sessions.create({ sessionId: 'stored', durability: 'none' }))).toBe(
      'SESSION_EXISTS',
    );
    const rivals = await Promise.all(
      (['none', 'fsync', 'none', 'os'] as const).map((durability) =>
        codeOf(client.sessions.create({ sessionId: 'rival', durability })),
      ),
    );
    expect(rivals.filter((outcome) => outcome === 'answered').length).toBe(1);
  });

  test('keeps the limits that others have', async () => {
    await using test = await started('none');
    expect(await codeOf(say(test, 'x'.repeat(1024 * 1024 + 1)))).toBe('TOO_LARGE');
    await say(test, 'x'.repeat(1024 * 1024 - 200));
    await test.client.sessions.create({ sessionId: 'l', durability: 'none', config: { maxMemoryKeys: 1 } });
    await test.client.memory.set({ sessionId: 'l', key: 'a', value: 1 });
    expect(await codeOf(test.client.memory.set({ sessionId: 'l', key: 'b', value: 1 }))).toBe('AT_CAPACITY');
  });

  test('is listed and counted while it lives, as soon as it is answered, and across a rebuild', async () => {
    await using test = await started('none');
    const { client } = test;
    await client.sessions.create({ sessionId: 'stored' });
    const listed = async (): Promise<unknown[]> => {
      const { items } = await client.sessions.list({ sort: 'name' });
      return items.map(({ sessionId, messages, status }) => [sessionId, messages, status]).sort();
    };
    await say(test);
    expect(await listed()).toEqual([
      ['s', 1, 'active'],
      ['stored', 0, 'active'],
    ]);
    const rebuilt = client.projections.rebuild({ name: 'sessions' });
    await say(test);
    await client.sessions.pause(one);
    await rebuilt;
    expect(await listed()).toEqual([
      ['s', 2, 'paused'],
      ['stored', 0, 'active'],
    ]);
    expect(await client.sessions.count({})).toMatchObject({ total: 2, byStatus: { paused: 1, active: 1 } });
    await client.sessions.terminate({ ...one, cleanup: true });
    expect(await listed()).toEqual([['stored', 0, 'active']]);
    await client.sessions.create({ ...one, durability: 'none' });
    expect(await listed()).toEqual([
      ['s', 0, 'active'],
      ['stored', 0, 'active'],
    ]);
  });

  test('does not outlive the process, and those beside it do', async () => {
    await using test = await started('none');
    const { client } = test;
    await client.sessions.create({ sessionId: 'stored' });
    await say(test, 'x', {}, 'stored');
    for (const how of ['close', 'kill'] as const) {
      await test.restart(how);
      expect(await codeOf(test.client.sessions.get(one))).toBe('SESSION_NOT_FOUND');
      expect(await codeOf(say(test))).toBe('SESSION_NOT_FOUND');
      expect((await test.client.messages.list({ sessionId: 'stored' })).items.length).toBe(1);
      expect((await test.client.sessions.count({})).total).toBe(1);
      await test.client.sessions.create({ ...one, durability: 'none' });
    }
  });

  test('lives on when the manager fails, with its agents, its deadlines and its place in the list', async () => {
    const starts: string[] = [];
    const agents = {
      waiter({ session, input, signal }: AgentContext): Promise<void> {
        starts.push(`${session.incarnation} ${String(input)}`);
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    };
    await using test = await started('none', { agents });
    const { runId } = await test.client.agents.start({ ...one, agent: 'waiter', input: 'first' });
    for (let i = 0; i < 700; i++) await say(test, `m${i}`);
    await test.client.sessions.create({
      sessionId: 'brief',
      durability: 'none',
      config: { endAfterMs: 60_000 },
    });
    test.crashManager();
    await quiet();
    await test.clock.advance(1);
    await quiet();
    expect(starts).toEqual(['1 first', '2 first']);
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject({ incarnation: 2, input: 'first' });
    expect(await say(test)).toMatchObject({ messages: 701 });
    expect((await test.client.sessions.count({})).total).toBe(2);
    await test.clock.advance(60_000);
    await quiet();
    expect(await test.client.sessions.get({ sessionId: 'brief' })).toMatchObject({ status: 'terminated' });
  });

  test('comes back after a crash with all that was answered', async () => {
    await using test = await started('none');
    for (let i = 0; i < 30; i++) {
      await say(test, `m${i}`);
      if (i % 10 !== 9) continue;
      test.crash('s');
      await quiet();
      await test.clock.advance(1_000);
    }
    expect((await test.client.messages.list(one)).items.length).toBe(30);
    expect((await test.client.sessions.get(one)).seq).toBe(32);
  });

  test('shows what memory holds, and keeps pinned messages however old they are', async () => {
    await using test = await started('none');
    const { client } = test;
    const pinned = await say(test, 'remember me');
    await client.messages.pin({ ...one, seq: pinned.seq });
    for (let i = 0; i < 2_000; i++) await say(test, `m${i}`);
    const { items } = await client.messages.list({ ...one, limit: 1_000 });
    expect(items.length).toBeGreaterThan(255);
    expect(items.length).toBeLessThan(1_000);
    expect(items.at(-1)?.content).toBe('m1999');
    const backwards = await client.messages.list({ ...one, limit: 1_000, newestFirst: true });
    expect(backwards.items.map(({ seq }) => seq)).toEqual([...items].reverse().map(({ seq }) => seq));
    expect(await client.messages.get({ ...one, seq: pinned.seq })).toMatchObject({ content: 'remember me' });
    const built = JSON.stringify(await client.sessions.buildContext(one));
    expect(built).toContain('remember me');
    expect(await codeOf(client.messages.get({ ...one, seq: pinned.seq + 2 }))).toBe('HISTORY_TRIMMED');
    expect((await client.events.list({ ...one, limit: 10 })).items[0]?.seq).toBeGreaterThan(3);
    expect(await client.sessions.save(one)).toMatchObject({ messages: items.length });
    await test.restart();
    expect(await test.client.sessions.restore(one)).toMatchObject({
      durability: 'none',
      messages: items.length,
    });
  });

  test('restored over a stored session that took its id is stored', async () => {
    await using test = await started('none');
    await test.client.sessions.save(one);
    await test.restart();
    await test.client.sessions.create(one);
    expect(await test.client.sessions.restore(one)).toMatchObject({ durability: 'fsync' });
    await test.client.sessions.terminate({ ...one, cleanup: true });
    expect(await test.client.sessions.restore(one)).toMatchObject({ durability: 'fsync' });
    await test.restart('kill');
    expect(await test.client.sessions.get(one)).toMatchObject({ durability: 'fsync', status: 'active' });
  });

  test('goes on while the disk fails', async () => {
    await using test = await started('none');
    await test.client.sessions.create({ sessionId: 'stored' });
    test.disk.failWrites(() => 'before');
    test.disk.failOpens(2);
    expect(await codeOf(say(test, 'x', {}, 'stored'))).toBe('OUTCOME_UNKNOWN');
    expect(await say(test)).toMatchObject({ durability: 'none' });
    test.disk.heal();
    await test.clock.advance(20_000);
    await quiet();
    expect(await codeOf(say(test, 'x', {}, 'stored'))).toBe('answered');
  });

  test('leaves no condition behind when its process ends', async () => {
    const agents = { failing: (): Promise<void> => Promise.reject(new Error('no model')) };
    await using test = await started('none', { agents });
    await test.client.sessions.create({ sessionId: 'stored' });
    for (const sessionId of ['s', 'stored']) await test.client.agents.start({ sessionId, agent: 'failing' });
    for (let i = 0; i < 20; i++) {
      await quiet();
      await test.clock.advance(5_000);
    }
    const quarantined = async (): Promise<string[]> =>
      (await test.client.sessions.conditions({})).map(({ sessionId }) => sessionId).sort();
    expect(await quarantined()).toEqual(['s', 'stored']);
    expect(await codeOf(say(test))).toBe('SESSION_QUARANTINED');
    expect(await test.client.sessions.retry({ ...one, agents: 'stop' })).toMatchObject({ condition: null });
    expect(await say(test)).toMatchObject({ durability: 'none' });
    await test.client.agents.start({ ...one, agent: 'failing' });
    for (let i = 0; i < 20; i++) {
      await quiet();
      await test.clock.advance(5_000);
    }
    expect(await quarantined()).toEqual(['s', 'stored']);
    await test.restart();
    await quiet();
    expect(await quarantined()).toEqual(['stored']);
    expect(await test.client.sessions.create({ ...one, durability: 'none' })).toMatchObject({ seq: 2 });
  });

  test('expires by its deadlines without being in memory, and is deleted when it was told to be', async () => {
    await using test = await started('none', { maxActiveSessions: 1 });
    const { client } = test;
    await client.sessions.create({ sessionId: 'brief', durability: 'none', config: { endAfterMs: 1_000 } });
    await say(test);
    await test.clock.advance(1_001);
    await quiet();
    expect(await client.sessions.get({ sessionId: 'brief' })).toMatchObject({ status: 'terminated' });
    await client.sessions.delete({ sessionId: 'brief' });
    expect(await codeOf(client.sessions.get({ sessionId: 'brief' }))).toBe('SESSION_NOT_FOUND');
    expect(await client.sessions.create({ sessionId: 'brief' })).toMatchObject({ durability: 'fsync' });
  });
});

describe('events of a session that is not journaled', () => {
  test('are heard by callbacks, streamed from any cursor of the session, and pass live through the stream of all', async () => {
    await using test = await started('none');
    const { client } = test;
    const heard: unknown[] = [];
    await client.events.subscribe('s', ({ seq }) => heard.push(seq));
    await client.events.subscribeAll(({ seq, sessionId }) => heard.push(`${sessionId} ${seq}`));
    const all = client.events.stream({ after: 'now' });
    const own = client.events.stream(one);
    const later = client.events.stream({ ...one, after: 'now' });
    const first = all.next();
    await say(test, 'a');
    await say(test, 'b');
    expect(heard).toEqual([3, 's 3', 4, 's 4']);
    const next = await first;
    expect(next.value).toMatchObject({ sessionId: 's', seq: 3 });
    expect(next.value?.cursor).toBeUndefined();
    expect((await all.next()).value).toMatchObject({ seq: 4 });
    const seqs: unknown[] = [];
    for (let i = 0; i < 4; i++) seqs.push((await own.next()).value?.seq);
    expect(seqs).toEqual([1, 2, 3, 4]);
    expect((await later.next()).value).toMatchObject({ seq: 3, data: { content: 'a' } });
    const again = client.events.stream({ ...one, after: '3' });
    expect((await again.next()).value).toMatchObject({ seq: 4, cursor: '4.0.0.0.0.0' });
    for (const stream of [all, own, later, again]) await stream.return();
  });

  test('reach no process manager and stand in no feed', async () => {
    const seen: string[] = [];
    const definition = {
      name: 'watcher',
      initial: null,
      react: (_: unknown, { stream }: { readonly stream: string }) => void seen.push(stream),
    };
    await using test = await createTestSystem({ processManagers: [definition] });
    await test.client.sessions.create({ ...one, durability: 'none' });
    await test.client.sessions.create({ sessionId: 'stored' });
    await say(test);
    await test.system.processManager('watcher')?.catchUp();
    expect(seen).toEqual(['boot/system', 'session/stored', 'session/stored']);
    const all = test.client.events.stream();
    expect((await all.next()).value).toMatchObject({ sessionId: 'stored' });
    await all.return();
  });
});

const moves = fc.array(
  fc.record({
    session: fc.nat(49),
    move: fc.constantFrom('say', 'say', 'say', 'set', 'crash', 'rest', 'read'),
    times: fc.integer({ min: 1, max: 60 }),
  }),
  { minLength: 20, maxLength: 60 },
);

test('property: fifty sessions of which four have actors lose nothing, wherever they are in memory', async () => {
  await fc.assert(
    fc.asyncProperty(moves, async (todo) => {
      await using test = await createTestSystem({
        maxActiveSessions: 4,
        passivateAfterMs: 500,
        residentBytes: 10_000,
        durability: 'none',
      });
      const said = Array.from({ length: 50 }, () => 0);
      const set = Array.from({ length: 50 }, () => 0);
      for (let i = 0; i < 50; i++) await test.client.sessions.create({ sessionId: `s${i}` });
      for (const { session, move, times } of todo) {
        const sessionId = `s${session}`;
        if (move === 'rest') await test.clock.advance(600);
        if (move === 'read') await test.client.sessions.get({ sessionId });
        if (move === 'set') {
          set[session] = times;
          await test.client.memory.set({ sessionId, key: 'k', value: times });
        }
        if (move === 'crash') {
          await test.client.messages.clear({ sessionId });
          said[session] = 0;
          try {
            test.crash(sessionId);
          } catch {
            continue; // It has no actors just now.
          }
          await quiet();
          await test.clock.advance(300);
        }
        if (move !== 'say') continue;
        for (let n = 0; n < times; n++) await say(test, `m${n}`, {}, sessionId);
        said[session] = (said[session] ?? 0) + times;
      }
      for (let i = 0; i < 50; i++) {
        const sessionId = `s${i}`;
        expect((await test.client.sessions.get({ sessionId })).messages).toBe(said[i]);
        const { items } = await test.client.messages.list({ sessionId, limit: 200 });
        expect(items.length).toBe(Math.min(said[i] ?? 0, 200));
        if (set[i] !== 0) expect((await test.client.memory.get({ sessionId, key: 'k' })).value).toBe(set[i]);
      }
      expect((await test.client.sessions.count({})).total).toBe(50);
    }),
    { numRuns: 15 },
  );
});
