// Looks into a running system through the official XState inspector: inspector, relay and receiver, over WebSockets on this
// machine. An observer inside the process and the one behind the wire see the same actors go through the same states.
import assert from 'node:assert/strict';
import { createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import type { SystemOptions } from 'holdfast';
import { createTestSystem } from 'holdfast/testing';
import { connectInspector } from './bounded-inspector.ts';
import { startRelay } from './relay.ts';
import { Sightings } from './sightings.ts';

const relay = await startRelay();
const inspector = await connectInspector(relay.url);
const receiver = createWebSocketReceiver({ server: relay.url });
await relay.connected(2);

const here = new Sightings();
const there = new Sightings();
receiver.subscribe((frame: StatelyInspectionEvent) => {
  there.note(frame.sessionId, frame.type === '@xstate.actor' ? frame.name : '', frame);
});
const inspect: SystemOptions['inspect'] = {
  next(event) {
    const { sessionId, id } = event.actorRef as typeof event.actorRef & { readonly id: string };
    here.note(sessionId, id, event);
    inspector.inspect.next?.(event);
  },
};

try {
  await using test = await createTestSystem({ inspect });
  const { client } = test;
  const { sessionId } = await client.sessions.create({ sessionId: 'travel-desk' });
  const say = (content: string): Promise<unknown> =>
    client.messages.send({ sessionId, role: 'user', content });
  await say('My flight was cancelled.');
  await client.sessions.pause({ sessionId, reason: 'waiting for the airline' });
  await client.sessions.resume({ sessionId });
  test.crash(sessionId, new Error('a fault in the actor'));
  await say('Still there?');
  await say('Then book the next one.');
  await client.sessions.terminate({ sessionId, reason: 'booked' });
  await test.close();

  await there.whenNoted(here.count);
  assert.deepEqual(there.actors, here.actors);
  assert.equal(inspector.dropped + relay.dropped, 0);
  for (const { actor, steps } of there.actors.values()) console.log([actor, ...steps].join('\n  '));

  const contexts = [...there.actors.values()].filter(({ actor }) => actor === 'context');
  const lives = contexts.map(({ steps }) => statesOf(steps));
  assert.deepEqual(lives, [
    ['initializing', 'active', 'paused', 'active'],
    // The crash ended the first context actor; the second begins where the first stood.
    ['active', 'terminating', 'terminated', 'terminated (stopped)'],
  ]);
  console.log(`${there.count} inspection events over the wire, the same as in the process`);
} finally {
  await inspector.close();
  await relay.close();
}

/** The states that an actor went through, each once. */
function statesOf(steps: readonly string[]): string[] {
  const states = steps.filter((step) => step.startsWith('state ')).map((step) => step.slice('state '.length));
  return states.filter((state, index) => state !== states[index - 1]);
}
