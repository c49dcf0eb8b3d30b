// Which sessions have shared memories with whom, as small values beside the streams. What is noted may be more than is shared
// still, never less: it is noted before a memory is shared, and looked up in the memories themselves.

import type { MemoryShare } from '../../domain/memory/memory-events.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { Journal } from '../../journal/journal.ts';

const byOwner = 'memories/with/';
const bySession = 'memories/of/';

const ownerPrefix = ({ scope, owner }: MemoryShare): string => `${byOwner}${scope}/${owner}/`;
const sessionPrefix = (sessionId: string): string => `${bySession}${sessionId}/`;

type Store = Pick<Journal, 'kv' | 'head'>;

export async function noteShare({ kv }: Store, sessionId: string, share: MemoryShare): Promise<void> {
  await kv.batch([
    { key: `${ownerPrefix(share)}${sessionId}`, value: true },
    { key: `${sessionPrefix(sessionId)}${share.scope}/${share.owner}`, value: true },
  ]);
}

/** The sessions behind one, in the order of their ids. */
export async function sharingSessions(
  { kv }: Store,
  share: MemoryShare,
  after: string | undefined,
): Promise<readonly string[]> {
  const prefix = ownerPrefix(share);
  const ids = (await kv.keys(prefix)).map((key) => key.slice(prefix.length)).sort();
  return after === undefined ? ids : ids.filter((id) => id > after);
}

export async function forgetShares({ kv }: Store, sessionId: string): Promise<void> {
  const prefix = sessionPrefix(sessionId);
  const keys = await kv.keys(prefix);
  if (keys.length === 0) return;
  const others = keys.map((key) => `${byOwner}${key.slice(prefix.length)}/${sessionId}`);
  await kv.batch([...keys, ...others].map((key) => ({ key, value: undefined })));
}

/** True for a session that never was, or is deleted. */
export async function isGone(journal: Store, sessionId: string): Promise<boolean> {
  const found = await journal.head(sessionStream(sessionId));
  return found === undefined || found.status === 'deleted';
}
