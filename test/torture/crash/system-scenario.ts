// A whole system as the crash matrix wants it: several sessions, an agent, every way of putting a session to rest, and calls that are
// repeated under their keys until they are answered.
import type { Client } from '../../../src/client/client.ts';
import type { SystemScenario } from '../../../src/testing/crash-matrix/system-matrix.ts';
import type { Random } from '../random-moves.ts';

type Verb = 'pause' | 'resume' | 'hibernate' | 'wake' | 'terminate' | 'configure';

export type SystemMove =
  | { readonly do: 'create' | 'start' | Verb; readonly sessionId: string }
  | { readonly do: 'send'; readonly sessionId: string; readonly text: string }
  | { readonly do: 'set'; readonly sessionId: string; readonly value: number };

const ids = ['red', 'green', 'blue'];
const verbs: readonly Verb[] = [
  'pause',
  'resume',
  'hibernate',
  'wake',
  'terminate',
  'configure',
  'resume',
  'resume',
];

export const systemMatrixScenario = (most: number): SystemScenario<SystemMove> => ({
  options: {
    agents: {
      async writer({ session }) {
        await session.messages.send(
          { role: 'assistant', content: 'written' },
          { idempotencyKey: session.runId },
        );
        return 'done';
      },
    },
  },
  commands: (random) => [
    ...ids.map((sessionId): SystemMove => ({ do: 'create', sessionId })),
    ...Array.from({ length: Math.ceil(random() * most) }, () => randomMove(random)),
  ],
  async run(client, move, { key }) {
    const { sessionId } = move;
    const options = { idempotencyKey: key };
    switch (move.do) {
      case 'create':
        return client.sessions.create({ sessionId }, options);
      case 'send':
        return client.messages.send({ sessionId, role: 'user', content: move.text }, options);
      case 'set':
        return client.memory.set({ sessionId, key: 'value', value: move.value }, options);
      case 'start':
        return runToTheEnd(client, sessionId, key);
      case 'configure':
        return client.sessions.configure({ sessionId, metadata: { key } }, options);
      default:
        return client.sessions[move.do]({ sessionId }, options);
    }
  },
  async read(client) {
    return Promise.all(ids.map((sessionId) => seen(client, sessionId)));
  },
});

function randomMove(random: Random): SystemMove {
  const sessionId = ids[Math.floor(random() * ids.length)] ?? '';
  const kind = random();
  const value = Math.floor(random() * 1_000);
  if (kind < 0.35) return { do: 'send', sessionId, text: `text ${value}` };
  if (kind < 0.55) return { do: 'set', sessionId, value };
  if (kind < 0.7) return { do: 'start', sessionId };
  return { do: verbs[Math.floor(random() * verbs.length)] ?? 'pause', sessionId };
}

/** It is over when it is answered; what became of one that was begun and is not seen to end is not known. */
async function runToTheEnd(client: Client, sessionId: string, idempotencyKey: string): Promise<unknown> {
  const { runId } = await client.agents.start({ sessionId, agent: 'writer', input: {} }, { idempotencyKey });
  return client.agents.wait({ sessionId, runId }).catch(() => {
    throw new Error('it was begun, and is not seen to end');
  });
}

/** What is the same however often an agent was begun again, once no agent is at work. */
async function seen(client: Client, sessionId: string): Promise<unknown> {
  const found = await client.sessions.get({ sessionId }).catch(notFound);
  if (found === undefined) return null;
  const open = await client.agents.list({ sessionId, status: ['running'] });
  for (const { runId } of open) await client.agents.wait({ sessionId, runId });
  if (found.status === 'terminating') await untilEnded(client, sessionId);
  const runs = await client.agents.list({ sessionId });
  const messages = await client.messages.list({ sessionId });
  const keys = await client.memory.keys({ sessionId });
  const { status, metadata } = await client.sessions.get({ sessionId });
  const of = (role: string) => messages.items.filter((message) => message.role === role);
  return {
    ...{ status, metadata },
    runs: runs.map(({ status: run }) => run),
    sent: of('user').map(({ content }) => content),
    written: of('assistant').length,
    values: await Promise.all(keys.map(async (key) => (await client.memory.get({ sessionId, key })).value)),
  };
}

/** A session whose end a crash has cut off goes on to it by itself. */
async function untilEnded(client: Client, sessionId: string): Promise<void> {
  await using ends = client.events.stream({ sessionId, types: ['session.terminated'] });
  await ends.next();
}

/** What the disk refused is no answer: it is thrown on. */
function notFound(error: { readonly code?: string }): undefined {
  if (error.code !== 'SESSION_NOT_FOUND') throw error;
}
