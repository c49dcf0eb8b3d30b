// The types of agents as users write them. The compiler is the judge (`npm run check:types`); that they run is seen here too.
import type { AgentContext, Json, TaskAssignment } from 'holdfast';
import { expect, expectTypeOf, test } from 'vitest';
import { createTestSystem } from '../../src/testing/index.ts';

interface Order {
  readonly id: string;
  readonly parts?: readonly Part[];
}

interface Part {
  readonly name: string;
}

test('an agent names its input by an interface, its own or that of a task', async () => {
  async function buyer({ input }: AgentContext<Order>): Promise<string> {
    expectTypeOf(input).toEqualTypeOf<Order>();
    return input.id;
  }
  async function worker({ input: assignment }: AgentContext<TaskAssignment<Order>>): Promise<string> {
    expectTypeOf(assignment.input).toEqualTypeOf<Order>();
    return `${assignment.input.id} ${assignment.key.length > 0}`;
  }
  const anything = async ({ input: { input } }: AgentContext<TaskAssignment>): Promise<Json> => input;
  const dated = async ({ input }: AgentContext<{ readonly at: Date }>): Promise<number> => input.at.getTime();
  await using system = await createTestSystem({ agents: { buyer, worker, anything, dated } });
  const { sessions, agents, tasks } = system.client;
  const one = { sessionId: 'desk' };
  await sessions.create(one);
  const { runId } = await agents.start({ ...one, agent: 'buyer', input: { id: 'o1' } satisfies Order });
  expect((await agents.wait({ ...one, runId })).result).toBe('o1');
  for (const agent of ['worker', 'anything'])
    await tasks.create({ ...one, taskId: agent, title: agent, agent, input: { id: 'o2' } });
  expect((await tasks.wait({ ...one, taskId: 'worker' })).result).toBe('o2 true');
  expect((await tasks.wait({ ...one, taskId: 'anything' })).result).toEqual({ id: 'o2' });
});

test('without a type of its own the input is JSON, and in a literal of agents it is whatever is done with it', async () => {
  expectTypeOf<AgentContext['input']>().toEqualTypeOf<Json>();
  expectTypeOf<TaskAssignment['input']>().toEqualTypeOf<Json>();
  await using system = await createTestSystem({
    agents: {
      async topic({ input, session }) {
        expectTypeOf(input).toBeAny();
        expectTypeOf(session).toEqualTypeOf<AgentContext['session']>();
        return input.topic;
      },
    },
  });
  const { sessions, agents } = system.client;
  const { sessionId } = await sessions.create({});
  const { runId } = await agents.start({ sessionId, agent: 'topic', input: { topic: 'ports' } });
  expect((await agents.wait({ sessionId, runId })).result).toBe('ports');
});
