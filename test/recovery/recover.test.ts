// A session is brought back by the best that can be proven; less than all of it only when somebody accepts that.
import { describe, expect, test } from 'vitest';
import { failureKinds } from '../../src/domain/recovery/recovery-failures.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { hydrate } from '../../src/entity/hydrate.ts';
import type {
  RecoveredState,
  RecoveryOptions,
  RecoveryStrategy,
} from '../../src/recovery/recovery-strategy.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };
const say = (content: string) => ({ ...one, role: 'user', content }) as const;

/** A session with so many messages, the first of which is event 3, stored and not in memory. */
async function stored(messages: number, recovery: RecoveryOptions = {}): Promise<TestSystem> {
  const test = await createTestSystem({ recovery });
  await test.client.sessions.create({ ...one, name: 'desk' });
  for (let i = 1; i <= messages; i++) await test.client.messages.send(say(`m${i}`));
  await test.restart('close');
  return test;
}

async function damage(test: TestSystem, key: string): Promise<void> {
  const value = String(await test.disk.data.get(key));
  await test.disk.data.put(
    key,
    value.replace(/.$/, (last) => (last === '#' ? '!' : '#')),
  );
}

async function keyOf(test: TestSystem, start: string, nth = -1): Promise<string> {
  const found = (await test.disk.data.keys().all()).filter((key) => key.startsWith(start));
  const key = found.at(nth);
  if (key === undefined) throw new Error(`nothing is stored under ${start}`);
  return key;
}

const damageEvent = async (test: TestSystem, seq: number) =>
  damage(test, await keyOf(test, 'e!session/s!', seq - 1));

async function dropSnapshots(test: TestSystem): Promise<void> {
  for (const key of await test.disk.data.keys().all())
    if (key.startsWith('s!session/s!')) await test.disk.data.del(key);
}

/** The state of such a session, as its law encodes it. */
async function stateOf(messages: number): Promise<string> {
  let text = '';
  const recover: RecoveryStrategy['recover'] = async ({ journal, stream }) => {
    text = sessionLaw.encode((await hydrate(sessionLaw, stream, journal, () => {})).state);
    return undefined;
  };
  const looking: RecoveryStrategy = { name: 'looking', tier: 'hot', budgetMs: 1_000, recover };
  await using test = await stored(messages, { strategies: () => looking });
  await test.client.recovery.recover(one);
  return text;
}

const conversation = async ({ client }: TestSystem) =>
  (await client.sessions.buildContext({ ...one, include: ['conversation'] })).conversation ?? [];

const contents = async (test: TestSystem) => (await conversation(test)).map(({ content }) => content);

