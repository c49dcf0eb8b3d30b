// What two sessions last had in common: the version that both were, or the one that one of them has taken over from the other since.
import { HoldfastError } from '../../base/errors.ts';
import { type CommonAncestor, commonAncestor, mergedFrom } from '../../domain/fork/branching.ts';
import type { MergePart } from '../../domain/fork/session-merge-events.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { SessionState } from '../../domain/session/session-state.ts';
import type { ReadingContext } from '../handlers/handler-context.ts';

/** What both knew of each other last: of files and of the working context by itself, for each may have been merged alone. */
export interface MergeBases {
  readonly ancestor: CommonAncestor;
  readonly files: SessionState;
  readonly context: SessionState;
}

export async function mergeBasesOf(
  context: ReadingContext,
  target: SessionState,
  source: SessionState,
  through: number,
  signal: AbortSignal | undefined,
): Promise<MergeBases> {
  const ancestor = commonAncestor(target.branching, target.sessionId, source.branching, source.sessionId);
  if (ancestor === undefined || target.sessionId === source.sessionId)
    throw new HoldfastError('SESSIONS_UNRELATED', {
      sessionId: target.sessionId,
      otherSessionId: source.sessionId,
    });
  const version = Math.min(ancestor.version, through);
  const baseOf = async (part: MergePart): Promise<SessionState> => {
    const last = newestMerge(target, source, through, part);
    if (last !== undefined)
      return (await context.past.read(last.sessionId, last.through, 'sessions.merge', signal)).state;
    return stateOfAncestor(context, { ...ancestor, version }, [target, source], signal);
  };
  return { ancestor, files: await baseOf('files'), context: await baseOf('context') };
}

/** Each way that one was merged into the other; of both the later stands. What is merged already brings nothing. */
function newestMerge(target: SessionState, source: SessionState, through: number, part: MergePart) {
  const there = mergedFrom(target.branching, source.sessionId, part);
  if (there !== undefined && there.through >= through) return { ...there, through };
  const here = mergedFrom(source.branching, target.sessionId, part);
  return here === undefined || (there !== undefined && there.at >= here.at) ? there : here;
}

/** Where the ancestor is gone the first record of the one that was forked there says what it was. */
async function stateOfAncestor(
  { past, journal }: ReadingContext,
  { sessionId, version }: CommonAncestor,
  sides: readonly SessionState[],
  signal: AbortSignal | undefined,
): Promise<SessionState> {
  for (const { branching, sessionId: own } of sides) {
    const index = branching.lineage.findIndex(
      (known) => known.sessionId === sessionId && known.through === version,
    );
    if (index < 0) continue;
    const child = branching.lineage[index + 1]?.sessionId ?? own;
    const head = await journal.head(sessionStream(child));
    if (head?.firstSeq === version + 1)
      return (await past.read(child, version + 1, 'sessions.merge', signal)).state;
  }
  return (await past.read(sessionId, version, 'sessions.merge', signal)).state;
}
