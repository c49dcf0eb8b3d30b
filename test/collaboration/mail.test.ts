// Mail between sessions: each message arrives once and in order, or comes back, whatever the process is killed at.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AgentContext, AgentDefinitions } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, quiet, watch, whileTimePasses } from '../support/outcome.ts';

const settled = async (test: TestSystem, rounds = 6): Promise<void> => {
  for (let i = 0; i < rounds; i++) {
    await quiet(10);
    await test.clock.advance(20);
  }
};

async function started(options = {}): Promise<TestSystem> {
  const test = await createTestSystem({ passivateAfterMs: null, ...options });
  for (const sessionId of ['a', 'b']) await test.client.sessions.create({ sessionId });
  return test;
}

const send = ({ client }: TestSystem, n: number, from = 'a', to = 'b'): Promise<unknown> =>
  client.mail.send(
    { sessionId: from, to, name: 'note', payload: { n } },
    { idempotencyKey: `${from}${to}${n}` },
  );

async function takeAll({ client }: TestSystem, sessionId: string): Promise<unknown[]> {
  const taken: unknown[] = [];
  for (;;) {
    const letter = await client.mail.receive({ sessionId, timeoutMs: 0 });
    if (letter === null) return taken;
    taken.push((letter.payload as { n: number }).n);
  }
}

test('a message arrives with who sent it, and its cause is the event that sent it', async () => {
  await using test = await started();
  const { messageId, seq } = await test.client.mail.send({
    sessionId: 'a',
    to: 'b',
    name: 'order',
    payload: [1],
  });
  await settled(test);
  const [letter] = await test.client.mail.inbox({ sessionId: 'b' });
  expect(letter).toMatchObject({ messageId, from: 'a', to: 'b', name: 'order' });
  const waiting = test.client.mail.receive({ sessionId: 'b', name: 'other', timeoutMs: 50 });
  await test.clock.advance(50);
  expect(await waiting).toBeNull();
  expect(await test.client.mail.receive({ sessionId: 'b', name: 'order', from: 'a' })).toMatchObject({
    ...{ messageId, payload: [1], from: 'a' },
  });
  expect(await test.client.mail.inbox({ sessionId: 'b' })).toEqual([]);
  expect(seq).toBe(1);
});

test('whatever writes the process is killed at, all arrive once and in the order of each pair', async () => {
  const law = fc.asyncProperty(fc.array(fc.nat(9), { minLength: 1, maxLength: 4 }), async (writes) => {
    await using test = await started();
    await test.client.sessions.create({ sessionId: 'c' });
    const taken: unknown[] = [];
    let sent = 0;
    const pairs = [
      ['a', 'b'],
      ['c', 'b'],
    ] as const;
    for (const write of writes) {
      const held = test.disk.holdWrites(write);
      const batch = [sent + 1, sent + 2];
      sent += 2;
      const sending = (async () => {
        for (const n of batch) for (const [from, to] of pairs) await send(test, n, from, to);
      })().catch(() => undefined);
      await quiet(25);
      await test.clock.advance(5);
      const restarting = test.restart('kill');
      held.release();
      await restarting;
      void sending;
      // What was not answered is sent again under its key.
      for (const n of batch) for (const [from, to] of pairs) await send(test, n, from, to);
    }
    await settled(test);
    const letters = await test.client.mail.inbox({ sessionId: 'b' });
    for (const [from] of pairs) {
      for (const _ of letters.filter((letter) => letter.from === from)) {
        const letter = await test.client.mail.receive({ sessionId: 'b', from, timeoutMs: 0 });
        taken.push(`${from}${(letter?.payload as { n: number } | undefined)?.n}`);
      }
    }
    const all = Array.from({ length: sent }, (_, i) => i + 1);
    expect(taken).toEqual([...all.map((n) => `a${n}`), ...all.map((n) => `c${n}`)]);
    expect(await takeAll(test, 'b')).toEqual([]);
  });
  await fc.assert(law, { numRuns: Number(process.env.MAIL_RUNS ?? 6) });
}, 600_000);

