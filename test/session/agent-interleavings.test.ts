// Parallel branches of an agent live through the same order when their run begins again, whatever they do and however long it takes.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem } from '../../src/testing/index.ts';
import { quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };

type Move = {
  readonly kind: 'step' | 'nested' | 'fails' | 'sleep';
  readonly ms: number;
  readonly turns: number;
};

const move: fc.Arbitrary<Move> = fc.record({
  kind: fc.constantFrom('step', 'nested', 'fails', 'sleep'),
  ms: fc.nat(50),
  turns: fc.nat(3),
});

test('what branches have seen of each other is the same in life and in each replay', async () => {
  const law = fc.asyncProperty(
    fc.array(fc.array(move, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 4 }),
    async (plan) => {
      const lives: string[][] = [];
      let ran = 0;
      await using test = await createTestSystem({
        passivateAfterMs: null,
        agents: {
          async agent({ step, sleep, waitFor }: AgentContext) {
            const seen: string[] = [];
            lives.push(seen);
            // One name for all: which call is which hangs on the order alone.
            const make = async ({ kind, ms, turns }: Move): Promise<unknown> => {
              const work = async (): Promise<number> => {
                ran += 1;
                for (let i = 0; i < turns; i++) await quiet(1);
                if (kind === 'fails') throw new TypeError('planned');
                return ran;
              };
              if (kind === 'sleep') return sleep('same', ms);
              if (kind === 'nested') return step('same', ({ step: inner }) => inner('within', work));
              return step('same', work).catch((error: Error) => error.message);
            };
            await Promise.all(
              plan.map(async (moves, branch) => {
                for (const [n, next] of moves.entries()) {
                  const found = await make(next);
                  for (let i = 0; i < next.turns; i++) await Promise.resolve();
                  seen.push(`${branch}.${n} ${JSON.stringify(found)}`);
                }
              }),
            );
            await waitFor('go');
            return seen;
          },
        },
      });
      await test.client.sessions.create(one);
      const { runId } = await test.client.agents.start({ ...one, agent: 'agent' });
      for (
        let i = 0;
        (await test.client.agents.waits(one)).every(({ kind }) => kind === 'timer') && i < 100;
        i++
      ) {
        await quiet(5);
        await test.clock.advance(10);
      }
      const before = ran;
      await test.restart('kill');
      await test.client.agents.signal({ ...one, runId, name: 'go' });
      const { result, error } = await test.client.agents.wait({ ...one, runId });
      expect(error).toBeNull();
      expect(result).toEqual(lives[0]);
      expect(lives.length).toBe(2);
      expect(ran).toBe(before);
    },
  );
  await fc.assert(law, { numRuns: Number(process.env.STEP_RUNS ?? 12) });
}, 60_000);
