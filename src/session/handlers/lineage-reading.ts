// Records of a session and of those that it was forked from, as one stream: their numbers go on from one to the next. Each page is
// of one of them. What the ancestors have erased is erased, and what is gone with them is said to be gone.
import { HoldfastError } from '../../base/errors.ts';
import type { Ancestor } from '../../domain/fork/branching.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import { type Parkings, replayedAs } from '../../journal/replay-guard.ts';

export type Lineage = readonly Ancestor[];

export const noLineage: Lineage = Object.freeze([]);

export interface LineagePage {
  readonly events: readonly StoredEvent[];
  readonly end: boolean;
}

/** Up to `limit` records behind `after`. */
export async function readLineage(
  journal: Journal,
  sessionId: string,
  lineage: Lineage,
  after: number,
  limit: number,
): Promise<LineagePage> {
  const ancestor = lineage.find(({ through }) => after < through);
  if (ancestor === undefined) return journal.readFrom(sessionStream(sessionId), after, { limit });
  await assertHeld(journal, sessionId, ancestor, after);
  const stream = sessionStream(ancestor.sessionId);
  const { events } = await journal.readFrom(stream, after, {
    limit: Math.min(limit, ancestor.through - after),
  });
  return { events, end: false };
}

/** The place before the first record that can still be read. */
export async function beginningOf(journal: Journal, sessionId: string, lineage: Lineage): Promise<number> {
  const [oldest] = lineage;
  const head = await journal.head(sessionStream(oldest?.sessionId ?? sessionId));
  const first = (head?.firstSeq ?? 1) - 1;
  // Of an ancestor that is gone nothing can be read; whoever asks for it is told so.
  return oldest !== undefined && first >= oldest.through ? 0 : first;
}

/** Its records are those that the fork was made of. */
async function assertHeld(
  journal: Journal,
  sessionId: string,
  { sessionId: ancestorId, through, chain }: Ancestor,
  after: number,
): Promise<void> {
  const stream = sessionStream(ancestorId);
  const head = await journal.head(stream);
  if (head === undefined || head.firstSeq > through || head.seq < through)
    throw new HoldfastError('HISTORY_ERASED', { sessionId, ancestorId, through });
  if (after + 1 < head.firstSeq)
    throw new HoldfastError('HISTORY_TRIMMED', { stream, firstSeq: head.firstSeq });
  const found = await journal.readFrom(stream, through - 1, { limit: 1 });
  if (found.chain === chain) return;
  const problem = `it is not the record that ${sessionId} was forked from`;
  throw new HoldfastError('JOURNAL_CORRUPT', { stream, seq: through, problem });
}

/** Events as a replay takes them: of each session what is parked there is left out, or edited. */
export function replaying({ guard }: Journal, given: StoredEvent): StoredEvent | undefined {
  const parked: Parkings | undefined = guard?.parked(given.stream);
  return replayedAs(given, parked);
}
