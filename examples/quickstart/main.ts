// The shortest complete program: a session is there again when its directory is opened again.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystem } from 'holdfast';

const location = await mkdtemp(join(tmpdir(), 'holdfast-'));
try {
  const system = await createSystem({ location });
  const { sessionId } = await system.client.sessions.create({ name: 'travel desk' });
  await system.client.messages.send({ sessionId, role: 'user', content: 'My flight was cancelled.' });
  await system.client.messages.send({ sessionId, role: 'assistant', content: 'Shall I book another?' });
  await system.close();

  await using reopened = await createSystem({ location });
  const { items } = await reopened.client.messages.list({ sessionId });
  for (const { seq, role, content } of items) console.log(`${seq} ${role}: ${content}`);
  assert.deepEqual(
    items.map(({ content }) => content),
    ['My flight was cancelled.', 'Shall I book another?'],
  );
} finally {
  await rm(location, { recursive: true });
}
