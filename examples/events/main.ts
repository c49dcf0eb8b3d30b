// A worker that follows all sessions and survives its own restarts: it keeps the cursor with what it made of the events.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createSystem } from 'holdfast';

/** What the worker keeps, in one place: what it counted, and how far it has come. */
const kept = { words: 0, cursor: undefined as string | undefined };

async function countWords(client: Client, until: string): Promise<void> {
  const { cursor } = kept;
  const types = ['message.sent', 'session.terminated'] as const;
  for await (const event of client.events.stream({ types, ...(cursor !== undefined && { after: cursor }) })) {
    // `type` says what `data` is.
    if (event.type === 'message.sent' && typeof event.data.content === 'string') {
      kept.words += event.data.content.split(' ').length;
      if (event.data.content === until) {
        kept.cursor = event.cursor;
        break; // gives back everything that the stream held
      }
    }
    kept.cursor = event.cursor;
  }
}

const location = await mkdtemp(join(tmpdir(), 'holdfast-'));
try {
  const first = await createSystem({ location });
  const { sessionId } = await first.client.sessions.create({ name: 'travel desk' });

  // A callback hears what comes from now on. One that throws harms nobody, and is reported as `subscriber.failed`.
  const heard: string[] = [];
  using _subscription = await first.client.events.subscribe(sessionId, ({ type }) => void heard.push(type));

  await first.client.messages.send({ sessionId, role: 'user', content: 'My flight was cancelled' });
  await countWords(first.client, 'My flight was cancelled');
  assert.deepEqual(heard, ['message.sent']);
  await first.client.messages.send({ sessionId, role: 'assistant', content: 'Shall I book another?' });
  await first.close();

  // The worker was away, the cursor was not: each message is counted once.
  await using second = await createSystem({ location });
  await countWords(second.client, 'Shall I book another?');
  assert.equal(kept.words, 8);
  console.log(`${kept.words} words, each counted once`);
} finally {
  await rm(location, { recursive: true });
}
