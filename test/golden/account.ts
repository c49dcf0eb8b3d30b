// Everything that a client can read of a golden store, as plain data: what was written is compared with what is read later.
import type { Client } from 'holdfast';
import { allTogether, togetherOf } from './account-together.ts';

type Page = { readonly items: readonly unknown[]; readonly cursor?: string };

async function all(read: (cursor?: string) => Promise<Page>): Promise<unknown[]> {
  const found: unknown[] = [];
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await read(cursor);
    found.push(...page.items);
    cursor = page.cursor;
  }
  return found;
}

const from = (cursor: string | undefined) => (cursor === undefined ? {} : { cursor });

async function sessionAccount(client: Client, sessionId: string): Promise<Record<string, unknown>> {
  const one = { sessionId };
  return {
    session: await client.sessions.get(one),
    messages: await all((cursor) => client.messages.list({ ...one, ...from(cursor) })),
    entries: await all((cursor) => client.sessions.entries({ ...one, ...from(cursor) })),
    files: await client.files.list(one),
    index: await client.files.listIndex(one),
    memory: await Promise.all(
      (await client.memory.keys(one)).map((key) => client.memory.get({ ...one, key })),
    ),
    agents: await client.agents.list(one),
    events: await all((cursor) => client.events.list({ ...one, ...from(cursor) })),
    together: await togetherOf(client, sessionId),
  };
}

/** All sessions that lists show, what is saved, and what is wrong. */
export async function accountOf(client: Client): Promise<Record<string, unknown>> {
  const status = [
    'initializing',
    'active',
    'idle',
    'paused',
    'dormant',
    'terminating',
    'terminated',
    'archived',
  ] as const;
  const sessions = (await all((cursor) =>
    client.sessions.list({ status: [...status, 'quarantined'], ...from(cursor) }),
  )) as {
    readonly sessionId: string;
  }[];
  const accounts: Record<string, unknown> = {};
  for (const { sessionId } of sessions) accounts[sessionId] = await sessionAccount(client, sessionId);
  return {
    counts: await client.sessions.count({}),
    sessions: accounts,
    saved: await client.sessions.listSaved({}),
    conditions: await client.sessions.conditions({}),
    together: await allTogether(client),
  };
}
