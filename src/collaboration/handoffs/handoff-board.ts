// All handoffs that are held, by session: a read model that is made from the states of the sessions and kept up by their events.
// It keeps nothing on the disk, and can be made again at any time.
import { HoldfastError } from '../../base/errors.ts';
import {
  findHandoff,
  type Handoff,
  heldHandoffs,
  noOwnership,
  type Ownership,
  sourceOf,
} from '../../domain/handoff/handoff.ts';
import { isHandoffEvent } from '../../domain/handoff/handoff-events.ts';
import { withHandoffEvent } from '../../domain/handoff/ownership.ts';
import type { StoredEvent } from '../../journal/journal.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type { HandoffInfo } from '../../operations/views/handoff-views.ts';
import type { Page } from '../../operations/views/views.ts';
import { handoffInfo } from './handoff-info.ts';
import type { NoteLevel } from './handoff-notes.ts';
import { OpenOffers } from './open-offers.ts';

/** A session's ownership, and the seq of the newest event that it holds. */
export interface OwnershipAt {
  readonly ownership: Ownership | undefined;
  readonly seq: number;
}

export interface HandoffBoardOptions {
  /** Undefined for a session that is gone. */
  readonly read: (sessionId: string) => Promise<OwnershipAt | undefined>;
  /** The row of a session is known now. */
  readonly isRead: (sessionId: string) => void;
}

/** States that are read at once. */
const readsAtOnce = 16;

export class HandoffBoard {
  readonly #options: HandoffBoardOptions;
  readonly #rows = new Map<string, OwnershipRow>();
  readonly #offers = new OpenOffers();
  /** Sessions whose rows are to be read, each with a mark that changes with it, and of these the ones in which something may be on offer. */
  readonly #stale = new Map<string, number>();
  readonly #maybeOpen = new Set<string>();
  readonly #loading = new Map<string, Promise<void>>();
  #marks = 0;

  constructor(options: HandoffBoardOptions) {
    this.#options = options;
  }

