// Steps of durable agents: each result is on disk before the agent goes on. One agent step by step, and many agents at once.
import type { AgentContext, AgentDefinitions, Client } from 'holdfast';
import { alternating } from '../beside.ts';
import { lapOf } from '../lap.ts';
import { type Row, rowOf, timedSide } from '../row.ts';
import type { RowPlan } from '../row-plan.ts';
import type { Workshop } from '../workshop.ts';

export const stepRows: readonly RowPlan[] = [
  {
    id: 'step-1',
    name: 'steps of one agent, one after another',
    measure: (shop, plan) => steps(shop, plan, 1),
  },
  {
    id: 'step-64',
    name: 'steps of 64 agents, each one after another',
    measure: (shop, plan) => steps(shop, plan, 64),
  },
];

/** What a step returns, and what the floor appends for it. */
const result = 'x'.repeat(200);
const appended = 'x'.repeat(600);

const agents: AgentDefinitions = {
  async walker({ input, step }: AgentContext<{ steps: number }>) {
    for (let n = 0; n < input.steps; n++) await step(`step ${n}`, () => result);
    return input.steps;
  },
};

async function steps(shop: Workshop, plan: RowPlan, walkers: number): Promise<Row> {
  const { rounds, quick } = shop.options;
  const [plain, { client }] = [await shop.plain(), await shop.openSystem(plan.id, { agents })];
  const ids = Array.from({ length: walkers }, (_, n) => `walker-${n}`);
  await Promise.all(ids.map((sessionId) => client.sessions.create({ sessionId })));
  const each = Math.max(5, Math.floor((quick ? 50 : 500) / Math.sqrt(walkers)));
  const laps = await alternating(
    rounds,
    () => lapOf(walkers * each, () => all(ids, (sessionId) => walk(client, sessionId, each))),
    () => lapOf(walkers * each, () => all(ids, (id) => append(plain, id, each))),
  );
  return rowOf({
    ...{ id: plan.id, name: plan.name, unit: 'us', judging: 'times' },
    product: timedSide('holdfast', 'fsync before the agent goes on', laps.product),
    floor: timedSide('plain LevelDB, 600 bytes a step', 'fsync before the next', laps.floor),
    notes: [`${each} steps to an agent, with its start and its end; each step returns 200 characters`],
  });
}

async function all(ids: readonly string[], run: (id: string) => Promise<unknown>): Promise<void> {
  await Promise.all(ids.map(run));
}

async function walk({ agents }: Client, sessionId: string, steps: number): Promise<void> {
  const { runId } = await agents.start({ sessionId, agent: 'walker', input: { steps } });
  await agents.wait({ sessionId, runId });
}

async function append(
  plain: { append(session: string, value: string): Promise<void> },
  id: string,
  count: number,
): Promise<void> {
  for (let n = 0; n < count; n++) await plain.append(id, appended);
}
