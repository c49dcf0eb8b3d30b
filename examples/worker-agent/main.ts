// An agent in a busy loop is ended; its session, and the process, go on.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystem } from 'holdfast';

const location = await mkdtemp(join(tmpdir(), 'holdfast-'));
const forced: unknown[] = [];
try {
  await using system = await createSystem({
    location,
    agents: {
      spinner: {
        isolation: 'worker',
        module: new URL('./spinner-child.js', import.meta.url),
        export: 'spin',
        graceMs: 200,
      },
    },
    onTelemetry: ({ name, data }) => {
      if (name === 'agent.forced') forced.push(data.agent);
    },
  });
  const { client } = system;
  const { sessionId } = await client.sessions.create({ name: 'spinning' });

  let greeted = (): void => {};
  const greeting = new Promise<void>((resolve) => {
    greeted = resolve;
  });
  await client.events.subscribe(sessionId, ({ type }) => {
    if (type === 'message.sent') greeted();
  });
  const { runId } = await client.agents.start({ sessionId, agent: 'spinner', input: { greeting: 'Hello.' } });
  await greeting;
  console.log('the agent spins, and everybody else goes on');

  const { status } = await client.agents.stop({ sessionId, runId });
  console.log(`the agent is ${status}, and its thread has ended`);
  assert.equal(status, 'stopped');
  assert.deepEqual(forced, ['spinner']);

  await client.messages.send({ sessionId, role: 'user', content: 'Still there?' });
  const { items } = await client.messages.list({ sessionId });
  assert.deepEqual(
    items.map(({ content }) => content),
    ['Hello.', 'Still there?'],
  );
} finally {
  await rm(location, { recursive: true });
}
