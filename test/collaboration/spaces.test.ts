// Shared context through the client: what members read, write and hear, what becomes of those who had not seen the newest, and
// what is still there after a restart.
import { expect, test } from 'vitest';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/test-system.ts';
import { codeOf, errorOf, quiet } from '../support/outcome.ts';

interface World {
  readonly test: TestSystem;
  readonly spaceId: string;
  readonly a: string;
  readonly b: string;
}

type Policies = NonNullable<NonNullable<Parameters<TestSystem['client']['spaces']['create']>[0]>['policies']>;

async function world(policies: Policies = [], options: TestSystemOptions = {}): Promise<World> {
  const system = await createTestSystem(options);
  const { client } = system;
  const { spaceId } = await client.spaces.create({ spaceId: 'plan', policies });
  const [a, b] = ['a', 'b'];
  for (const sessionId of [a, b]) {
    await client.sessions.create({ sessionId });
    await client.spaces.join({ spaceId, sessionId });
  }
  return { test: system, spaceId, a, b };
}

test('a member reads what another wrote, with its version, author and cause; a stranger reads and writes nothing', async () => {
  const { test: system, spaceId, a, b } = await world();
  await using _ = system;
  const { spaces, sessions } = system.client;
  const set = await spaces.set({ spaceId, sessionId: a, key: 'goal', value: 'sail', cause: 'the kick-off' });
  expect(set).toMatchObject({ version: set.seq, outcome: 'written', durability: 'fsync' });
  expect(await spaces.get({ spaceId, sessionId: b, key: 'goal' })).toMatchObject({
    ...{ key: 'goal', value: 'sail', version: set.seq, by: a, policy: 'last-write-wins' },
  });
  expect(await spaces.history({ spaceId, sessionId: b, key: 'goal' })).toMatchObject([
    { version: set.seq, by: a, cause: 'the kick-off', base: 0, op: 'set', value: 'sail' },
  ]);
  await sessions.create({ sessionId: 'c' });
  expect(await codeOf(spaces.get({ spaceId, sessionId: 'c', key: 'goal' }))).toBe('NOT_A_MEMBER');
  expect(await codeOf(spaces.set({ spaceId, sessionId: 'c', key: 'goal', value: 1 }))).toBe('NOT_A_MEMBER');
  expect(await codeOf(spaces.get({ spaceId: 'none', sessionId: a, key: 'goal' }))).toBe('SPACE_NOT_FOUND');
});

test('names that are no ordinary members are keys and members like any other', async () => {
  const { test: system, spaceId, a } = await world([{ prefix: '', policy: 'deep-merge' }]);
  await using _ = system;
  const { spaces } = system.client;
  const value: unknown = JSON.parse('{"__proto__":{"x":1},"constructor":2}');
  for (const key of ['__proto__', 'constructor', 'toString']) {
    expect((await spaces.get({ spaceId, sessionId: a, key })).version).toBe(0);
    const { version } = await spaces.set({ spaceId, sessionId: a, key, value });
    await spaces.patch({ spaceId, sessionId: a, key, patch: JSON.parse('{"__proto__":{"y":2}}') });
    const later: unknown = JSON.parse('{"__proto__":{"z":3}}');
    await spaces.set({ spaceId, sessionId: a, key, value: later, baseVersion: version });
    const read = await spaces.get({ spaceId, sessionId: a, key });
    expect(JSON.stringify(read.value)).toBe('{"__proto__":{"x":1,"y":2,"z":3},"constructor":2}');
  }
  expect(({} as { x?: unknown }).x).toBeUndefined();
  await system.restart();
  const { items } = await system.client.spaces.entries({ spaceId, sessionId: a });
  expect(items.map(({ key }) => key)).toEqual(['__proto__', 'constructor', 'toString']);
});

test('compare-and-swap writes at its version alone: 0 for what is not there, also when it was deleted', async () => {
  const { test: system, spaceId, a, b } = await world();
  await using _ = system;
  const { spaces } = system.client;
  const cas = (sessionId: string, version: number, value?: unknown) =>
    spaces.compareAndSwap({ spaceId, sessionId, key: 'k', version, ...(value !== undefined && { value }) });
  const first = await cas(a, 0, 'one');
  expect(await errorOf(cas(b, 0, 'two'))).toMatchObject({
    code: 'VERSION_CONFLICT',
    details: { spaceId, key: 'k', expected: 0, found: first.version },
  });
  const gone = await cas(b, first.version);
  expect(gone.version).toBe(0);
  expect(await codeOf(cas(a, first.version, 'three'))).toBe('VERSION_CONFLICT');
  expect((await cas(a, 0, 'four')).version).toBe(gone.seq + 1);
});