describe('recovering a session', () => {
  test('that lacks nothing says so, and writes nothing into it', async () => {
    await using test = await stored(3);
    const { seq } = await test.client.sessions.get(one);
    expect(await test.client.recovery.recover(one)).toMatchObject({
      ...{ status: 'complete', recovered: true, tier: 'hot', headSeq: 5, through: 5, dropped: [] },
      attempts: [{ strategy: 'hot', outcome: 'complete' }],
    });
    expect((await test.client.sessions.get(one)).seq).toBe(seq);
  });

  test('whose creation cannot be proven is what its head says, and takes all that a session takes', async () => {
    await using test = await stored(3);
    await dropSnapshots(test);
    await damageEvent(test, 2);
    expect(await test.client.recovery.recover({ ...one, accept: true })).toMatchObject({
      ...{ status: 'minimal', recovered: true, tier: 'emergency', through: 0 },
      dropped: [{ from: 1, to: 5 }],
    });
    expect(await test.client.sessions.get(one)).toMatchObject({ status: 'active', name: 'desk' });
    const { checkpointId } = await test.client.checkpoints.create(one);
    await test.client.messages.send(say('later'));
    expect(await test.client.sessions.rollback({ ...one, checkpointId })).toMatchObject({ status: 'active' });
    expect(await contents(test)).toEqual([]);
  });

  test('with a damaged event offers the longest provable beginning, and does nothing until it is accepted', async () => {
    await using test = await stored(6);
    await dropSnapshots(test);
    await damageEvent(test, 6);
    expect(await codeOf(test.client.messages.send(say('x')))).toBe('JOURNAL_CORRUPT');
    const offer = await test.client.recovery.recover(one);
    expect(offer).toMatchObject({
      ...{ status: 'partial', recovered: false, needsAcceptance: true, tier: 'cold', through: 5, headSeq: 8 },
      ...{ dropped: [{ from: 6, to: 8 }], recoveryId: null, validation: { ok: false } },
      attempts: [
        { strategy: 'hot', outcome: 'failed' },
        { strategy: 'warm', outcome: 'failed' },
        { strategy: 'cold', outcome: 'partial' },
      ],
    });
    expect(await codeOf(test.client.messages.send(say('x')))).toBe('JOURNAL_CORRUPT');
    expect(await test.client.recovery.receipts(one)).toEqual({ items: [], notKept: [], damaged: [] });
  });

  test('goes on from what was accepted, keeps the rest in its journal, and needs no snapshot to come back', async () => {
    await using test = await stored(6);
    await dropSnapshots(test);
    await damageEvent(test, 6);
    expect(await test.client.recovery.recover({ ...one, accept: true })).toMatchObject({
      ...{ status: 'partial', recovered: true, needsAcceptance: false },
    });
    expect(await contents(test)).toEqual(['m1', 'm2', 'm3']);
    const sent = await test.client.messages.send(say('after'));
    expect(sent).toMatchObject({ seq: 10, messages: 4 });
    // The numbers of entries that were given once are not given again.
    expect(sent.entry).toBe(7);
    for (const how of ['close', 'kill'] as const) {
      await test.restart(how);
      await dropSnapshots(test);
      expect(await contents(test)).toEqual(['m1', 'm2', 'm3', 'after']);
    }
    const { items } = await test.client.recovery.receipts(one);
    expect(items[0]).toMatchObject({
      ...{ reason: 'requested', tier: 'cold', status: 'partial', dataLost: true },
      ...{ headSeq: 8, replayed: 5, dropped: [{ from: 6, to: 8 }] },
    });
    expect((await test.client.sessions.list({})).items).toMatchObject([{ messages: 4, name: 'desk' }]);
  });

  test('is repeated from its record under the same key', async () => {
    await using test = await stored(6);
    await dropSnapshots(test);
    await damageEvent(test, 6);
    const key = { idempotencyKey: 'k' };
    const first = await test.client.recovery.recover({ ...one, accept: true }, key);
    const { seq } = await test.client.sessions.get(one);
    const again = await test.client.recovery.recover({ ...one, accept: true }, key);
    expect(again).toEqual({ ...first, repeated: true });
    expect((await test.client.sessions.get(one)).seq).toBe(seq);
    expect(await codeOf(test.client.recovery.recover({ ...one, accept: false }, key))).toBe(
      'IDEMPOTENCY_KEY_REUSED',
    );
  });

  test('does without the newest snapshot when it is asked to, and without any when none holds', async () => {
    await using test = await stored(150);
    const older = await keyOf(test, 's!session/s!', 0);
    expect(await test.client.recovery.recover({ ...one, tier: 'warm' })).toMatchObject({
      ...{ tier: 'warm', status: 'complete', through: 152 },
    });
    const newest = await keyOf(test, 's!session/s!');
    expect(newest).not.toBe(older);
    await damage(test, newest);
    await damage(test, older);
    expect(await test.client.recovery.recover(one)).toMatchObject({ tier: 'hot', status: 'complete' });
    const { items } = await test.client.recovery.receipts(one);
    expect(items.at(-1)).toMatchObject({ snapshotSeq: 0, replayed: 152 });
    expect(items.at(-1)?.passedOver).toHaveLength(2);
  });

  test('in an emergency offers the newest snapshot as it is, and without one what the head says', async () => {
    await using test = await stored(150);
    await damageEvent(test, 150);
    const offered = await test.client.recovery.recover({ ...one, tier: 'emergency' });
    expect(offered).toMatchObject({ tier: 'emergency', attempts: [{ strategy: 'emergency' }] });
    await dropSnapshots(test);
    await damageEvent(test, 1);
    expect(await test.client.recovery.recover(one)).toMatchObject({
      ...{ tier: 'emergency', status: 'minimal', needsAcceptance: true, dropped: [{ from: 1, to: 152 }] },
    });
    await test.client.recovery.recover({ ...one, accept: true });
    expect(await test.client.sessions.get(one)).toMatchObject({
      name: 'desk',
      status: 'active',
      messages: 0,
    });
    expect(await contents(test)).toEqual([]);
    expect(await test.client.messages.list(one)).toMatchObject({ items: [] });
  });

  test.each([
    ['minimal', 0],
    ['partial', 50],
    ['complete', 80],
  ] as const)(
    'brings back %s when that is what is wanted: %i messages at hand',
    async (completeness, count) => {
      await using test = await stored(80);
      const answer = await test.client.recovery.recover({ ...one, completeness, accept: true });
      expect(answer).toMatchObject({ status: completeness, recovered: true });
      expect(await test.client.sessions.get(one)).toMatchObject({ name: 'desk', status: 'active' });
      expect(await conversation(test)).toHaveLength(count);
    },
  );

  test('to less than can be proven keeps a checkpoint first, and can be rolled back to it', async () => {
    await using test = await stored(80);
    await test.client.recovery.recover({ ...one, completeness: 'minimal', accept: true });
    const { items } = await test.client.checkpoints.list(one);
    expect(items).toMatchObject([{ reason: 'recovery', version: 82 }]);
    expect(await test.client.sessions.verify(one)).toMatchObject({ valid: true });
    await test.client.sessions.rollback({ ...one, checkpointId: items[0]?.checkpointId });
    expect(await contents(test)).toHaveLength(80);
  });

  test('keeps no checkpoint of what cannot be proven, and its versions from there on can be read', async () => {
    await using test = await stored(6);
    await dropSnapshots(test);
    await damageEvent(test, 6);
    await test.client.recovery.recover({ ...one, accept: true });
    expect(await test.client.checkpoints.list(one)).toEqual({ items: [] });
    await test.client.messages.send(say('after'));
    await test.client.messages.send(say('later'));
    await dropSnapshots(test);
    expect(await test.client.sessions.get({ ...one, at: 10 })).toMatchObject({ seq: 10, messages: 4 });
    expect(await codeOf(test.client.sessions.get({ ...one, at: 8 }))).toBe('JOURNAL_CORRUPT');
  });

  test('clears its quarantine, and leaves one standing that cannot be recovered as a whole', async () => {
    const agent = async (): Promise<void> => {
      throw new Error('no model');
    };
    await using test = await createTestSystem({ agents: { agent }, passivateAfterMs: null });
    await test.client.sessions.create(one);
    await test.client.agents.start({ ...one, agent: 'agent' });
    for (let i = 0; i < 20; i++) {
      await quiet();
      await test.clock.advance(5_000);
    }
    expect((await test.client.sessions.get(one)).status).toBe('quarantined');
    const given = (await test.client.recovery.receipts(one)).items;
    expect(given.at(-1)).toMatchObject({ status: 'failed', tier: null });
    expect(await test.client.recovery.recover(one)).toMatchObject({ status: 'complete', recovered: true });
    expect((await test.client.sessions.get(one)).status).toBe('active');
    expect((await test.client.recovery.receipts(one)).items.at(-1)).toMatchObject({ reason: 'requested' });
  });

  test('refuses a session that is not there', async () => {
    await using test = await stored(1);
    expect(await codeOf(test.client.recovery.recover({ sessionId: 'nobody' }))).toBe('SESSION_NOT_FOUND');
    expect((await test.client.recovery.validate({ sessionId: 'nobody' })).ok).toBe(false);
  });
});

