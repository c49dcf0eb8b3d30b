// Many calls at once: of one id there is one session, and nothing is lost, doubled or out of order, however few sessions may
// have actors at one time.
import { describe, expect, test } from 'vitest';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/index.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const countsOf = (codes: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const code of codes) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
};

test('twenty creates of one id at once make one session, and nineteen are refused', async () => {
  await using test = await createTestSystem();
  const calls = Array.from({ length: 20 }, () => codeOf(test.client.sessions.create({ sessionId: 's' })));
  expect(countsOf(await Promise.all(calls))).toEqual({ answered: 1, SESSION_EXISTS: 19 });
  const { items } = await test.client.events.list({ sessionId: 's' });
  expect(items.filter(({ type }) => type === 'session.created').length).toBeLessThanOrEqual(1);
  expect(test.system.activeSessions).toBe(1);
  expect((await test.client.sessions.get({ sessionId: 's' })).seq).toBe(2);
});

const idsOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `s${i}`);

interface Said {
  readonly sessionId: string;
  readonly content: string;
  readonly seq: number;
}

const sessions = 320;

/** A thousand calls at once: a create and two sends for each session, and a terminate for every eighth. */
async function traffic({ client }: TestSystem): Promise<{ said: Said[]; codes: string[]; ended: string[] }> {
  const ids = idsOf(sessions);
  const said: Said[] = [];
  const ended: string[] = [];
  const calls = ids.flatMap((sessionId, i) => {
    const created = client.sessions.create({ sessionId });
    const say = async (content: string): Promise<void> => {
      const message = { sessionId, role: 'user', content } as const;
      const { seq } = await client.messages.send(message);
      said.push({ sessionId, content, seq });
    };
    const end = async (): Promise<void> => {
      await client.sessions.terminate({ sessionId });
      ended.push(sessionId);
    };
    const calls = [created, say('a'), say('b')];
    return [...calls, ...(i % 8 === 0 ? [end()] : [])].map(codeOf);
  });
  return { codes: await Promise.all(calls), said, ended };
}

async function stored({ client }: TestSystem, sessionId: string): Promise<(readonly [unknown, number])[]> {
  const { items } = await client.messages.list({ sessionId });
  return items.map(({ content, seq }) => [content, seq] as const);
}

describe.each<[string, TestSystemOptions]>([
  ['as they are', { passivateAfterMs: null }],
  ['with actors for sixteen sessions', { maxActiveSessions: 16 }],
  [
    'with actors for sixteen, and nothing of the others in memory',
    { maxActiveSessions: 16, residentBytes: 0 },
  ],
])('a thousand calls at once, %s', (_, options) => {
  test('lose nothing: the journal holds what was answered, once and in order', async () => {
    await using test = await createTestSystem(options);
    const { codes, said, ended } = await traffic(test);
    expect(countsOf(codes)).toEqual({ answered: 1_000 });
    expect(ended.length).toBe(sessions / 8);
    const limit = options.maxActiveSessions ?? sessions;
    await quiet();
    expect(test.system.activeSessions).toBeLessThanOrEqual(limit);
    await test.restart('kill');
    const expected = new Map<string, (readonly [unknown, number])[]>();
    for (const { sessionId, content, seq } of said.sort((a, b) => a.seq - b.seq))
      expected.set(sessionId, [...(expected.get(sessionId) ?? []), [content, seq]]);
    for (const sessionId of idsOf(sessions)) {
      const found = await stored(test, sessionId);
      if (found.length !== 2 || JSON.stringify(found) !== JSON.stringify(expected.get(sessionId)))
        expect([sessionId, found]).toEqual([sessionId, expected.get(sessionId)]);
    }
    for (const sessionId of ended)
      expect((await test.client.sessions.get({ sessionId })).status).toBe('terminated');
    expect(said.length).toBe(2 * sessions);
  });
});
