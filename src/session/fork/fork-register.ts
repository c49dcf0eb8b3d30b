// Who was forked from whom, and the pins that hold what forks read of their ancestors. Small values beside the streams: what they
// say is checked against these, so that one which a kill has left behind does no harm.
import type { Json } from '../../base/json.ts';
import type { Ancestor } from '../../domain/fork/branching.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { Journal } from '../../journal/journal.ts';
import { pinKey } from '../../journal/pins.ts';

const forksPrefix = (sessionId: string): string => `forks/${sessionId}/`;
const registerKey = (forkId: string): string => `forked/${forkId}`;

interface Registered {
  readonly parent: string;
  readonly ancestors: readonly string[];
}

type Store = Pick<Journal, 'kv'>;

/** `after`: nothing up to there is read by the fork. In one batch. */
export async function registerFork(
  { kv }: Store,
  forkId: string,
  lineage: readonly Ancestor[],
  after: number,
): Promise<void> {
  const parent = lineage.at(-1)?.sessionId ?? '';
  const ancestors = lineage.map(({ sessionId }) => sessionId);
  await kv.batch([
    { key: registerKey(forkId), value: { parent, ancestors } },
    { key: forksPrefix(parent) + forkId, value: lineage.at(-1) as unknown as Json },
    ...ancestors.map((sessionId) => ({ key: pinKey(sessionStream(sessionId), forkId), value: { after } })),
  ]);
}

/** What a session that is deleted held of others is held no more. */
export async function forgetFork({ kv }: Store, forkId: string): Promise<void> {
  const known = (await kv.get(registerKey(forkId))) as unknown as Registered | undefined;
  if (known === undefined) return;
  const keys = [registerKey(forkId), forksPrefix(known.parent) + forkId];
  for (const sessionId of known.ancestors) keys.push(pinKey(sessionStream(sessionId), forkId));
  await kv.batch(keys.map((key) => ({ key, value: undefined })));
}

export interface RegisteredFork {
  readonly sessionId: string;
  readonly from: Ancestor;
}

/** The forks of a session by their ids, those that there are. */
export async function listForks(
  journal: Pick<Journal, 'kv' | 'head'>,
  parent: string,
  after: string,
  limit: number,
): Promise<readonly RegisteredFork[]> {
  const { kv } = journal;
  const prefix = forksPrefix(parent);
  const found: RegisteredFork[] = [];
  for (const key of await kv.keys(prefix)) {
    const sessionId = key.slice(prefix.length);
    if (sessionId <= after) continue;
    if (found.length === limit) break;
    const from = (await kv.get(key)) as unknown as Ancestor | undefined;
    const stored = from && (await journal.head(sessionStream(sessionId)));
    if (from !== undefined && stored !== undefined && stored.status !== 'deleted')
      found.push({ sessionId, from });
  }
  return found;
}
