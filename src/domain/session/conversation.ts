// The conversation of a session in memory: the newest messages, and where the ones lie that a context always holds.
import { AppendList } from '../../base/append-list.ts';
import { ShardedMap } from '../../base/sharded-map.ts';
import type { MessageEvent } from './session-events.ts';

/** So many system and pinned messages are kept in every built context; more cannot be pinned. */
export const maxKept = 1_000;

export interface Conversation {
  /** The newest messages, oldest first. Older ones are read from the journal. */
  readonly window: AppendList<MessageEvent>;
  readonly windowBytes: number;
  /** The seq of every system and pinned message. */
  readonly kept: ShardedMap<number>;
  /** Messages up to this seq were cleared and belong to the conversation no more. */
  readonly clearedThrough: number;
  /** What was rolled back, oldest first: it stays in the journal, and belongs to the conversation no more. */
  readonly hidden: readonly HiddenRange[];
}

/** The seqs behind the first, up to the second. */
export type HiddenRange = readonly [after: number, through: number];

/** A session can be rolled back so often that nothing of it lies within another. */
export const maxHidden = 1_000;

export interface WindowLimits {
  readonly messageWindow: number;
  readonly messageWindowBytes: number;
}

export const emptyConversation: Conversation = {
  window: AppendList.empty,
  windowBytes: 0,
  kept: ShardedMap.empty,
  clearedThrough: 0,
  hidden: Object.freeze([]),
};

export function withMessage(
  conversation: Conversation,
  message: MessageEvent,
  limits: WindowLimits,
): Conversation {
  const keep = message.data.role === 'system' || message.data.pinned === true;
  const kept = keep && !isFull(conversation) ? withKept(conversation.kept, message.seq) : conversation.kept;
  const window = conversation.window.append(message);
  const windowBytes = conversation.windowBytes + message.data.size;
  const { clearedThrough, hidden } = conversation;
  return bounded({ window, windowBytes, kept, clearedThrough, hidden }, limits);
}

/** The conversation under other limits. */
export function withLimits(conversation: Conversation, limits: WindowLimits): Conversation {
  return bounded(conversation, limits);
}

/** Drops the oldest until the window fits in number and bytes; the newest message always stays. */
function bounded(
  conversation: Conversation,
  { messageWindow, messageWindowBytes }: WindowLimits,
): Conversation {
  const { window, windowBytes } = conversation;
  let drop = Math.max(0, window.length - Math.max(1, messageWindow));
  let bytes = windowBytes;
  for (let i = 0; i < drop; i++) bytes -= window.at(i)?.data.size ?? 0;
  while (bytes > messageWindowBytes && drop < window.length - 1) {
    bytes -= window.at(drop)?.data.size ?? 0;
    drop += 1;
  }
  return drop === 0 ? conversation : { ...conversation, window: window.dropFirst(drop), windowBytes: bytes };
}

/** The conversation without what messages said: they are at hand no more, and in no context. */
export function withoutMessages(conversation: Conversation, seqs: readonly number[]): Conversation {
  const gone = new Set(seqs);
  const left = conversation.window.toArray().filter(({ seq }) => !gone.has(seq));
  const kept = seqs.reduce((rest, seq) => rest.delete(String(seq)), conversation.kept);
  if (left.length === conversation.window.length) return { ...conversation, kept };
  const windowBytes = left.reduce((sum, { data }) => sum + data.size, 0);
  return { ...conversation, window: AppendList.of(left), windowBytes, kept };
}

export function withPin(conversation: Conversation, seq: number): Conversation {
  return { ...conversation, kept: withKept(conversation.kept, seq) };
}

export function withoutPin(conversation: Conversation, seq: number): Conversation {
  return { ...conversation, kept: conversation.kept.delete(String(seq)) };
}

/** No more can be pinned. */
export function isFull({ kept }: Conversation): boolean {
  return kept.size >= maxKept;
}

/** An empty conversation that begins behind `seq`. */
export function clearedAt({ hidden }: Conversation, seq: number): Conversation {
  return { ...emptyConversation, clearedThrough: seq, hidden };
}

/** The conversation as it was at `after`, once what came then, up to `through`, is rolled back. */
export function withHidden(conversation: Conversation, after: number, through: number): Conversation {
  const last = conversation.hidden.at(-1);
  const hidden: readonly HiddenRange[] =
    last !== undefined && last[1] >= after
      ? [...conversation.hidden.slice(0, -1), [last[0], through]]
      : [...conversation.hidden, [after, through]];
  return { ...conversation, hidden };
}

/** The range that hides `seq`, if one does. */
export function hidingRange({ hidden }: Conversation, seq: number): HiddenRange | undefined {
  return hidden.findLast(([after, through]) => after < seq && seq <= through);
}

/** False when `seq` is surely no message of the conversation; what is older than the window only the journal knows. */
export function mayHold(conversation: Conversation, seq: number): boolean {
  const { window, clearedThrough } = conversation;
  const oldest = window.at(0);
  if (oldest === undefined || seq <= clearedThrough) return false;
  if (hidingRange(conversation, seq) !== undefined) return false;
  return seq < oldest.seq || window.toArray().some((message) => message.seq === seq);
}

export function isKept(conversation: Conversation, seq: number): boolean {
  return conversation.kept.has(String(seq));
}

export function keptSeqs(conversation: Conversation): number[] {
  return [...conversation.kept.entries()].map(([, seq]) => seq).sort((a, b) => a - b);
}

function withKept(kept: ShardedMap<number>, seq: number): ShardedMap<number> {
  return kept.set(String(seq), seq);
}

/** The last seq behind `seq` before something is hidden. */
export function shownThrough({ hidden }: Conversation, seq: number): number {
  return Math.min(
    ...hidden.filter(([after]) => after >= seq).map(([after]) => after),
    Number.POSITIVE_INFINITY,
  );
}

/** The last seq that is hidden below `seq`, 0 where none is. */
export function hiddenBelow({ hidden }: Conversation, seq: number): number {
  return Math.max(0, ...hidden.filter(([, through]) => through < seq).map(([, through]) => through));
}