test('a call with the same key takes effect once, and is answered the same after a restart', async () => {
  const { test: system, spaceId, a } = await world();
  await using _ = system;
  const add = () =>
    system.client.spaces.increment({ spaceId, sessionId: a, key: 'n', by: 5 }, { idempotencyKey: 'once' });
  const first = await add();
  expect(first.value).toBe(5);
  expect(await add()).toEqual({ ...first, repeated: true });
  await system.restart('kill');
  expect(await add()).toEqual({ ...first, repeated: true });
  expect((await system.client.spaces.get({ spaceId, sessionId: a, key: 'n' })).value).toBe(5);
});

test('a count is exact, or refused', async () => {
  const { test: system, spaceId, a } = await world();
  await using _ = system;
  const { spaces } = system.client;
  const add = (by: number) => spaces.increment({ spaceId, sessionId: a, key: 'n', by });
  const most = Number.MAX_SAFE_INTEGER;
  expect(await add(most)).toMatchObject({ value: most });
  expect(await codeOf(add(1))).toBe('POLICY_MISMATCH');
  expect(await add(-most)).toMatchObject({ value: 0 });
  expect(await codeOf(add(-most - 2))).toBe('POLICY_MISMATCH');
  expect(await add(0.5)).toMatchObject({ value: 0.5 });
});

test('a transaction writes all under one version, or nothing', async () => {
  const { test: system, spaceId, a } = await world([{ key: 'm', policy: 'manual' }]);
  await using _ = system;
  const { spaces } = system.client;
  const x = await spaces.set({ spaceId, sessionId: a, key: 'x', value: 10 });
  const m = await spaces.set({ spaceId, sessionId: a, key: 'm', value: 1 });
  await spaces.set({ spaceId, sessionId: a, key: 'm', value: 2 });
  const moved = await spaces.transact({
    ...{ spaceId, sessionId: a },
    reads: [{ key: 'x', version: x.version }],
    writes: [
      { op: 'increment', key: 'x', by: -4 },
      { op: 'increment', key: 'y', by: 4 },
    ],
  });
  expect(moved.writes.map(({ version }) => version)).toEqual([moved.version, moved.version]);
  const stale = { spaceId, sessionId: a, reads: [{ key: 'x', version: x.version }] };
  const write = { op: 'set', key: 'z', value: 1 } as const;
  expect(await codeOf(spaces.transact({ ...stale, writes: [write] }))).toBe('VERSION_CONFLICT');
  const contested = { op: 'set', key: 'm', value: 3, baseVersion: m.version } as const;
  expect(await codeOf(spaces.transact({ spaceId, sessionId: a, writes: [write, contested] }))).toBe(
    'VERSION_CONFLICT',
  );
  expect(await codeOf(spaces.transact({ spaceId, sessionId: a, writes: [write, write] }))).toBe(
    'INVALID_INPUT',
  );
  const { items } = await spaces.entries({ spaceId, sessionId: a });
  expect(items.map(({ key, value }) => [key, value])).toEqual([
    ['m', 2],
    ['x', 6],
    ['y', 4],
  ]);
});

