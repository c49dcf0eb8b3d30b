// The life of agent runs under kills: whatever write the process dies at, a run whose start was acknowledged ends exactly
// once, is never run again after that, and no incarnation writes once the next has taken its place.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Client } from '../../src/client/client.ts';
import type { DeliveredEvent } from '../../src/operations/views/views.ts';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem } from '../../src/testing/index.ts';
import { quiet, watch } from '../support/outcome.ts';

const one = { sessionId: 's' };

interface Plan {
  readonly crashes: number;
  readonly messages: number;
  readonly ends: 'completes' | 'fails' | 'is stopped';
}

interface Given {
  readonly plan: Plan;
  readonly name: string;
}

/** Writes who it is, crashes as often as it was planned, and ends as it was planned; `done` names who came to its end. */
function worker(done: string[]) {
  const crashed = new Map<string, number>();
  return async ({
    session,
    input: { plan, name },
    signal,
  }: AgentContext<Given & { [key: string]: never }>) => {
    for (let i = 0; i < plan.messages; i++)
      await session.messages.send({ role: 'assistant', content: `${session.runId} ${session.incarnation}` });
    const times = crashed.get(name) ?? 0;
    crashed.set(name, times + 1);
    if (times < plan.crashes) throw new Error('planned');
    if (plan.ends === 'is stopped')
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    done.push(`${session.runId} ${session.incarnation}`);
    if (plan.ends === 'fails') return new Map();
    return session.incarnation;
  };
}

async function allEvents(client: Client): Promise<DeliveredEvent[]> {
  const events: DeliveredEvent[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.events.list({ ...one, ...(cursor !== undefined && { cursor }) });
    events.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return events;
}

/** What the journal says of one run, judged event by event. */
function judge(events: readonly DeliveredEvent[], runId: string): { ends: string[]; incarnations: number[] } {
  const incarnations: number[] = [];
  const ends: string[] = [];
  for (const { type, data } of events) {
    const { runId: of, incarnation = 1 } = data as { runId?: string; incarnation?: number };
    const content = JSON.stringify(data).match(/"content":"([^"]*)"/)?.[1] ?? '';
    if (type === 'message.sent' && content.startsWith(`${runId} `)) {
      expect(ends).toEqual([]);
      expect(content).toBe(`${runId} ${incarnations.at(-1)}`);
    }
    if (of !== runId) continue;
    if (type === 'agent.started' || type === 'agent.restarted') {
      expect(ends).toEqual([]);
      expect(incarnation).toBe((incarnations.at(-1) ?? 0) + 1);
      incarnations.push(incarnation);
    } else {
      expect(incarnation).toBe(incarnations.at(-1));
      if (type !== 'agent.crashed') ends.push(type);
    }
  }
  return { ends, incarnations };
}

const plan: fc.Arbitrary<Plan> = fc.record({
  crashes: fc.nat(2),
  messages: fc.nat(2),
  ends: fc.constantFrom('completes', 'fails', 'is stopped'),
});

const kills = fc.array(fc.nat(12), { minLength: 1, maxLength: 4 });

test('a run ends exactly once, whatever writes the process is killed at', async () => {
  const law = fc.asyncProperty(
    fc.array(plan, { minLength: 1, maxLength: 3 }),
    kills,
    fc.constantFrom('kill', 'fault before', 'fault after'),
    async (plans, writes, how) => {
      const done: string[] = [];
      await using test = await createTestSystem({ agents: { worker: worker(done) }, passivateAfterMs: 1 });
      await test.client.sessions.create(one);
      const runs = new Map<number, string>();
      const startAll = (): Promise<unknown> =>
        Promise.allSettled(
          plans.map(async (given, i) => {
            const input = { plan: { ...given }, name: `n${i}` };
            const key = { idempotencyKey: `start ${i}` };
            const { runId } = await test.client.agents.start({ ...one, agent: 'worker', input }, key);
            expect(runs.get(i) ?? runId).toBe(runId);
            runs.set(i, runId);
            if (given.ends === 'is stopped')
              await test.client.agents.stop({ ...one, runId }, { idempotencyKey: `stop ${i}` });
          }),
        );
      const outcomes: Promise<unknown>[] = [];
      for (const write of writes) {
        if (how === 'kill') {
          const held = test.disk.holdWrites(write);
          outcomes.push(startAll());
          await quiet(30);
          await test.clock.advance(50);
          const restarting = test.restart('kill');
          held.release();
          await restarting;
        } else {
          const fatal = test.disk.writes + write + 1;
          test.disk.failWrites((n) =>
            n === fatal ? (how === 'fault before' ? 'before' : 'after') : undefined,
          );
          outcomes.push(startAll());
          await quiet(30);
          await test.clock.advance(50);
          test.disk.heal();
        }
      }
      const last = watch(startAll());
      for (let i = 0; i < 40 || last.outcome === 'waiting'; i++) {
        await quiet(5);
        await test.clock.advance(5_000);
        if (i > 400) throw new Error('the runs did not end');
      }
      const events = await allEvents(test.client);
      expect(events.filter(({ type }) => type === 'agent.started').length).toBe(plans.length);
      for (const [i, { ends }] of plans.entries()) {
        const runId = runs.get(i) ?? '';
        const run = judge(events, runId);
        expect(run.ends.length).toBe(1);
        if (ends === 'completes') expect(run.ends).toEqual(['agent.completed']);
        const details = await test.client.agents.get({ ...one, runId });
        if (ends === 'completes') expect(details.result).toBe(run.incarnations.at(-1));
      }
      expect((await test.client.sessions.conditions({})).length).toBe(0);
    },
  );
  await fc.assert(law, { numRuns: 100 });
}, 120_000);
