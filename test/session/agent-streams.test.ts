// What agents stream: to whoever listens, to who comes late as far as it is kept, and never to the journal.
import { expect, test } from 'vitest';
import type { DeliveredEvent } from '../../src/operations/views/views.ts';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';
import { AgentStreams } from '../../src/session/agents/agent-streams.ts';
import { createTestSystem } from '../../src/testing/index.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };

test('a stream reaches who listens, who comes late, and who comes again, and is not journaled', async () => {
  let failed = false;
  await using test = await createTestSystem({
    passivateAfterMs: null,
    agents: {
      async writer({ step, stream, waitFor }: AgentContext) {
        await step('draft', () => {
          stream('a');
          stream({ token: 'b' });
        });
        if (!failed) {
          await waitFor('crash');
          failed = true;
          throw new Error('planned');
        }
        stream('again');
      },
    },
  });
  const { client } = test;
  await client.sessions.create(one);
  const heard: DeliveredEvent[] = [];
  await client.events.subscribe('s', (event) => heard.push(event));
  const { runId } = await client.agents.start({ ...one, agent: 'writer' });
  await quiet();
  const first = await client.agents.stream({ ...one, runId });
  expect(first).toMatchObject({ incarnation: 1, missed: 0, ended: false, cursor: '1.2' });
  expect(first.chunks.map(({ index, chunk }) => [index, chunk])).toEqual([
    [1, 'a'],
    [2, { token: 'b' }],
  ]);
  const next = client.agents.stream({ ...one, runId, cursor: first.cursor });
  await client.agents.signal({ ...one, runId, name: 'crash' });
  expect(await next).toMatchObject({ incarnation: 2, chunks: [{ index: 1, chunk: 'again' }], cursor: '2.1' });
  await client.agents.wait({ ...one, runId });
  expect(await client.agents.stream({ ...one, runId, cursor: '2.1' })).toMatchObject({
    chunks: [],
    ended: true,
  });
  const streamed = heard.filter(({ type }) => type === 'agent.streamed');
  expect(streamed.map(({ data }) => data)).toMatchObject([
    { runId, incarnation: 1, index: 1, chunk: 'a' },
    { runId, incarnation: 1, index: 2, chunk: { token: 'b' } },
    { runId, incarnation: 2, index: 1, chunk: 'again' },
  ]);
  const { items } = await client.events.list({ ...one, limit: 500 });
  expect(items.some(({ type }) => type === 'agent.streamed')).toBe(false);
  expect(await codeOf(client.agents.stream({ ...one, runId: 'nobody' }))).toBe('AGENT_NOT_FOUND');
  expect(await codeOf(client.agents.stream({ ...one, runId, cursor: 'x' }))).toBe('INVALID_CURSOR');
});

test('of a stream the newest is kept, and what is gone is counted', () => {
  const streams = new AgentStreams();
  for (let n = 1; n <= 1_200; n++) streams.add('s', 'r', 1, 0, n);
  const page = streams.read('s', 'r', { incarnation: 1, index: 100 });
  expect(page).toMatchObject({ missed: 100, last: 1_200 });
  expect(page?.chunks.length).toBe(1_000);
  streams.add('s', 'big', 1, 0, 'x'.repeat(800_000));
  streams.add('s', 'big', 1, 0, 'y'.repeat(800_000));
  expect(streams.read('s', 'big', { incarnation: 0, index: 0 })).toMatchObject({
    missed: 1,
    chunks: [{ index: 2 }],
  });
  streams.add('other', 'r', 1, 0, 'kept');
  streams.forget('s');
  expect(streams.read('s', 'big', { incarnation: 1, index: 0 })).toBeUndefined();
  expect(streams.read('other', 'r', { incarnation: 1, index: 0 })).toMatchObject({ last: 1 });
  for (let n = 0; n < 1_000; n++) streams.add('s', `r${n}`, 1, 0, n);
  expect(streams.read('s', 'r', { incarnation: 1, index: 0 })).toBeUndefined();
});