describe('a message that cannot be delivered', () => {
  test.each([
    ['nobody has', async () => {}, 'SESSION_NOT_FOUND'],
    [
      'has ended',
      async (t: TestSystem) => void (await t.client.sessions.terminate({ sessionId: 'b' })),
      'SESSION_NOT_ACTIVE',
    ],
    [
      'is deleted',
      async (t: TestSystem) => void (await t.client.sessions.terminate({ sessionId: 'b', cleanup: true })),
      'SESSION_NOT_FOUND',
    ],
  ])('to one that %s comes back, and is sent again or thrown away', async (how, prepare, code) => {
    await using test = await started();
    await prepare(test);
    const to = how === 'nobody has' ? 'x' : 'b';
    await send(test, 1, 'a', to);
    await send(test, 2, 'a', to);
    await settled(test);
    const dead = await test.client.mail.deadLetters({ sessionId: 'a' });
    expect(dead).toMatchObject([
      { to, code, attempts: 1, payload: { n: 1 } },
      { to, code, attempts: 1, payload: { n: 2 } },
    ]);
    expect(await test.client.mail.undelivered()).toEqual([{ sessionId: 'a', dead: 2 }]);
    await test.restart('kill');
    const [first, second] = dead.map(({ messageId }) => ({ sessionId: 'a', messageId }));
    await test.client.mail.retry(first as { sessionId: string; messageId: string });
    await settled(test);
    expect(await test.client.mail.deadLetters({ sessionId: 'a' })).toMatchObject(
      [
        { ...second, attempts: 1, sessionId: undefined },
        { messageId: first?.messageId, attempts: 2 },
      ].map(({ messageId, attempts }) => ({ messageId, attempts })),
    );
    await test.client.mail.discard(second as { sessionId: string; messageId: string });
    if (how !== 'nobody has') return;
    await test.client.sessions.create({ sessionId: to });
    await test.client.mail.retry(first as { sessionId: string; messageId: string });
    await settled(test);
    expect(await takeAll(test, to)).toEqual([1]);
    expect(await test.client.mail.undelivered()).toEqual([]);
    expect(await codeOf(test.client.mail.retry(first as { sessionId: string; messageId: string }))).toBe(
      'LETTER_NOT_FOUND',
    );
  });

  test('to one whose inbox is full comes back, and the others arrive', async () => {
    await using test = await started();
    const payload = 'x'.repeat(900_000);
    const big = (n: number): Promise<unknown> =>
      test.client.mail.send({ sessionId: 'a', to: 'b', name: `big${n}`, payload });
    for (let n = 0; n < 5; n++) await big(n);
    await send(test, 1);
    await settled(test);
    const names = (await test.client.mail.inbox({ sessionId: 'b' })).map(({ name }) => name);
    expect(names).toEqual(['big0', 'big1', 'big2', 'big3', 'note']);
    const [dead] = await test.client.mail.deadLetters({ sessionId: 'a' });
    expect(dead).toMatchObject({ name: 'big4', code: 'AT_CAPACITY' });
    await test.client.mail.receive({ sessionId: 'b' });
    await test.client.mail.retry({ sessionId: 'a', messageId: dead?.messageId ?? '' });
    await settled(test);
    expect((await test.client.mail.inbox({ sessionId: 'b' })).map(({ name }) => name).at(-1)).toBe('big4');
  });
});

test('agents of two sessions talk, over a kill in the middle, and each takes each message once', async () => {
  const agents: AgentDefinitions = {
    async asker({ session, step }: AgentContext) {
      const answers: unknown[] = [];
      for (const n of [1, 2, 3]) {
        await step('ask', ({ idempotencyKey }) =>
          session.mail.send({ to: 'b', name: 'question', payload: n }, { idempotencyKey }),
        );
        answers.push(
          await step('hear', async ({ idempotencyKey }) => {
            const letter = await session.mail.receive({ name: 'answer' }, { idempotencyKey });
            return letter?.payload ?? null;
          }),
        );
      }
      return answers;
    },
    async answerer({ session, step }: AgentContext) {
      for (let i = 0; i < 3; i++) {
        const question = await step('hear', async ({ idempotencyKey }) => {
          const letter = await session.mail.receive({ name: 'question' }, { idempotencyKey });
          return { from: letter?.from ?? '', n: Number(letter?.payload) };
        });
        await step('answer', ({ idempotencyKey }) =>
          session.mail.send(
            { to: question.from, name: 'answer', payload: question.n * 10 },
            { idempotencyKey },
          ),
        );
      }
      return 'over';
    },
  };
  await using test = await started({ agents });
  const { runId } = await test.client.agents.start({ sessionId: 'a', agent: 'asker' });
  await settled(test, 2);
  const held = test.disk.holdWrites(4);
  codeOf(test.client.agents.start({ sessionId: 'b', agent: 'answerer' }, { idempotencyKey: 'k' }));
  await settled(test, 4);
  const restarting = test.restart('kill');
  held.release();
  await restarting;
  await test.client.agents.start({ sessionId: 'b', agent: 'answerer' }, { idempotencyKey: 'k' });
  const ended = await whileTimePasses(test.clock, test.client.agents.wait({ sessionId: 'a', runId }), 100);
  expect(ended.result).toEqual([10, 20, 30]);
  for (const sessionId of ['a', 'b']) expect(await test.client.mail.inbox({ sessionId })).toEqual([]);
});

