// A wrong turn taken back: a named checkpoint, a rollback, a look at what was, the rollback rolled back, and the proof of it all.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystem } from 'holdfast';

const location = await mkdtemp(join(tmpdir(), 'holdfast-'));
try {
  await using system = await createSystem({ location });
  const { sessions, messages, checkpoints } = system.client;
  const { sessionId } = await sessions.create({ name: 'travel desk' });
  const say = (content: string) => messages.send({ sessionId, role: 'assistant', content });
  const said = async (at?: number): Promise<unknown[]> => {
    const { items } = await messages.list({ sessionId, ...(at !== undefined && { at }) });
    return items.map(({ content }) => content);
  };

  await say('I found two trains.');
  const { checkpointId, version } = await checkpoints.create({ sessionId, name: 'before booking' });
  const booked = await say('I booked both of them.');

  const { undo } = await sessions.rollback({ sessionId, checkpointId, reason: 'one is enough' });
  assert.deepEqual(await said(), ['I found two trains.']);

  // Nothing was erased: every version can be read as it was, and the rollback can be taken back too.
  assert.deepEqual(await said(booked.seq), ['I found two trains.', 'I booked both of them.']);
  await sessions.rollback({ sessionId, checkpointId: undo });
  assert.deepEqual(await said(), ['I found two trains.', 'I booked both of them.']);
  assert.deepEqual(await said(version), ['I found two trains.']);

  // Where the session stands, to be kept where nobody who can write the store can write.
  const { items: anchors } = await sessions.anchors();
  const proof = await sessions.verify({ sessionId });
  const [anchor] = await sessions.verifyAnchors({ anchors });
  assert.equal(proof.valid, true);
  assert.equal(anchor?.verdict, 'holds');
  console.log(`${proof.events} events proven, ${proof.checkpoints.length} checkpoints hold`);
} finally {
  await rm(location, { recursive: true });
}
