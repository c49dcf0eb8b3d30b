// All handoffs that are held, by session: a read model that is made from the states of the sessions and kept up by their events.
// It keeps nothing on the disk, and can be made again at any time.
import { HoldfastError } from '../base/errors.ts';
import {
  findHandoff,
  type Handoff,
  heldHandoffs,
  noOwnership,
  type Ownership,
  sourceOf,
} from '../domain/handoff.ts';
import { isHandoffEvent } from '../domain/handoff-events.ts';
import { withHandoffEvent } from '../domain/ownership.ts';
import type { StoredEvent } from '../journal/journal.ts';
import type { HandoffInfo } from '../operations/handoff-views.ts';
import type { ParsedInputOf } from '../operations/registry.ts';
import type { Page } from '../operations/views.ts';
import { handoffInfo } from './handoff-info.ts';

/** A session's ownership, and the seq of the newest event that it holds. */
export interface OwnershipAt {
  readonly ownership: Ownership | undefined;
  readonly seq: number;
}

export interface HandoffBoardOptions {
  /** Undefined for a session that is gone. */
  readonly read: (sessionId: string) => Promise<OwnershipAt | undefined>;
}

/** States that are read at once. */
const readsAtOnce = 16;

export class HandoffBoard {
  readonly #read: HandoffBoardOptions['read'];
  readonly #rows = new Map<string, { readonly ownership: Ownership; readonly seq: number }>();
  /** Sessions whose rows are to be read. */
  readonly #stale = new Set<string>();

  constructor({ read }: HandoffBoardOptions) {
    this.#read = read;
  }

  /** A session takes part in handoffs: its row is read when somebody asks. */
  note(sessionId: string): void {
    if (!this.#rows.has(sessionId)) this.#stale.add(sessionId);
  }

  forget(sessionId: string): void {
    this.#rows.delete(sessionId);
    this.#stale.delete(sessionId);
  }

  /** Takes in an event of a session that was noted. Events that replace the state make its row be read again. */
  apply(sessionId: string, event: StoredEvent): void {
    const row = this.#rows.get(sessionId);
    if (row !== undefined && event.seq <= row.seq) return;
    if (replaces.has(event.type)) this.#rows.delete(sessionId);
    if (row === undefined || replaces.has(event.type)) this.#stale.add(sessionId);
    else if (isHandoffEvent(event))
      this.#rows.set(sessionId, { ownership: withHandoffEvent(row.ownership, event), seq: event.seq });
  }

  /** The handoff as it is now; undefined where it is not held. */
  async find(handoffId: string): Promise<Handoff | undefined> {
    const sessionId = sourceOf(handoffId);
    if (this.#stale.has(sessionId)) await this.#load(sessionId);
    return findHandoff(this.#rows.get(sessionId)?.ownership ?? noOwnership, handoffId);
  }

  /** Of all sessions, in the order in which they were offered. */
  async all(): Promise<readonly Handoff[]> {
    while (this.#stale.size > 0) {
      const some = [...this.#stale].slice(0, readsAtOnce);
      await Promise.all(some.map((sessionId) => this.#load(sessionId)));
    }
    return [...this.#rows.values()].flatMap(({ ownership }) => heldHandoffs(ownership)).sort(inOrder);
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

  /** What comes meanwhile makes it be read once more. */
  async #load(sessionId: string): Promise<void> {
    this.#stale.delete(sessionId);
    try {
      const found = await this.#read(sessionId);
      if (found === undefined || this.#stale.has(sessionId)) return;
      this.#rows.set(sessionId, { ownership: found.ownership ?? noOwnership, seq: found.seq });
    } catch (error) {
      this.#stale.add(sessionId);
      throw error;
    }
  }
}

const replaces: ReadonlySet<string> = new Set(['session.recovered', 'session.restored', 'payload.erased']);

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
