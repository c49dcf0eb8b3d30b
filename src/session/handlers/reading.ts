// Reading a session's events from its journal, forwards by page and backwards from the end.
import { HoldfastError } from '../../base/errors.ts';
import {
  type Conversation,
  emptyConversation,
  hiddenBelow,
  hidingRange,
  shownThrough,
} from '../../domain/session/conversation.ts';
import type { MessageEvent } from '../../domain/session/session-events.ts';
import type { SessionState } from '../../domain/session/session-state.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import { beginningOf, type Lineage, noLineage, readLineage, replaying } from './lineage-reading.ts';

/** At most so many events are read at once; first only about as many as are asked for, then twice as many each time. */
const largestBlock = 256;

const firstBlock = (limit: number): number => Math.min(limit + 1, largestBlock);

export interface Reading<Item> {
  readonly items: readonly Item[];
  /** The seq that the next page starts behind, or undefined at the end. */
  readonly next: number | undefined;
}

/** The place before the first event that can still be read. */
export const beginning = (journal: Journal, { sessionId, branching }: SessionState): Promise<number> =>
  beginningOf(journal, sessionId, branching.lineage);

/** Which events are wanted: those behind `after`, up to `through`, none that is hidden. */
export interface ReadSpan {
  readonly after: number;
  readonly through?: number;
  /** What it hides is left out, and not read: it may be what cannot be. */
  readonly conversation?: Conversation;
  /** Events as a replay takes them: what is parked is left out, or edited. */
  readonly asReplayed?: boolean;
  /** Where older ones than its own are read. */
  readonly lineage?: Lineage;
}

/** Up to `limit` of the events of a span that `choose` turns into items. */
export async function readForwards<Item>(
  journal: Journal,
  sessionId: string,
  span: ReadSpan,
  limit: number,
  choose: (event: StoredEvent) => Item | undefined,
): Promise<Reading<Item>> {
  const { after, through = Number.POSITIVE_INFINITY, conversation = emptyConversation } = span;
  const { asReplayed, lineage = noLineage } = span;
  const items: Item[] = [];
  let position = after;
  for (let block = firstBlock(limit); position < through; block = Math.min(2 * block, largestBlock)) {
    position = hidingRange(conversation, position + 1)?.[1] ?? position;
    const shown = Math.min(block, shownThrough(conversation, position) - position);
    const page = await readLineage(journal, sessionId, lineage, position, shown);
    for (const event of page.events) {
      if (event.seq > through) return { items, next: undefined };
      const taken = asReplayed ? replaying(journal, event) : event;
      const isShown = taken !== undefined && hidingRange(conversation, event.seq) === undefined;
      const item = isShown ? choose(taken) : undefined;
      if (item !== undefined && items.length === limit) return { items, next: position };
      if (item !== undefined) items.push(item);
      position = event.seq;
    }
    if (page.end) break;
  }
  return { items, next: undefined };
}

/** Up to `limit` messages below `before`, newest first, none that was cleared or rolled back. */
export async function readBackwards(
  journal: Journal,
  state: SessionState,
  before: number,
  limit: number,
  takes: typeof isMessage = isMessage,
): Promise<Reading<MessageEvent>> {
  const { conversation } = state;
  const floor = Math.max(conversation.clearedThrough, await beginning(journal, state));
  const items: MessageEvent[] = [];
  let block = firstBlock(limit);
  for (let end = before; end - 1 > floor; ) {
    const hidden = hidingRange(conversation, end - 1);
    if (hidden !== undefined) {
      end = hidden[0] + 1;
      continue;
    }
    const shown = Math.max(floor, inheritedBelow(state, end - 1), hiddenBelow(conversation, end - 1));
    const start = Math.max(shown, end - 1 - block);
    block = Math.min(2 * block, largestBlock);
    const recorded = await readBlock(journal, state, start, end).catch((error: unknown) => {
      if (items.length > 0 && HoldfastError.is(error, 'HISTORY_ERASED')) return undefined;
      throw error;
    });
    // The next page says what is gone.
    if (recorded === undefined) return { items, next: items.at(-1)?.seq };
    for (const stored of recorded.reverse()) {
      const event = replaying(journal, stored);
      if (event === undefined || !takes(event)) continue;
      if (hidingRange(conversation, event.seq) !== undefined) continue;
      if (items.length === limit) return { items, next: items.at(-1)?.seq };
      items.push(event);
    }
    end = start + 1;
  }
  return { items, next: undefined };
}

/** A block holds records of one stream alone: what is gone of another one takes nothing along. */
const inheritedBelow = ({ branching }: SessionState, seq: number): number =>
  branching.lineage.findLast(({ through }) => through < seq)?.through ?? 0;

/** The events between `start` and `end`, both left out; a page may hold fewer when they are large. */
async function readBlock(
  journal: Journal,
  { sessionId, branching }: SessionState,
  start: number,
  end: number,
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let position = start; position < end - 1; ) {
    const page = await readLineage(journal, sessionId, branching.lineage, position, end - 1 - position);
    events.push(...page.events);
    if (page.events.length === 0) break;
    position = page.events.at(-1)?.seq ?? end;
  }
  return events;
}

/** The message at `seq`, or undefined when there is none in the conversation. */
export async function readMessage(
  journal: Journal,
  state: SessionState,
  seq: number,
  takes: typeof isMessage = isMessage,
): Promise<MessageEvent | undefined> {
  const { conversation, sessionId, branching } = state;
  if (seq <= conversation.clearedThrough || hidingRange(conversation, seq) !== undefined) return undefined;
  const { events } = await readLineage(journal, sessionId, branching.lineage, seq - 1, 1);
  const [recorded] = events;
  const event = recorded && replaying(journal, recorded);
  return event !== undefined && event.seq === seq && takes(event) ? event : undefined;
}

export function isMessage(event: StoredEvent): event is StoredEvent & MessageEvent {
  return event.type === 'message.sent' && event.data !== undefined;
}

/** Also one that was erased, which has no data. */
export function isOrWasMessage(event: StoredEvent): event is StoredEvent & MessageEvent {
  return event.type === 'message.sent';
}