  /** A session takes part in handoffs: its row is read when somebody asks; when it is `settled`, for all handoffs only. */
  note(sessionId: string, level: NoteLevel): void {
    if (this.#rows.has(sessionId)) return;
    this.#stale.set(sessionId, ++this.#marks);
    if (level !== 'settled') this.#maybeOpen.add(sessionId);
  }

  forget(sessionId: string): void {
    this.#put(sessionId, undefined);
    this.#stale.delete(sessionId);
    this.#maybeOpen.delete(sessionId);
  }

  /** The row of a session is not to be trusted any more. */
  refresh(sessionId: string): void {
    this.#put(sessionId, undefined);
    this.#stale.set(sessionId, ++this.#marks);
    this.#maybeOpen.add(sessionId);
  }

  /** Takes in an event of a session that was noted. Events that replace the state make its row be read again. */
  apply(sessionId: string, event: StoredEvent): void {
    const row = this.#rows.get(sessionId);
    if (row !== undefined && event.seq <= row.seq) return;
    if (isReplacing(event)) this.refresh(sessionId);
    else if (!isHandoffEvent(event)) return;
    else if (row === undefined) this.refresh(sessionId);
    else this.#put(sessionId, { ownership: withHandoffEvent(row.ownership, event), seq: event.seq });
  }

  /** Reads the rows of sessions that were noted, as far as they are not read. */
  async learn(sessionIds: readonly string[]): Promise<void> {
    await this.#loadAll(new Set(sessionIds.filter((sessionId) => this.#stale.has(sessionId))));
  }

  /** What is under way in a session; undefined while its row is not read. */
  levelOf(sessionId: string): NoteLevel | undefined {
    const ownership = this.#rows.get(sessionId)?.ownership;
    if (ownership === undefined) return undefined;
    const isWaiting = ({ status, deliveredAt }: Handoff) => status === 'accepted' && deliveredAt === null;
    if (ownership.handoffs.some(isWaiting)) return 'accepted';
    return ownership.offer === null ? 'settled' : 'offered';
  }

  /** The handoff as it is now; undefined where it is not held. */
  async find(handoffId: string): Promise<Handoff | undefined> {
    const sessionId = sourceOf(handoffId);
    while (this.#stale.has(sessionId)) await this.#load(sessionId);
    return findHandoff(this.#rows.get(sessionId)?.ownership ?? noOwnership, handoffId);
  }

  /** Of all sessions, in the order in which they were offered. */
  async all(): Promise<readonly Handoff[]> {
    await this.#loadAll(this.#stale);
    return [...this.#rows.values()].flatMap(({ ownership }) => heldHandoffs(ownership)).sort(inOrder);
  }

  /** What waits for the answer of a session, in the order in which it was offered. */
  async waitingFor(sessionId: string, agent: string | null): Promise<readonly Handoff[]> {
    await this.#loadAll(this.#maybeOpen);
    return [...this.#offers.for(sessionId, agent)].sort(inOrder);
  }

  async list(query: ParsedInputOf<'handoffs.list'>): Promise<Page<HandoffInfo>> {
    const { limit, cursor } = query;
    const found = (await this.all()).filter(matcherOf(query)).reverse();
    const start = cursor === undefined ? 0 : placeBehind(found, cursor);
    const page = found.slice(start, start + limit);
    const last = page.at(-1);
    const isMore = last !== undefined && start + limit < found.length;
    return {
      items: page.map(handoffInfo),
      total: found.length,
      ...(isMore && { cursor: `${last.offeredAt}:${last.handoffId}` }),
    };
  }

  /** Also those that somebody else is reading. */
  async #loadAll(sessions: ReadonlySet<string> | ReadonlyMap<string, unknown>): Promise<void> {
    for (let left = [...sessions.keys()]; left.length > 0; left = left.filter((id) => this.#stale.has(id)))
      for (let start = 0; start < left.length; start += readsAtOnce)
        await Promise.all(left.slice(start, start + readsAtOnce).map((id) => this.#load(id)));
  }

  #load(sessionId: string): Promise<void> {
    const loading =
      this.#loading.get(sessionId) ?? this.#readRow(sessionId).finally(() => this.#loading.delete(sessionId));
    this.#loading.set(sessionId, loading);
    return loading;
  }

  /** What comes meanwhile makes it be read once more. */
  async #readRow(sessionId: string): Promise<void> {
    const mark = this.#stale.get(sessionId);
    const found = await this.#options.read(sessionId);
    if (this.#stale.get(sessionId) !== mark) return;
    this.#stale.delete(sessionId);
    this.#maybeOpen.delete(sessionId);
    if (found === undefined) return;
    this.#put(sessionId, { ownership: found.ownership ?? noOwnership, seq: found.seq });
    this.#options.isRead(sessionId);
  }

  #put(sessionId: string, row: OwnershipRow | undefined): void {
    this.#offers.replace(this.#rows.get(sessionId)?.ownership, row?.ownership);
    if (row === undefined) this.#rows.delete(sessionId);
    else this.#rows.set(sessionId, row);
  }
}

interface OwnershipRow {
  readonly ownership: Ownership;
  readonly seq: number;
}

const replaces: ReadonlySet<string> = new Set(['session.recovered', 'session.restored', 'payload.erased']);

/** Events that say of the ownership what they do not carry. */
export const isReplacing = ({ type }: StoredEvent): boolean => replaces.has(type);

const inOrder = (a: Handoff, b: Handoff): number =>
  a.offeredAt - b.offeredAt || (a.handoffId < b.handoffId ? -1 : a.handoffId > b.handoffId ? 1 : 0);

function matcherOf(query: ParsedInputOf<'handoffs.list'>): (handoff: Handoff) => boolean {
  const { sessionId, status, kind, from, to, chainId } = query;
  return (handoff) =>
    (sessionId === undefined || partiesOf(handoff).includes(sessionId)) &&
    (status?.includes(handoff.status) ?? true) &&
    (kind === undefined || handoff.kind === kind) &&
    (from === undefined || handoff.route.from === from) &&
    (to === undefined || handoff.route.to === to) &&
    (chainId === undefined || handoff.chainId === chainId);
}

const partiesOf = ({ handoffId, to, acceptedBy }: Handoff): readonly (string | null)[] => [
  sourceOf(handoffId),
  to.sessionId,
  acceptedBy,
];

/** The first that is older than what the cursor names. */
function placeBehind(found: readonly Handoff[], cursor: string): number {
  const [, at, handoffId] = /^(\d{1,15}):(.+)$/.exec(cursor) ?? [];
  if (at === undefined || handoffId === undefined)
    throw new HoldfastError('INVALID_CURSOR', { value: cursor });
  const last = { offeredAt: Number(at), handoffId } as Handoff;
  const index = found.findIndex((handoff) => inOrder(handoff, last) < 0);
  return index < 0 ? found.length : index;
}
