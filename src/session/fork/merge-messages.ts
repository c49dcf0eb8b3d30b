// The messages that a merge brings, in pieces: those of the other session's conversation that were not looked through before, in the
// order in which they were said, wherever in its past they stand. What was cleared, rolled back or erased there does not come.

import type { CommonAncestor } from '../../domain/fork/branching.ts';
import { segmentsOf } from '../../domain/fork/branching.ts';
import { leftOf, type TakenRanges, type TakenSpan } from '../../domain/fork/taken-ranges.ts';
import { hidingRange, isKept } from '../../domain/session/conversation.ts';
import type { MergeSession } from '../../domain/session/session-commands.ts';
import type { MessageEvent } from '../../domain/session/session-events.ts';
import type { SessionState } from '../../domain/session/session-state.ts';
import type { Call } from '../../operations/bind.ts';
import type { ReadingContext } from '../handlers/handler-context.ts';
import { isMessage, readForwards } from '../handlers/reading.ts';

export type MessagePiece = Pick<MergeSession, 'messages' | 'taken'>;

interface Source {
  readonly source: SessionState;
  readonly base: { readonly ancestor: CommonAncestor };
  readonly from: { readonly through: number };
}

const pieceMessages = 200;
const pieceBytes = 1024 * 1024;

export async function* messagePieces(
  context: ReadingContext,
  targetId: string,
  { source, base, from }: Source,
  { signal }: Call,
): AsyncGenerator<MessagePiece> {
  const { taken } = (await context.manager.read(targetId)).state.branching;
  for (const span of wantedSpans(source, base.ancestor.version, from.through, taken, targetId))
    yield* piecesOf(context, source, span, signal);
}

/** What is not part of the conversation is left out of what counts as taken: it may come back. */
function wantedSpans(
  { sessionId, branching, conversation }: SessionState,
  ancestor: number,
  through: number,
  taken: TakenRanges,
  targetId: string,
): readonly TakenSpan[] {
  const after = Math.max(ancestor, conversation.clearedThrough);
  const segments = segmentsOf(branching, sessionId, after, through).filter((s) => s.sessionId !== targetId);
  return segments.flatMap((segment) =>
    leftOf(taken, { sessionId: segment.sessionId, from: segment.after + 1, to: segment.through })
      .flatMap((span) => shownOf(conversation, span))
      .map(([from, to]) => ({ sessionId: segment.sessionId, from, to })),
  );
}

/** A span without what was rolled back of it. */
function shownOf(
  conversation: SessionState['conversation'],
  [from, to]: readonly [number, number],
): readonly (readonly [number, number])[] {
  const shown: [number, number][] = [];
  let start = from;
  for (const [after, through] of conversation.hidden) {
    if (through < start || after >= to) continue;
    if (after >= start) shown.push([start, after]);
    start = Math.max(start, through + 1);
  }
  if (start <= to) shown.push([start, to]);
  return shown;
}

async function* piecesOf(
  { journal }: ReadingContext,
  source: SessionState,
  { sessionId, from, to }: TakenSpan,
  signal: AbortSignal | undefined,
): AsyncGenerator<MessagePiece> {
  const { conversation, branching } = source;
  for (let after = from - 1; after < to; ) {
    signal?.throwIfAborted();
    let bytes = 0;
    const span = { after, through: to, conversation, asReplayed: true, lineage: branching.lineage };
    const { items, next } = await readForwards(journal, source.sessionId, span, pieceMessages, (event) =>
      isMessage(event) && hidingRange(conversation, event.seq) === undefined ? event : undefined,
    );
    const fitting = items.filter(({ data }, i) => {
      bytes += data.size;
      return i === 0 || bytes <= pieceBytes;
    });
    const isCut = fitting.length < items.length;
    const end = isCut ? (fitting.at(-1)?.seq ?? to) : (next ?? to);
    const messages = fitting.map((event) => messageOf(source, sessionId, event));
    yield { messages, taken: [{ sessionId, from: after + 1, to: end }] };
    after = end;
  }
}

function messageOf(
  { conversation }: SessionState,
  sessionId: string,
  { seq, at, data }: MessageEvent,
): MergeSession['messages'][number] {
  const { entry: _entry, size: _size, pinned = false, ...message } = data;
  const isPinned = data.role === 'system' ? pinned : isKept(conversation, seq);
  return { place: { sessionId, seq }, at, message: isPinned ? { ...message, pinned: true } : message };
}