describe('strategies', () => {
  test('of one kind of failure each have a group, a severity and somebody who answers it', () => {
    const kinds = Object.entries(failureKinds);
    expect(kinds).toHaveLength(18);
    for (const group of ['process', 'connection', 'state', 'resource', 'agent', 'task'])
      expect(kinds.filter(([, entry]) => entry.group === group)).toHaveLength(3);
    for (const [name, { group, answeredBy }] of kinds)
      expect([name.startsWith(`${group}.`), answeredBy.length > 10]).toEqual([true, true]);
  });

  test('that take too long give way to the next tier, and the receipt says so', async () => {
    const aborted: unknown[] = [];
    const slow: RecoveryStrategy = {
      ...{ name: 'ours', tier: 'warm', budgetMs: 2_000 },
      recover: ({ signal }) =>
        new Promise(() => signal.addEventListener('abort', () => aborted.push(signal.aborted))),
    };
    await using test = await stored(2, { strategies: () => slow });
    const recovering = test.client.recovery.recover(one);
    await quiet();
    await test.clock.advance(2_000);
    expect(await recovering).toMatchObject({
      ...{ status: 'complete', tier: 'warm' },
      attempts: [
        { strategy: 'ours', outcome: 'timedOut', tookMs: 2_000 },
        { strategy: 'warm', outcome: 'complete' },
      ],
    });
    expect(aborted).toEqual([true]);
    const { items } = await test.client.recovery.receipts(one);
    expect(items[0]?.attempts.map(({ outcome }) => outcome)).toEqual(['timedOut', 'complete']);
  });

  test('hear what failed, and one that throws or offers nonsense costs nothing but its attempt', async () => {
    const heard: unknown[] = [];
    const repair: RecoveryStrategy = {
      ...{ name: 'repair', tier: 'cold', budgetMs: 1_000 },
      recover: async () => {
        throw new Error('not today');
      },
    };
    await using test = await stored(6, {
      strategies: ({ kind }) => {
        heard.push(kind);
        return 'repair';
      },
      repair,
    });
    await dropSnapshots(test);
    await damageEvent(test, 6);
    expect((await test.client.recovery.recover(one)).attempts).toMatchObject([
      { strategy: 'repair', outcome: 'failed', problem: 'not today' },
      { strategy: 'cold', outcome: 'partial' },
      { strategy: 'repair', outcome: 'failed' },
    ]);
    expect(heard).toEqual(['task.actorsCrashed']);
  });

  /** A strategy that answers what it is told to, whatever the records say. */
  const saying = (offered: unknown): RecoveryStrategy => ({
    ...{ name: 'ours', tier: 'hot', budgetMs: 1_000 },
    recover: async () => offered as RecoveredState,
  });

  const offer = { completeness: 'complete', through: 5, snapshotSeq: 0, replayed: 0, state: '{}' };

  test.each([
    ['nothing that is an object', null],
    ['a number', 42],
    ['a state that is no JSON', { ...offer, state: 'not json' }],
    ['a state of nothing', offer],
    ['events that are not there', { ...offer, through: 999 }],
    ['a completeness that there is not', { ...offer, completeness: 'best' }],
    ['all of it, and not its end', { ...offer, through: 4 }],
  ])('that offer %s give way to the next', async (_, offered) => {
    await using test = await stored(3, { strategies: () => saying(offered) });
    expect(await test.client.recovery.recover(one)).toMatchObject({
      ...{ status: 'complete', tier: 'hot', recovered: true },
      attempts: [
        { strategy: 'ours', outcome: 'failed', problem: expect.stringContaining('cannot be used') },
        { strategy: 'hot', outcome: 'complete' },
      ],
    });
  });

  test('whose map throws, or names no strategy, are the built-in ones', async () => {
    const failing = (): never => {
      throw new Error('no map');
    };
    for (const [strategies, attempts] of [
      [failing, [{ strategy: 'strategies', problem: 'no map' }, { strategy: 'hot' }]],
      [() => null as never, [{ strategy: 'hot' }]],
      [() => ({ name: 'ours' }) as never, [{ strategy: 'hot' }]],
    ] as const) {
      await using test = await stored(1, { strategies });
      expect(await test.client.recovery.recover(one)).toMatchObject({ status: 'complete', attempts });
    }
  });

  test('that call complete what the records do not lead to have offered a part, to be accepted', async () => {
    const offered = { ...offer, through: 8, state: await stateOf(3) };
    await using test = await stored(6, { strategies: () => saying(offered) });
    await dropSnapshots(test);
    await damageEvent(test, 6);
    const found = await test.client.recovery.recover(one);
    expect(found).toMatchObject({ status: 'partial', recovered: false, needsAcceptance: true });
    expect(found.attempts[0]).toMatchObject({ strategy: 'ours', outcome: 'partial' });
    expect(await test.client.recovery.recover({ ...one, accept: true })).toMatchObject({ recovered: true });
    expect(await contents(test)).toEqual(['m1', 'm2', 'm3']);
    expect((await test.client.checkpoints.list(one)).items).toEqual([]);
    await test.restart('kill');
    expect(await contents(test)).toEqual(['m1', 'm2', 'm3']);
  });

  test('named where there are none are noted as missing', async () => {
    await using test = await stored(1, { strategies: () => 'repair' });
    expect((await test.client.recovery.recover(one)).attempts).toMatchObject([
      { strategy: 'repair', outcome: 'missing' },
      { strategy: 'cold', outcome: 'complete' },
    ]);
  });
});

