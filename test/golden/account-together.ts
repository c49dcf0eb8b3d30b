// What a client can read of sessions that work together: by session, and of all of them.
import type { Client } from 'holdfast';

/** What one session has to do with others. */
export async function togetherOf(client: Client, sessionId: string): Promise<Record<string, unknown>> {
  const one = { sessionId };
  const { tasks, memories, mail, handoffs, sessions, agents, trees, locks } = client;
  return {
    lineage: await sessions.lineage(one),
    forks: (await sessions.forks(one)).items,
    tasks: (await tasks.list({ ...one, limit: 100 })).items,
    memories: (await memories.list(one)).items,
    pending: await memories.pending(one),
    inbox: await mail.inbox(one),
    deadLetters: await mail.deadLetters(one),
    ownership: await handoffs.ownership(one),
    waits: await agents.waits(one),
    locks: await locks.held(one),
    tree: await trees.get(one).catch(({ code }: { readonly code: string }) => code),
  };
}

/** What belongs to no single session. */
export async function allTogether({
  handoffs,
  spaces,
  roster,
  locks,
}: Client): Promise<Record<string, unknown>> {
  const { items } = await spaces.list();
  const contents: Record<string, unknown> = {};
  for (const { spaceId } of items) {
    const [reader] = (await spaces.members({ spaceId })).items;
    const at = { spaceId, sessionId: reader?.sessionId ?? '' };
    const entries = reader === undefined ? [] : (await spaces.entries(at)).items;
    const history = entries.map(({ key }) => spaces.history({ ...at, key }));
    contents[spaceId] = {
      entries,
      history: await Promise.all(history),
      verified: await spaces.verify({ spaceId }),
    };
  }
  return {
    handoffs: (await handoffs.list()).items,
    spaces: items,
    contents,
    roster: (await roster.list()).items,
    locks: (await locks.list()).items,
  };
}
