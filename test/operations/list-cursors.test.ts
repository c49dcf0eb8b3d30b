// Whatever lists by pages takes its own cursors alone: one that is altered, or of another list, is refused with one code.
import { expect, test } from 'vitest';
import { operations } from '../../src/operations/registry.ts';
import { createTestSystem } from '../../src/testing/index.ts';
import { codeOf } from '../support/outcome.ts';

const one = { sessionId: 'a' };
const space = { ...one, spaceId: 'plan' };

/** Every operation that goes on from a cursor, with what it needs beside it. */
const pages: Readonly<Record<string, object>> = {
  ...{ 'sessions.list': {}, 'sessions.export': one, 'sessions.context': one, 'sessions.forks': one },
  ...{
    'sessions.compare': { ...one, otherSessionId: 'fork' },
    'sessions.anchors': {},
    'sessions.entries': one,
  },
  ...{ 'messages.list': one, 'events.list': one, 'agents.stream': { ...one, runId: 'r' } },
  ...{ 'checkpoints.list': one, 'recovery.receipts': {}, 'recovery.boots': {} },
  ...{
    'tasks.list': one,
    'tasks.history': one,
    'memories.list': one,
    'memories.search': { ...one, text: 'x' },
  },
  ...{ 'spaces.list': {}, 'spaces.members': { spaceId: 'plan' }, 'spaces.entries': space },
  ...{ 'locks.list': {}, 'roster.list': {}, 'handoffs.list': {} },
};

test('the table has every operation that takes a cursor', () => {
  const taking = Object.entries(operations)
    .filter(([, { input }]) => 'cursor' in ((input as { shape?: object }).shape ?? {}))
    .map(([name]) => name);
  expect(Object.keys(pages).sort()).toEqual(taking.sort());
});

test('each refuses what it has not handed out', async () => {
  await using system = await createTestSystem({ agents: { idle: () => 1 } });
  const { client } = system;
  await client.sessions.create(one);
  await client.sessions.fork({ ...one, newSessionId: 'fork' });
  const { runId } = await client.agents.start({ ...one, agent: 'idle' });
  await client.spaces.create({ spaceId: 'plan' });
  await client.spaces.join(space);
  const codes: [string, string[]][] = [];
  for (const [name, input] of Object.entries(pages)) {
    const [room = '', verb = ''] = name.split('.');
    const verbs = (client as unknown as Record<string, Record<string, (asked: object) => Promise<unknown>>>)[
      room
    ];
    const list = (cursor: string): Promise<unknown> =>
      verbs?.[verb]?.({ ...input, ...('runId' in input && { runId }), cursor }) ?? Promise.resolve();
    codes.push([name, [await codeOf(list('no cursor')), await codeOf(list('other:place'))]]);
  }
  expect(codes).toEqual(Object.keys(pages).map((name) => [name, ['INVALID_CURSOR', 'INVALID_CURSOR']]));
});

test('locks, members and what is in spaces go on from page to page', async () => {
  await using system = await createTestSystem();
  const { sessions, locks, roster, spaces } = system.client;
  const ids = ['a', 'b', 'c'];
  await spaces.create({ spaceId: 'plan' });
  for (const sessionId of ids) {
    await sessions.create({ sessionId });
    await locks.acquire({ sessionId, name: sessionId });
    await roster.join({ sessionId, role: 'tester' });
    await spaces.join({ sessionId, spaceId: 'plan' });
    await spaces.set({ ...space, key: sessionId, value: 1 }).catch(() => undefined);
    if (sessionId !== 'a') await spaces.create({ spaceId: sessionId });
  }
  type Page = { readonly items: readonly unknown[]; readonly cursor?: string };
  const lists: readonly ((page: { limit: number; cursor?: string }) => Promise<Page>)[] = [
    (page) => locks.list(page),
    (page) => roster.list(page),
    (page) => spaces.list(page),
    (page) => spaces.members({ spaceId: 'plan', ...page }),
    (page) => spaces.entries({ ...space, ...page }),
  ];
  for (const list of lists) {
    const seen: unknown[] = [];
    let cursor: string | undefined;
    do {
      const page: Page = await list({ limit: 2, ...(cursor !== undefined && { cursor }) });
      seen.push(...page.items);
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual((await list({ limit: 100 })).items);
    expect(seen).toHaveLength(3);
  }
});
