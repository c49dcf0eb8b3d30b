// Forks and merges, cut off at every operation of the disk: a fork is there whole or not at all, and a merge brings each thing once.
import { expect, test } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import type { Client } from '../../src/client/client.ts';
import { crashMatrix } from '../../src/testing/index.ts';

type Command = (client: Client, idempotencyKey: string) => Promise<unknown>;

const main = { sessionId: 'main' };
const branch = { sessionId: 'branch' };

const say =
  (sessionId: string, content: string): Command =>
  (client, idempotencyKey) =>
    client.messages.send({ sessionId, role: 'user', content }, { idempotencyKey });

/** Tasks stand in a stream of their own: with the others they are one call, and two appends. */
const merge =
  (parts: readonly ('messages' | 'files' | 'context' | 'tasks')[]): Command =>
  (client, idempotencyKey) =>
    client.sessions.merge({ ...main, fromSessionId: 'branch', parts }, { idempotencyKey });

const commands: readonly Command[] = [
  (client, idempotencyKey) => client.sessions.create(main, { idempotencyKey }),
  say('main', 'a'),
  (client, idempotencyKey) => client.sessions.fork({ ...main, newSessionId: 'branch' }, { idempotencyKey }),
  say('branch', 'b'),
  (client, idempotencyKey) => client.memory.set({ ...branch, key: 'found', value: 1 }, { idempotencyKey }),
  (client, idempotencyKey) => client.tasks.create({ ...branch, taskId: 't', title: 't' }, { idempotencyKey }),
  (client, idempotencyKey) => client.tasks.cancel({ ...branch, taskId: 't' }, { idempotencyKey }),
  say('main', 'c'),
  merge(['messages', 'files', 'context']),
  merge(['tasks']),
  say('branch', 'd'),
  merge(['messages', 'files', 'context', 'tasks']),
];

interface Found {
  readonly messages: readonly unknown[];
  readonly keys: readonly string[];
  readonly tasks: readonly string[];
  readonly lineage: readonly unknown[];
  readonly valid: boolean;
}

async function look(client: Client, sessionId: string): Promise<Found | null> {
  try {
    const { items } = await client.messages.list({ sessionId });
    const { ancestors } = await client.sessions.lineage({ sessionId });
    return {
      messages: items.map(({ content }) => content),
      keys: await client.memory.keys({ sessionId }),
      tasks: (await client.tasks.list({ sessionId })).items.map(
        ({ taskId, status }) => `${taskId} ${status}`,
      ),
      lineage: ancestors.map(({ standing }) => standing),
      valid: (await client.sessions.verify({ sessionId })).valid,
    };
  } catch (error) {
    if (HoldfastError.is(error, 'SESSION_NOT_FOUND')) return null;
    throw error;
  }
}

test('wherever it is cut off, a fork is whole or not there, and nothing is merged twice or lost', async () => {
  const { points } = await crashMatrix.system<Command>(
    {
      options: { scrubEveryMs: 0 },
      commands,
      run: (client, command, { key }) => command(client, key),
      read: async (client) => ({ main: await look(client, 'main'), branch: await look(client, 'branch') }),
      check: (state) => {
        for (const found of Object.values(state as Record<string, Found | null>)) {
          if (found === null) continue;
          expect(found.valid).toBe(true);
          expect(new Set(found.messages).size).toBe(found.messages.length);
          expect(new Set(found.tasks).size).toBe(found.tasks.length);
          expect(found.lineage.every((standing) => standing === 'held')).toBe(true);
        }
      },
    },
    { sequences: 1, ...(process.env.FORK_RUNS === undefined && { crashes: 12, errors: 4, finishEvery: 4 }) },
  );
  expect(points).toBeGreaterThan(12);
}, 600_000);