test('what nobody can settle waits in the inbox, over a restart, until it is settled against what it was a conflict with', async () => {
  const { test: system, spaceId, a, b } = await world([{ prefix: 'text/', policy: 'manual' }]);
  await using _ = system;
  const key = 'text/intro';
  const set = (sessionId: string, value: string, baseVersion?: number) =>
    system.client.spaces.set({
      spaceId,
      sessionId,
      key,
      value,
      ...(baseVersion !== undefined && { baseVersion }),
    });
  const base = await set(a, 'Hello');
  const theirs = await set(a, 'Hello there', base.version);
  const mine = await set(b, 'Good day', base.version);
  expect(mine).toMatchObject({ outcome: 'conflict', version: theirs.version });
  await system.restart('kill');
  const { spaces } = system.client;
  const [conflict] = await spaces.conflicts({ spaceId, sessionId: a });
  expect(conflict).toMatchObject({
    ...{ conflictId: mine.conflictId, key, policy: 'manual', authors: { mine: b, theirs: a } },
    base: { version: base.version, value: 'Hello', isKnown: true },
    mine: { value: 'Good day' },
    theirs: { version: theirs.version, value: 'Hello there' },
  });
  const settle = { spaceId, sessionId: a, conflictId: mine.conflictId ?? '' };
  const newer = await set(a, 'Hello, you');
  expect(await codeOf(spaces.settle({ ...settle, take: 'mine' }))).toBe('VERSION_CONFLICT');
  expect(await codeOf(spaces.settle({ ...settle, take: 'value' }))).toBe('INVALID_INPUT');
  await spaces.settle({ ...settle, take: 'value', value: 'Welcome', version: newer.version });
  expect((await spaces.get({ spaceId, sessionId: b, key })).value).toBe('Welcome');
  expect(await spaces.conflicts({ spaceId, sessionId: a })).toEqual([]);
  expect(await codeOf(spaces.settle({ ...settle, take: 'theirs' }))).toBe('CONFLICT_NOT_FOUND');
});

test('the inbox is bounded: one conflict more is refused, and room is there again once one is settled', async () => {
  const { test: system, spaceId, a } = await world([{ key: 'm', policy: 'manual' }]);
  await using _ = system;
  const { spaces } = system.client;
  const { version } = await spaces.set({ spaceId, sessionId: a, key: 'm', value: 0 });
  await spaces.set({ spaceId, sessionId: a, key: 'm', value: 1 });
  const contested = (value: number) =>
    spaces.set({ spaceId, sessionId: a, key: 'm', value, baseVersion: version });
  const found = await Promise.all(Array.from({ length: 100 }, (_, i) => contested(i + 2)));
  expect(await errorOf(contested(200))).toMatchObject({
    code: 'SPACE_FULL',
    details: { size: 100, limit: 100 },
  });
  const conflictId = found[3]?.conflictId ?? '';
  await spaces.settle({ spaceId, sessionId: a, conflictId, take: 'theirs' });
  expect((await contested(200)).outcome).toBe('conflict');
});

test('a custom policy decides once: what it made of two values stands in the journal, whatever it says after a restart', async () => {
  const asked: unknown[] = [];
  const longest = ({ mine, theirs }: { mine: unknown; theirs: unknown }) => {
    asked.push([mine, theirs]);
    return String(mine).length >= String(theirs).length ? String(mine) : String(theirs);
  };
  const mergePolicies = {
    longest,
    broken: () => {
      throw new Error('no idea');
    },
    fickle: () => asked.push(0),
  };
  const policies: Policies = [
    { key: 'k', policy: 'custom:longest' },
    { key: 'broken', policy: 'custom:broken' },
    { key: 'fickle', policy: 'custom:fickle' },
  ];
  const { test: system, spaceId, a } = await world(policies, { mergePolicies });
  await using _ = system;
  const { spaces } = system.client;
  const set = (key: string, value: unknown, baseVersion?: number) =>
    spaces.set({ spaceId, sessionId: a, key, value, ...(baseVersion !== undefined && { baseVersion }) });
  for (const key of ['k', 'broken', 'fickle']) {
    const { version } = await set(key, 'a');
    await set(key, 'abc');
    const outcome = await set(key, 'ab', version).then(
      ({ outcome: told }) => told,
      ({ code }) => code,
    );
    expect([key, outcome]).toEqual([key, key === 'k' ? 'unchanged' : 'MERGE_FAILED']);
  }
  const calls = asked.length;
  await system.restart();
  const { value } = await system.client.spaces.get({ spaceId, sessionId: a, key: 'k' });
  expect([value, asked.length]).toEqual(['abc', calls]);
  expect(await codeOf(system.client.spaces.create({ policies: [{ key: 'k', policy: 'custom:none' }] }))).toBe(
    'MERGE_POLICY_UNKNOWN',
  );
});