describe('validation', () => {
  const levels = ['minimal', 'standard', 'comprehensive', 'forensic'] as const;
  const verdicts = async (test: TestSystem) =>
    Promise.all(levels.map(async (level) => (await test.client.recovery.validate({ ...one, level })).ok));

  test('of a session that is well finds nothing at any level', async () => {
    await using test = await stored(150);
    expect(await verdicts(test)).toEqual([true, true, true, true]);
  });

  test('at each level finds what those before it do not look at', async () => {
    await using old = await stored(150);
    await damageEvent(old, 3);
    expect(await verdicts(old)).toEqual([true, true, false, false]);

    await using tail = await stored(150);
    await tail.client.messages.send(say('tail'));
    await tail.restart('kill');
    await damageEvent(tail, 153);
    expect(await verdicts(tail)).toEqual([true, false, false, false]);

    await using beside = await stored(150);
    await beside.client.recovery.recover(one);
    await damage(beside, await keyOf(beside, 'e!recovery/s!'));
    expect(await verdicts(beside)).toEqual([true, true, true, false]);

    await using head = await stored(3);
    await damage(head, await keyOf(head, 'h!session/s'));
    expect(await verdicts(head)).toEqual([false, false, false, false]);
  });

  test('warns of a snapshot that does not hold, and does not fail for it', async () => {
    await using test = await stored(150);
    await damage(test, await keyOf(test, 's!session/s!'));
    const report = await test.client.recovery.validate(one);
    expect(report).toMatchObject({ ok: true, findings: [{ severity: 'warning' }] });
  });
});

