// Reading a session's events from its journal, forwards by page and backwards from the end.
import { type Conversation, emptyConversation, hidingRange } from '../domain/conversation.ts';
import type { MessageEvent } from '../domain/session-events.ts';
import { sessionStream } from '../domain/session-law.ts';
import type { SessionState } from '../domain/session-state.ts';
import type { Journal, StoredEvent } from '../journal/journal.ts';
import { type Parkings, replayedAs } from '../journal/replay-guard.ts';

/** At most so many events are read at once; first only about as many as are asked for, then twice as many each time. */
const largestBlock = 256;

const firstBlock = (limit: number): number => Math.min(limit + 1, largestBlock);

export interface Reading<Item> {
  readonly items: readonly Item[];
  /** The seq that the next page starts behind, or undefined at the end. */
  readonly next: number | undefined;
}

/** The place before the first event that can still be read. */
export async function beginning(journal: Journal, sessionId: string): Promise<number> {
  const head = await journal.head(sessionStream(sessionId));
  return (head?.firstSeq ?? 1) - 1;
}

/** Which events are wanted: those behind `after`, up to `through`, none that was rolled back. */
export interface ReadSpan {
  readonly after: number;
  readonly through?: number;
  /** What it hides is left out, mostly without being read. */
  readonly conversation?: Conversation;
  /** Events as a replay takes them: what is parked is left out, or edited. */
  readonly asReplayed?: boolean;
}

/** Up to `limit` of the events of a span that `choose` turns into items. */
export async function readForwards<Item>(
  journal: Journal,
  sessionId: string,
  { after, through = Number.POSITIVE_INFINITY, conversation = emptyConversation, asReplayed }: ReadSpan,
  limit: number,
  choose: (event: StoredEvent) => Item | undefined,
): Promise<Reading<Item>> {
  const items: Item[] = [];
  const parked = asReplayed ? parkedOf(journal, sessionId) : undefined;
  let position = after;
  for (let block = firstBlock(limit); position < through; block = Math.min(2 * block, largestBlock)) {
    position = hidingRange(conversation, position + 1)?.[1] ?? position;
    const page = await journal.readFrom(sessionStream(sessionId), position, { limit: block });
    for (const event of page.events) {
      if (event.seq > through) return { items, next: undefined };
      const taken = replayedAs(event, parked);
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
  { sessionId, conversation }: SessionState,
  before: number,
  limit: number,
  takes: typeof isMessage = isMessage,
): Promise<Reading<MessageEvent>> {
  const floor = Math.max(conversation.clearedThrough, await beginning(journal, sessionId));
  const items: MessageEvent[] = [];
  const parked = parkedOf(journal, sessionId);
  let block = firstBlock(limit);
  for (let end = before; end - 1 > floor; ) {
    const hidden = hidingRange(conversation, end - 1);
    if (hidden !== undefined) {
      end = hidden[0] + 1;
      continue;
    }
    const start = Math.max(floor, end - 1 - block);
    block = Math.min(2 * block, largestBlock);
    for (const recorded of (await readBlock(journal, sessionId, start, end)).reverse()) {
      const event = replayedAs(recorded, parked);
      if (event === undefined || !takes(event)) continue;
      if (hidingRange(conversation, event.seq) !== undefined) continue;
      if (items.length === limit) return { items, next: items.at(-1)?.seq };
      items.push(event);
    }
    end = start + 1;
  }
  return { items, next: undefined };
}

/** The events between `start` and `end`, both left out; a page may hold fewer when they are large. */
async function readBlock(
  journal: Journal,
  sessionId: string,
  start: number,
  end: number,
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let position = start; position < end - 1; ) {
    const page = await journal.readFrom(sessionStream(sessionId), position, { limit: end - 1 - position });
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
  const { conversation } = state;
  if (seq <= conversation.clearedThrough || hidingRange(conversation, seq) !== undefined) return undefined;
  const { events } = await journal.readFrom(sessionStream(state.sessionId), seq - 1, { limit: 1 });
  const [recorded] = events;
  const event = recorded && replayedAs(recorded, parkedOf(journal, state.sessionId));
  return event !== undefined && event.seq === seq && takes(event) ? event : undefined;
}

const parkedOf = ({ guard }: Journal, sessionId: string): Parkings | undefined =>
  guard?.parked(sessionStream(sessionId));

export function isMessage(event: StoredEvent): event is StoredEvent & MessageEvent {
  return event.type === 'message.sent' && event.data !== undefined;
}

/** Also one that was erased, which has no data. */
export function isOrWasMessage(event: StoredEvent): event is StoredEvent & MessageEvent {
  return event.type === 'message.sent';
}
