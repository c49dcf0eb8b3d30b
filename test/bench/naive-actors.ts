// The session that one would write first: an XState root actor that spawns a context actor, both with a lifecycle. It is what
// Holdfast's memory per session is set beside.
import { type Actor, assign, createActor, sendTo, setup, spawnChild } from 'xstate';

interface Conversation {
  readonly messages: readonly unknown[];
  readonly createdAt: number;
  readonly pings: number;
}

const contextMachine = setup({
  types: {
    context: {} as Conversation,
    events: {} as { type: 'READY' } | { type: 'PING' } | { type: 'PAUSE' },
  },
}).createMachine({
  id: 'context',
  initial: 'initializing',
  context: () => ({ messages: [], createdAt: Date.now(), pings: 0 }),
  states: {
    initializing: { on: { READY: 'active' } },
    active: {
      on: { PING: { actions: assign({ pings: ({ context }) => context.pings + 1 }) }, PAUSE: 'paused' },
    },
    paused: { on: { READY: 'active' } },
  },
});

const sessionMachine = setup({
  types: {
    context: {} as { readonly sessionId: string; readonly startedAt: number },
    input: {} as { readonly sessionId: string },
    events: {} as { type: 'READY' },
  },
  actors: { context: contextMachine },
}).createMachine({
  id: 'session',
  initial: 'starting',
  context: ({ input }) => ({ sessionId: input.sessionId, startedAt: Date.now() }),
  states: {
    starting: {
      entry: spawnChild('context', { id: 'context' }),
      on: { READY: { target: 'running', actions: sendTo('context', { type: 'READY' }) } },
    },
    running: {},
  },
});

export function naiveSessions(count: number): ReadonlyMap<string, Actor<typeof sessionMachine>> {
  const sessions = new Map<string, Actor<typeof sessionMachine>>();
  for (let i = 0; i < count; i++) {
    const actor = createActor(sessionMachine, { input: { sessionId: `held-${i}` } });
    actor.start();
    actor.send({ type: 'READY' });
    sessions.set(`held-${i}`, actor);
  }
  return sessions;
}
