// What an agent says of its steps, children and permits is checked as what a client says is: nothing that nobody understands is
// journaled, tried again for ever, or keeps what all share.
import { expect, test } from 'vitest';
import type { Client } from '../../src/client/client.ts';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem } from '../../src/testing/index.ts';
import { codeOf } from '../support/outcome.ts';

const one = { sessionId: 's' };

async function resultOf(
  agent: (context: AgentContext, client: Client) => Promise<unknown>,
): Promise<unknown> {
  await using system = await createTestSystem({
    agents: {
      agent: (context: AgentContext) => agent(context, system.client),
      child: () => Promise.reject(new Error('planned')),
    },
    permits: { model: { inFlight: 1 } },
  });
  const { sessions, agents } = system.client;
  await sessions.create(one);
  const { runId } = await agents.start({ ...one, agent: 'agent', restart: 'temporary' });
  const { result, error } = await agents.wait({ ...one, runId });
  return error ?? result;
}

test('a child with an option that nobody understands is refused by its place, and not started', async () => {
  const wrong = [
    { restart: 'never' },
    { timeoutMs: -1 },
    { role: 5 },
    { budget: { maxRestarts: -1 } },
    { more: 1 },
  ];
  const result = await resultOf(async ({ child }, { agents }) => {
    const fields: unknown[] = [];
    for (const options of wrong)
      await child('c', 'child', null, options as object).catch(({ code, details }) =>
        fields.push(`${code} ${details.field}`),
      );
    return [...fields, (await agents.list(one)).length];
  });
  const fields = ['restart', 'timeoutMs', 'role', 'budget.maxRestarts', 'options'];
  expect(result).toEqual([...fields.map((field) => `INVALID_INPUT ${field}`), 1]);
});

test('a step with an option that nobody understands is a mistake, and is not run', async () => {
  const wrong = {
    retries: Number.NaN,
    firstRetryMs: '1s',
    longestRetryMs: Number.NaN,
    effect: 'yes',
    onUnknown: 'ask',
    effects: true,
  };
  const result = await resultOf(async ({ step }) => {
    let ran = 0;
    const refused: unknown[] = [];
    for (const [option, value] of Object.entries(wrong))
      await step(option, () => ran++, { [option]: value } as object).catch(({ name, message }) =>
        refused.push([name, message.includes(option)]),
      );
    return [refused, ran];
  });
  expect(result).toEqual([Object.keys(wrong).map(() => ['TypeError', true]), 0]);
});

test('all that there are are understood together', async () => {
  const result = await resultOf(({ step }) => {
    const waits = { retries: Number.POSITIVE_INFINITY, firstRetryMs: 0, longestRetryMs: 0.5 };
    return step('a', () => 1, { ...waits, effect: true, onUnknown: () => 'retry' });
  });
  expect(result).toBe(1);
});

test('a permit whose use cannot be counted is free all the same when its function has returned', async () => {
  const result = await resultOf(async ({ permits }, { permits: { get } }) => {
    const seen: unknown[] = [];
    for (const usage of [{ tokens: Number.NaN }, { tokens: 1.5 }, { cost: -1 }])
      seen.push(
        await permits.use('model', ({ report }) => codeOf(report(usage))),
        (await get({ key: 'model' })).held,
      );
    return seen;
  });
  expect(result).toEqual(['INVALID_INPUT', 0, 'INVALID_INPUT', 0, 'INVALID_INPUT', 0]);
});
