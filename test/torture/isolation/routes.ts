// The ways in which a session is killed or attacked. With `harm` 0 each does its harmless twin, so that the same run without
// kills leaves the same events behind.
import type { Client } from '../../../src/client/client.ts';
import { faultyAgents, unreadableError } from './faulty-agents.ts';
import type { Watcher } from './watcher.ts';

interface Scene {
  readonly client: Client;
  readonly watcher: Watcher;
  readonly sessionId: string;
  /** How often it is killed; 0 for the run without kills. */
  readonly harm: number;
  /** From now on the session's own subscriber throws. */
  readonly enrage: () => void;
}

export interface Route {
  readonly name: string;
  /** True when enough of these kills lead to quarantine. */
  readonly canQuarantine: boolean;
  strike(scene: Scene): Promise<unknown>;
}

/** More than a session, or an agent, is started again. */
export const tooOften = 12;

/** No machine can look at its type and live. */
function poison(error: Error): { readonly type: string; toJSON(): object } {
  return {
    get type(): string {
      throw error;
    },
    toJSON: () => ({ type: 'poison' }),
  };
}

async function poisonActor(
  { watcher, sessionId, harm }: Scene,
  which: 'context' | 'root',
  error: () => Error,
): Promise<void> {
  for (let kill = 0; kill < harm; kill++) {
    const started = watcher.nextStart(sessionId);
    const actor = watcher.actor(sessionId, which);
    if (actor?.getSnapshot().status !== 'active') return;
    actor.send(poison(error()));
    await started;
  }
}

async function runAgent({ client, sessionId, harm }: Scene, agent: string): Promise<void> {
  const { runId } = await client.agents.start({ sessionId, agent, input: { harm } });
  if (harm < tooOften) {
    await client.agents.wait({ sessionId, runId });
    return;
  }
  for (;;) {
    const { status } = await client.sessions.get({ sessionId });
    if (status === 'quarantined') return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Told to end, it does not; after its grace it is ended by force. */
async function hang({ client, sessionId, harm }: Scene): Promise<void> {
  const { runId } = await client.agents.start({ sessionId, agent: 'hung', input: { harm } });
  await client.agents.stop({ sessionId, runId });
}

/** What is handed over cannot be read; nothing of it may take effect, or harm anybody else. */
async function sendUnreadable({ client, sessionId, harm }: Scene): Promise<void> {
  if (harm === 0) return;
  const fault = (): never => {
    throw new Error('nobody may look at this');
  };
  const inputs = [
    Object.defineProperty({ sessionId, role: 'user' }, 'content', { enumerable: true, get: fault }),
    { sessionId, role: 'user', content: { toJSON: fault } },
    { sessionId, role: 'user', content: new Proxy({}, { ownKeys: fault, get: fault }) },
  ];
  for (const input of inputs) {
    const outcome = await client.messages.send(input as never).then(
      () => 'taken',
      () => 'refused',
    );
    if (outcome === 'taken') throw new Error('a message that cannot be read was taken');
  }
}

const fault = (): Error => new Error('a fault in the actor');

export const routes: readonly Route[] = [
  { name: 'the context actor', canQuarantine: true, strike: (scene) => poisonActor(scene, 'context', fault) },
  { name: 'the root actor', canQuarantine: true, strike: (scene) => poisonActor(scene, 'root', fault) },
  {
    name: 'the context actor, with an error that cannot be read',
    canQuarantine: true,
    strike: (scene) => poisonActor(scene, 'context', unreadableError),
  },
  ...faultyAgents.map(({ agent, fault: name }) => ({
    name: `an agent, ${name}`,
    canQuarantine: true,
    strike: (scene: Scene) => runAgent(scene, agent),
  })),
  { name: 'an agent that hangs, by force', canQuarantine: false, strike: hang },
  {
    name: 'a subscriber that throws',
    canQuarantine: false,
    strike: async ({ harm, enrage }) => harm > 0 && enrage(),
  },
  {
    name: 'an inspector that throws',
    canQuarantine: false,
    strike: async ({ harm, watcher, sessionId }) => harm > 0 && watcher.beAngryAt(sessionId),
  },
  { name: 'an event that cannot be read', canQuarantine: false, strike: sendUnreadable },
];
