// Where the commands of many sessions go to one stream, an idempotency key is that of the session that acts.
import { expect, test } from 'vitest';
import type { Client } from '../../src/client/client.ts';
import { createTestSystem } from '../../src/testing/index.ts';
import { codeOf } from '../support/outcome.ts';

const key = { idempotencyKey: 'main/step' };
const [a, b] = [{ sessionId: 'a' }, { sessionId: 'b' }];

/** What one of two sessions does under the key, and does again. */
const acts: Readonly<Record<string, (client: Client, of: typeof a) => Promise<unknown>>> = {
  'takes a lock': ({ locks }, of) => locks.acquire({ ...of, name: of.sessionId }, key),
  'joins the roster': ({ roster }, of) => roster.join({ ...of, role: 'tester' }, key),
  'counts in a space': ({ spaces }, of) => spaces.increment({ ...of, spaceId: 'plan', key: 'n' }, key),
  'accepts a handoff': ({ handoffs }, of) => handoffs.accept({ ...of, handoffId: handoffOf(of) }, key),
  'rejects a handoff': ({ handoffs }, of) => handoffs.reject({ ...of, handoffId: handoffOf(of) }, key),
};

const handoffs = new Map<string, string>();
const handoffOf = ({ sessionId }: typeof a): string => handoffs.get(sessionId) ?? '';

test.each(Object.keys(acts))(
  'each of two sessions %s under a key that both have chosen, once',
  async (name) => {
    const act = acts[name] ?? (() => Promise.reject(new Error('none')));
    await using system = await createTestSystem();
    const { client } = system;
    for (const sessionId of ['a', 'b', 'source']) await client.sessions.create({ sessionId });
    await client.spaces.create({ spaceId: 'plan' });
    for (const of of [a, b]) await client.spaces.join({ ...of, spaceId: 'plan' });
    const done: unknown[] = [];
    for (const of of [a, b]) {
      if (name.endsWith('handoff')) {
        const asked = { sessionId: 'source', to: of, kind: 'collaboration' } as const;
        handoffs.set(of.sessionId, (await client.handoffs.offer(asked)).handoffId);
      }
      done.push(await act(client, of));
    }
    await system.restart('kill');
    const again = [await act(system.client, a), await act(system.client, b)];
    expect(again).toMatchObject(
      done.map((answer) => ({ seq: (answer as { seq: number }).seq, repeated: true })),
    );
    const { value } = await system.client.spaces.get({ ...a, spaceId: 'plan', key: 'n' });
    expect(value).toBe(name === 'counts in a space' ? 2 : undefined);
  },
);

test('each of two sessions makes a space under a key that both have chosen, and finds it again; so does who names none', async () => {
  await using system = await createTestSystem();
  for (const of of [a, b]) await system.client.sessions.create(of);
  const made: string[] = [];
  for (const of of [a, b, {}]) made.push((await system.client.spaces.create(of, key)).spaceId);
  expect(new Set(made).size).toBe(3);
  await system.restart('kill');
  for (const [i, of] of [a, b, {}].entries())
    expect(await system.client.spaces.create(of, key)).toMatchObject({ spaceId: made[i], repeated: true });
  const nobody = system.client.spaces.create({ sessionId: 'nobody' }, key);
  expect(await codeOf(nobody)).toBe('SESSION_NOT_FOUND');
});

test('a session that takes its key for another request is told so, by the key that it gave', async () => {
  await using system = await createTestSystem();
  const { sessions, locks } = system.client;
  await sessions.create(a);
  await locks.acquire({ ...a, name: 'x' }, key);
  const reused = locks.acquire({ ...a, name: 'y' }, key);
  expect(await codeOf(reused)).toBe('IDEMPOTENCY_KEY_REUSED');
  await expect(reused).rejects.toMatchObject({ details: { key: 'main/step' } });
});
