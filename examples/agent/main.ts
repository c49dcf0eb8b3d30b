// An agent in a few lines: it crashes, is started again, and its result is journaled once.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystem } from 'holdfast';

const location = mkdtempSync(join(tmpdir(), 'holdfast-'));
process.on('exit', () => rmSync(location, { recursive: true }));

await using system = await createSystem({
  location,
  agents: {
    async writer({ session, input }) {
      if (session.incarnation === 1) throw new Error('the model is overloaded');
      const message = { role: 'assistant', content: `About ${input.topic}: …` } as const;
      await session.messages.send(message, { idempotencyKey: session.runId });
      return 'written';
    },
  },
});
const { client } = system;
await client.sessions.create({ sessionId: 'desk' });
const { runId } = await client.agents.start({
  sessionId: 'desk',
  agent: 'writer',
  input: { topic: 'ports' },
});
const { result, incarnation, crashes } = await client.agents.wait({ sessionId: 'desk', runId });
console.log(`${result}, by incarnation ${incarnation} after ${crashes} crash`);

assert.deepEqual([result, incarnation, crashes], ['written', 2, 1]);
