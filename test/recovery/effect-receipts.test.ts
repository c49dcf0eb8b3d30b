// The receipt of a session that was interrupted says which effects of its agents are unknown, and what their policy made of them.
import { describe, expect, test } from 'vitest';
import type { RecoveryReceipt } from '../../src/domain/recovery/recovery-vocabulary.ts';
import type { StepOptions } from '../../src/session/agents/step-run.ts';
import { withDecisions } from '../../src/session/handlers/effect-decisions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };

const receiptsOf = async ({ client }: TestSystem) => (await client.recovery.receipts(one)).items;

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

/** Two steps and an effect that are done, and as many effects as are wanted of which the first incarnation sees no end. */
async function withEffects(effects: number, onUnknown?: StepOptions['onUnknown']): Promise<TestSystem> {
  const test = await createTestSystem({
    passivateAfterMs: null,
    agents: {
      async agent({ step }) {
        await step('load', () => 1);
        await step('reserve', () => 2, { effect: true });
        const pay = (n: number): Promise<unknown> =>
          step(`pay ${n}`, ({ signal }) => untilAborted(signal), {
            effect: true,
            ...(onUnknown && { onUnknown }),
          });
        await Promise.allSettled(Array.from({ length: effects }, (_, n) => pay(n)));
        await step('tell', () => 3, { effect: true });
        return 'over';
      },
    },
  });
  await test.client.sessions.create(one);
  await test.client.agents.start({ ...one, agent: 'agent' });
  await quiet(20);
  return test;
}

async function killed(test: TestSystem): Promise<void> {
  await test.restart('kill');
  await test.clock.advance(10);
  await quiet(20);
}

describe('the receipt of a session that was killed in the middle of an effect', () => {
  test('names it, when it began, and what its policy decided when the agent came back to it', async () => {
    await using test = await withEffects(1);
    const [run] = await test.client.agents.list(one);
    const startedAt = test.clock.now();
    const { items } = await test.client.events.list(one);
    const started = items.findLast(({ type }) => type === 'effect.started');
    await killed(test);
    const effect = { runId: run?.runId, step: 'pay 0', startedAt, startedSeq: started?.seq };
    expect(await receiptsOf(test)).toMatchObject([
      {
        reason: 'process_restarted',
        unknown: [run?.runId],
        effects: { unknown: 1, done: 2, first: [{ ...effect, decision: 'failed' }] },
      },
    ]);
  });

  test('shows what a function has found out, also after the next restart', async () => {
    await using test = await withEffects(1, () => ({ result: 'was paid' }));
    await killed(test);
    await killed(test);
    expect((await receiptsOf(test)).map(({ effects }) => effects?.first[0]?.decision)).toEqual(['resolved']);
  });

  test('shows no decision as long as nobody has decided, and each retry on the receipt before it', async () => {
    const slow = await withEffects(1, () => new Promise(() => {}));
    await killed(slow);
    expect((await receiptsOf(slow))[0]?.effects?.first[0]?.decision).toBeUndefined();
    await slow.close();
    await using test = await withEffects(1, 'retry');
    await killed(test);
    await killed(test);
    const [first, second] = (await receiptsOf(test)).map(({ effects }) => effects?.first[0]);
    expect([first?.decision, second?.decision]).toEqual(['retried', 'retried']);
    expect(second?.startedSeq).toBeGreaterThan(first?.startedSeq ?? Number.POSITIVE_INFINITY);
  });

  test('counts all of them and names the first twenty', async () => {
    await using test = await withEffects(25);
    await killed(test);
    const [receipt] = await receiptsOf(test);
    expect(receipt?.effects).toMatchObject({ unknown: 25, done: 2 });
    expect(receipt?.effects?.first.map(({ step, decision }) => `${step} ${decision}`)).toEqual(
      Array.from({ length: 20 }, (_, n) => `pay ${n} failed`),
    );
  });

  test('says nothing of effects where all have their outcome, or none was begun', async () => {
    await using test = await createTestSystem({
      passivateAfterMs: null,
      agents: {
        async agent({ step, signal }) {
          await step('pay', () => 1, { effect: true });
          await untilAborted(signal);
        },
      },
    });
    await test.client.sessions.create(one);
    await test.client.agents.start({ ...one, agent: 'agent' });
    await quiet(20);
    await killed(test);
    const [receipt] = await receiptsOf(test);
    expect(receipt?.unknown).toHaveLength(1);
    expect(receipt).not.toHaveProperty('effects');
  });

  test('is told of actors that crashed, and of a session that was recovered by request', async () => {
    await using test = await withEffects(1, () => new Promise(() => {}));
    test.crash('s', new Error('a fault of ours'));
    await test.clock.advance(10);
    await quiet(20);
    await test.client.recovery.recover(one);
    expect((await receiptsOf(test)).map(({ reason, effects }) => [reason, effects?.unknown])).toEqual([
      ['actors_crashed', 1],
      ['requested', 1],
    ]);
  });
});

const old: RecoveryReceipt = {
  ...{ recoveryId: '1-1', sessionId: 's', reason: 'process_restarted', tier: 'hot', status: 'complete' },
  ...{ detectedAt: 0, startedAt: 0, completedAt: 1, snapshotSeq: 0, headSeq: 9, replayed: 1 },
  ...{ passedOver: [], dropped: [], reRun: ['r'], unknown: ['r'], timers: [], dataLost: false },
  ...{ attempts: [], error: null },
};

describe('the decisions behind a receipt', () => {
  test('are looked for only where it names effects', async () => {
    const readFrom = () => Promise.reject(new Error('nothing is to be read'));
    expect(await withDecisions({ readFrom }, old)).toBe(old);
  });

  test('are looked for among a bounded number of events, and not behind the end of the run', async () => {
    const first = [{ runId: 'r', step: 'pay', startedAt: 0, startedSeq: 8 }];
    const receipt = { ...old, effects: { unknown: 1, done: 0, first } };
    const reads: number[] = [];
    const journal = (typeOf: (seq: number) => string) => ({
      async readFrom(stream: string, after: number, { limit = 1 } = {}) {
        reads.push(after);
        const events = Array.from({ length: limit }, (_, n) => {
          const seq = after + n + 1;
          const data = { runId: 'r', startedSeq: 8, decision: 'failed' };
          return { stream, seq, type: typeOf(seq), data };
        });
        return { events } as never;
      },
    });
    const decision = async (typeOf: (seq: number) => string) =>
      (await withDecisions(journal(typeOf), receipt)).effects?.first[0]?.decision;
    expect(await decision((seq) => (seq === 300 ? 'effect.unknown' : 'message.sent'))).toBe('failed');
    expect(await decision((seq) => (seq === 12 ? 'agent.stopped' : 'effect.unknown'))).toBe('failed');
    expect(await decision((seq) => (seq < 12 ? 'agent.stopped' : 'effect.unknown'))).toBeUndefined();
    reads.length = 0;
    expect(await decision(() => 'message.sent')).toBeUndefined();
    expect(reads).toEqual([9, 259, 509, 759]);
  });
});