test('who waits hears of an abort and of the end, and takes nothing then', async () => {
  const test = await started();
  const abort = new AbortController();
  const aborted = watch(test.client.mail.receive({ sessionId: 'b' }, { signal: abort.signal }));
  await quiet();
  abort.abort(new Error('enough'));
  await quiet();
  expect(aborted.outcome).toBe('Error: enough');
  await send(test, 1);
  await settled(test);
  expect((await test.client.mail.inbox({ sessionId: 'b' })).length).toBe(1);
  const left = codeOf(test.client.mail.receive({ sessionId: 'a' }));
  await quiet();
  await test.close();
  expect(await left).toBe('SYSTEM_NOT_SERVING');
});

test('of a session that is deleted no mail is kept, also when the process died before it was done', async () => {
  for (const dies of [false, true]) {
    await using test = await started();
    await send(test, 1, 'a', 'b');
    await send(test, 1, 'b', 'a');
    await settled(test);
    const keysOfMail = async () =>
      (await test.disk.data.keys().all()).filter((key) => String(key).split('!')[1] === 'mail/b');
    const held = dies ? test.disk.holdWrites(2) : undefined;
    expect((await keysOfMail()).length).toBeGreaterThan(1);
    const ending = codeOf(test.client.sessions.terminate({ sessionId: 'b', cleanup: true }));
    await settled(test);
    if (held !== undefined) {
      const restarting = test.restart('kill');
      held.release();
      await restarting;
    } else await ending;
    await settled(test);
    // Nothing but the mark that it was removed.
    expect((await keysOfMail()).map(String)).toEqual(['h!mail/b']);
    expect(await takeAll(test, 'a')).toEqual([1]);
  }
});

test('a repeat under its key is answered from its record, also once the sender has ended', async () => {
  await using test = await started();
  const { mail, sessions } = test.client;
  const letter = { sessionId: 'a', to: 'b', name: 'note', payload: { n: 1 } };
  const { messageId } = await mail.send(letter, { idempotencyKey: 'k' });
  await sessions.terminate({ sessionId: 'a' });
  expect(await mail.send(letter, { idempotencyKey: 'k' })).toMatchObject({ messageId, repeated: true });
  expect(await codeOf(mail.send(letter))).toBe('SESSION_NOT_ACTIVE');
});

test.each([
  ['is ended', {}, 'SESSION_NOT_ACTIVE'],
  ['is deleted', { cleanup: true }, 'SESSION_NOT_FOUND'],
  ['ends by its time', { endAfterMs: 3_600_000 }, 'SESSION_NOT_ACTIVE'],
])(
  'nobody waits for mail of a session that %s; what had come in can still be taken',
  async (_, how, code) => {
    await using test = await started();
    const { mail, sessions } = test.client;
    const waiting = watch(mail.receive({ sessionId: 'b', name: 'other' }));
    const bounded = watch(mail.receive({ sessionId: 'b', name: 'other', timeoutMs: 9_000_000 }));
    await send(test, 1);
    await settled(test);
    if ('endAfterMs' in how) {
      await sessions.configure({ sessionId: 'b', config: how });
      await test.clock.advance(3_700_000);
    } else await sessions.terminate({ sessionId: 'b', ...how });
    await settled(test);
    expect([waiting.outcome, bounded.outcome]).toEqual([code, code]);
    const gone = 'cleanup' in how;
    expect(await codeOf(mail.receive({ sessionId: 'b' }))).toBe(gone ? 'SESSION_NOT_FOUND' : 'answered');
    expect(await codeOf(mail.receive({ sessionId: 'b', timeoutMs: 0 }))).toBe(
      gone ? 'SESSION_NOT_FOUND' : 'SESSION_NOT_ACTIVE',
    );
  },
);