test('a rollback brings back what a key or the space held, as a new version, over a restart', async () => {
  const { test: system, spaceId, a } = await world();
  await using _ = system;
  const set = (key: string, value: unknown) =>
    system.client.spaces.set({ spaceId, sessionId: a, key, value });
  const values = async () =>
    (await system.client.spaces.entries({ spaceId, sessionId: a })).items.map(({ key, value }) => [
      key,
      value,
    ]);
  const one = await set('x', { n: 1 });
  const two = await set('y', 'yes');
  await set('x', { n: 2 });
  await system.client.spaces.delete({ spaceId, sessionId: a, key: 'y' });
  await set('z', 'new');
  await system.restart('kill');
  const { spaces } = system.client;
  const back = await spaces.rollback({
    spaceId,
    sessionId: a,
    key: 'x',
    version: one.version,
    cause: 'wrong',
  });
  expect(back).toMatchObject({ version: back.seq, keys: 1 });
  expect(await values()).toEqual([
    ['x', { n: 1 }],
    ['z', 'new'],
  ]);
  await spaces.rollback({ spaceId, sessionId: a, version: two.version });
  expect(await values()).toEqual([
    ['x', { n: 1 }],
    ['y', 'yes'],
  ]);
  const history = await spaces.history({ spaceId, sessionId: a, key: 'x' });
  expect(history.map(({ op, value }) => [op, value])).toEqual([
    ['rollback', { n: 1 }],
    ['set', { n: 2 }],
    ['set', { n: 1 }],
  ]);
  expect(await spaces.verify({ spaceId })).toMatchObject({ ok: true, keys: 2, problems: [] });
  expect(await codeOf(spaces.rollback({ spaceId, sessionId: a, key: 'x', version: 1 }))).toBe(
    'VERSION_NOT_KEPT',
  );
});

test('so many versions are kept as the space was told to, and a rollback beyond them is refused', async () => {
  const system = await createTestSystem();
  await using _ = system;
  const { spaces, sessions } = system.client;
  const { spaceId } = await spaces.create({ keptVersions: 3 });
  const { sessionId } = await sessions.create({});
  await spaces.join({ spaceId, sessionId });
  const versions: number[] = [];
  for (let n = 0; n < 5; n++)
    versions.push((await spaces.set({ spaceId, sessionId, key: 'k', value: n })).version);
  const history = await spaces.history({ spaceId, sessionId, key: 'k' });
  expect(history.map(({ version }) => version)).toEqual(versions.slice(2).reverse());
  const back = (version: number | undefined) =>
    spaces.rollback({ spaceId, sessionId, version: version ?? 0 });
  expect(await codeOf(back(versions[1]))).toBe('VERSION_NOT_KEPT');
  await back(versions[2]);
  expect((await spaces.get({ spaceId, sessionId, key: 'k' })).value).toBe(2);
});

test('what is too large is refused with its size, and changes nothing', async () => {
  const { test: system, spaceId, a } = await world();
  await using _ = system;
  const { spaces } = system.client;
  const value = 'x'.repeat(300_000);
  expect(await errorOf(spaces.set({ spaceId, sessionId: a, key: 'k', value }))).toMatchObject({
    code: 'TOO_LARGE',
    details: { size: 300_002, limit: 262_144 },
  });
  for (let n = 0; n < 32; n++)
    await spaces.set({ spaceId, sessionId: a, key: `k${n}`, value: 'x'.repeat(262_000) });
  expect(await codeOf(spaces.set({ spaceId, sessionId: a, key: 'more', value: 'x'.repeat(10_000) }))).toBe(
    'SPACE_FULL',
  );
  await spaces.delete({ spaceId, sessionId: a, key: 'k0' });
  await spaces.set({ spaceId, sessionId: a, key: 'more', value: 'x'.repeat(10_000) });
});

test('the spaces of a user and of the application are there for every session at once; that of a session is its own', async () => {
  const { test: system, a, b } = await world();
  await using _ = system;
  const open = (sessionId: string, scope: 'user' | 'app' | 'session' | 'temp', owner?: string) =>
    system.client.spaces.open({ sessionId, scope, ...(owner !== undefined && { owner }) });
  const user = await open(a, 'user', 'ann@example.com');
  expect(await open(b, 'user', 'ann@example.com')).toMatchObject({ spaceId: user.spaceId, created: false });
  expect((await open(b, 'user', 'bob@example.com')).spaceId).not.toBe(user.spaceId);
  const app = await open(a, 'app');
  const own = await open(a, 'session');
  expect(own.spaceId).not.toBe((await open(b, 'session')).spaceId);
  const { spaces } = system.client;
  for (const { spaceId } of [user, app, own]) await spaces.set({ spaceId, sessionId: a, key: 'k', value: 1 });
  const reads = (sessionId: string) =>
    Promise.all(
      [user, app, own].map(({ spaceId }) =>
        codeOf(system.client.spaces.get({ spaceId, sessionId, key: 'k' })),
      ),
    );
  expect(await reads(b)).toEqual(['answered', 'answered', 'NOT_A_MEMBER']);
  expect(await codeOf(open(a, 'user'))).toBe('INVALID_INPUT');
  expect(await codeOf(open(a, 'session', b))).toBe('INVALID_INPUT');
  expect(await codeOf(open('nobody', 'app'))).toBe('SESSION_NOT_FOUND');
  expect(await codeOf(spaces.set({ spaceId: app.spaceId, sessionId: 'nobody', key: 'k', value: 2 }))).toBe(
    'SESSION_NOT_FOUND',
  );
  expect(await codeOf(spaces.create({ spaceId: user.spaceId }))).toBe('INVALID_ID');
});

