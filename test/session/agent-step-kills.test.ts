// An agent that is killed at every write, and whose disk fails at every write, ends as one that was left alone: no step whose
// result was durable is run twice, each is recorded once, and what branches have seen of each other is the same.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DeliveredEvent } from '../../src/operations/views/views.ts';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { quiet, watch } from '../support/outcome.ts';

const one = { sessionId: 's' };

interface Ran {
  readonly step: string;
  readonly at: number;
}

/** Steps of every kind: one after the other, within each other, side by side, behind timers, signals and a child. */
function agents(ran: Ran[], durable: () => number) {
  const did = (step: string): string => {
    ran.push({ step, at: durable() });
    return step;
  };
  return {
    async parent({ step, sleep, waitFor, child }: AgentContext) {
      const order: string[] = [];
      const branch = async (name: string): Promise<void> => {
        for (const n of [1, 2]) order.push(await step(`${name}${n}`, () => did(`${name}${n}`)));
      };
      await step('first', () => did('first'));
      await Promise.all([branch('a'), branch('b'), sleep('pause', 50), waitFor('early')]);
      const paid = await step('pay', () => did('pay'), { effect: true, onUnknown: 'retry' });
      const outer = await step('outer', async ({ step: inner }) => {
        const x = await inner('x', () => did('outer/x'));
        return `${x} ${await inner('y', () => did('outer/y'))}`;
      });
      const found = await child('c', 'child', { n: 1 });
      return { paid, outer, found, order: [...order].sort() };
    },
    async child({ step, input }: AgentContext<{ n: number }>) {
      return (await step('double', () => (did('double') === 'double' ? 2 : 0))) * input.n;
    },
  };
}

const expected = {
  ...{ paid: 'pay', outer: 'outer/x outer/y', found: 2 },
  order: ['a1', 'a2', 'b1', 'b2'],
};

async function go(test: TestSystem): Promise<string> {
  const { runId } = await test.client.agents.start({ ...one, agent: 'parent' }, { idempotencyKey: 'start' });
  await test.client.agents.signal({ ...one, runId, name: 'early' }, { idempotencyKey: 'early' });
  return runId;
}

async function allEvents(test: TestSystem): Promise<readonly DeliveredEvent[]> {
  return (await test.client.events.list({ ...one, limit: 500 })).items;
}

/** Brings the run to its end, whatever was done to it. */
async function toTheEnd(test: TestSystem): Promise<unknown> {
  const starting = watch(go(test));
  for (let i = 0; starting.outcome === 'waiting'; i++) {
    await quiet(3);
    await test.clock.advance(1_000);
    if (i > 300) throw new Error('it was not started');
  }
  const runId = await go(test);
  const end = test.client.agents.wait({ ...one, runId });
  const ended = watch(end);
  for (let i = 0; ended.outcome === 'waiting'; i++) {
    await quiet(3);
    await test.clock.advance(1_000);
    if (i > 300)
      throw new Error(
        `the run did not end: ${JSON.stringify(await test.client.agents.get({ ...one, runId }))}`,
      );
  }
  const { status, result, error } = await end;
  return status === 'completed' ? result : { status, error };
}

function judge(events: readonly DeliveredEvent[], ran: readonly Ran[], isExact: boolean): void {
  const finished = events.filter(({ type }) => type === 'step.completed');
  const keys = finished.map(({ data }) => (data as { runId: string; step: string }).step);
  expect([...keys].sort()).toEqual(
    ['a1', 'a2', 'b1', 'b2', 'double', 'first', 'outer', 'outer/x', 'outer/y', 'pay'].sort(),
  );
  // What was durable when the process last saw it is never run again.
  for (const { data, seq } of finished) {
    const { step } = data as { step: string };
    const late = ran.filter((run) => run.step === step && run.at >= (seq ?? 0));
    expect(late).toEqual([]);
  }
  if (isExact) expect(ran.length).toBe(9);
}

test('a run that is left alone does each step once', async () => {
  const ran: Ran[] = [];
  await using test = await createTestSystem({ agents: agents(ran, () => 0) });
  await test.client.sessions.create(one);
  expect(await toTheEnd(test)).toEqual(expected);
  judge(await allEvents(test), [], false);
  expect(ran.length).toBe(9);
});

test('a run ends the same, whatever writes the process is killed at or the disk fails at', async () => {
  const law = fc.asyncProperty(
    fc.array(fc.nat(14), { minLength: 1, maxLength: 5 }),
    fc.constantFrom('kill', 'fault before', 'fault after'),
    async (writes, how) => {
      const ran: Ran[] = [];
      let head = 0;
      await using test = await createTestSystem({ agents: agents(ran, () => head), passivateAfterMs: 1 });
      await test.client.sessions.create(one);
      test.client.events.subscribe('s', ({ seq }) => {
        head = Math.max(head, seq ?? 0);
      });
      const attempts: Promise<unknown>[] = [];
      for (const write of writes) {
        if (how === 'kill') {
          const held = test.disk.holdWrites(write);
          attempts.push(go(test).catch(() => undefined));
          await quiet(30);
          await test.clock.advance(60);
          const restarting = test.restart('kill');
          held.release();
          await restarting;
          test.client.events.subscribe('s', ({ seq }) => {
            head = Math.max(head, seq ?? 0);
          });
        } else {
          const fatal = test.disk.writes + write + 1;
          test.disk.failWrites((n) =>
            n === fatal ? (how === 'fault before' ? 'before' : 'after') : undefined,
          );
          attempts.push(go(test).catch(() => undefined));
          await quiet(30);
          await test.clock.advance(60);
          test.disk.heal();
        }
      }
      expect(await toTheEnd(test)).toEqual(expected);
      judge(await allEvents(test), ran, false);
      expect((await test.client.sessions.conditions({})).length).toBe(0);
    },
  );
  await fc.assert(law, { numRuns: Number(process.env.STEP_RUNS ?? 12) });
}, 120_000);