describe('all sessions that need it', () => {
  test('are recovered a few at a time; what would lose something waits for somebody', async () => {
    const agent = async (): Promise<void> => {
      throw new Error('no model');
    };
    await using test = await createTestSystem({ agents: { agent }, passivateAfterMs: null });
    const ids = Array.from({ length: 12 }, (_, i) => `s${i}`);
    for (const sessionId of ids) {
      await test.client.sessions.create({ sessionId });
      await test.client.agents.start({ sessionId, agent: 'agent' });
    }
    for (let i = 0; i < 20; i++) {
      await quiet();
      await test.clock.advance(5_000);
    }
    await test.restart('close');
    for (const key of await test.disk.data.keys().all())
      if (key.startsWith('s!session/s3')) await test.disk.data.del(key);
    await damage(test, await keyOf(test, 'e!session/s3!', 3));
    const { recovery } = test.client;
    const key = { idempotencyKey: 'k' };
    const [done, meanwhile] = await Promise.all([
      recovery.recoverAll({ concurrency: 4 }, key),
      recovery.recoverAll({ concurrency: 4 }, key),
    ]);
    expect(meanwhile).toEqual({ ...done, repeated: true });
    expect(done).toMatchObject({ attempted: 12, complete: 11, waiting: 1, failed: 0 });
    expect(done.notRecovered).toMatchObject([{ sessionId: 's3', status: 'partial' }]);
    const left = await test.client.sessions.conditions({ condition: 'quarantined' });
    expect(left.map(({ sessionId }) => sessionId)).toEqual(['s3']);
    const stats = await test.client.recovery.stats({});
    expect(stats.byReason.requested).toBe(11);
    expect(stats.byStatus.complete).toBeGreaterThanOrEqual(11);
    expect(test.telemetry.filter(({ name }) => name === 'recovery.progressed')).toHaveLength(12);
    await test.restart('kill');
    const again = test.client.recovery;
    expect(await again.recoverAll({ concurrency: 4 }, key)).toEqual({ ...done, repeated: true });
    expect(await codeOf(again.recoverAll({ concurrency: 5 }, key))).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(await again.recoverAll({ concurrency: 4 })).toMatchObject({ attempted: 1, waiting: 1 });
  });
});