test('what is temporary is never on the disk and gone with the process; what is of a user or the application stays', async () => {
  const { test: system, a } = await world();
  await using _ = system;
  const ids = new Map<string, string>();
  for (const [scope, owner] of [
    ['user', 'ann'],
    ['app', 'all'],
    ['temp', 'x'],
  ] as const) {
    const { spaceId } = await system.client.spaces.open({ sessionId: a, scope, owner });
    ids.set(scope, spaceId);
    const { durability } = await system.client.spaces.set({
      spaceId,
      sessionId: a,
      key: 'k',
      value: `of ${scope}`,
    });
    expect(durability).toBe(scope === 'temp' ? 'none' : 'fsync');
  }
  const temp = ids.get('temp') ?? '';
  for (let n = 0; n < 400; n++)
    await system.client.spaces.increment({ spaceId: temp, sessionId: a, key: 'n' });
  const kept = await system.client.spaces.history({ spaceId: temp, sessionId: a, key: 'k' });
  expect(kept.map(({ value }) => value)).toEqual(['of temp']);
  await system.restart('kill');
  const read = (scope: string) =>
    system.client.spaces.get({ spaceId: ids.get(scope) ?? '', sessionId: a, key: 'k' }).then(
      ({ value }) => value,
      ({ code }) => code,
    );
  expect([await read('user'), await read('app'), await read('temp')]).toEqual([
    ...['of user', 'of app', 'SPACE_NOT_FOUND'],
  ]);
});

test('a session that is deleted leaves its spaces and takes its own along', async () => {
  const { test: system, spaceId, a, b } = await world();
  await using _ = system;
  const own = await system.client.spaces.open({ sessionId: a, scope: 'session' });
  const members = async () =>
    (await system.client.spaces.members({ spaceId })).items.map(({ sessionId }) => sessionId);
  await system.client.sessions.terminate({ sessionId: a, cleanup: true });
  await quiet(200);
  expect(await members()).toEqual([b]);
  expect(await codeOf(system.client.spaces.info({ spaceId: own.spaceId }))).toBe('SPACE_NOT_FOUND');
  await system.client.sessions.terminate({ sessionId: b, cleanup: true });
  await system.restart('kill');
  await quiet(200);
  expect(await members()).toEqual([]);
});

test('a space that is destroyed is gone with all that it held, and its id begins anew', async () => {
  const { test: system, spaceId, a } = await world();
  await using _ = system;
  const { spaces } = system.client;
  await spaces.set({ spaceId, sessionId: a, key: 'k', value: 1 });
  expect(await codeOf(spaces.create({ spaceId }))).toBe('SPACE_EXISTS');
  await spaces.destroy({ spaceId });
  expect(await codeOf(spaces.info({ spaceId }))).toBe('SPACE_NOT_FOUND');
  expect((await spaces.list()).items).toEqual([]);
  await spaces.create({ spaceId, name: 'again' });
  expect(await spaces.info({ spaceId })).toMatchObject({ name: 'again', keys: 0, members: 0, version: 0 });
  expect((await spaces.list()).items.map(({ spaceId: id }) => id)).toEqual([spaceId]);
});

test('an update without a function is said to lack it, before anything is read', async () => {
  await using system = await createTestSystem();
  const given = system.client.spaces.update({ spaceId: 'none', sessionId: 'a', key: 'k' }, 5 as never);
  await expect(given).rejects.toThrow(new TypeError('A change must be a function'));
});
