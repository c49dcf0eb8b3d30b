// Sessions in one order, in a sorted list for each status that they show, of all sessions or of each agent or parent. Each
// page is read from such lists; an event moves a session in the lists that its place depends on, and in no other.
import type { ShownStatus } from '../operations/views/views.ts';
import type { SessionEntry } from './session-entry.ts';
import type { SessionRow } from './session-row.ts';
import { sortedByNumber } from './sorted-by-number.ts';
import { SortedList } from './sorted-list.ts';

export type SessionOrder = 'createdAt' | 'updatedAt' | 'name';

/** By what sessions are kept apart: not at all, or by a member of their row. */
export type Facet = 'all' | 'agent' | 'parentSessionId';

type Lists = Map<ShownStatus, SortedList<SessionEntry>>;

export class SessionIndex {
  readonly #facet: Facet;
  readonly #order: SessionOrder;
  readonly #lists = new Map<string, Lists>();

  /** One sort, however many lists come of it. */
  constructor(facet: Facet, order: SessionOrder, entries: Iterable<SessionEntry>) {
    this.#facet = facet;
    this.#order = order;
    for (const entry of inOrder([...entries], order)) this.#listFor(entry)?.addLast(entry);
  }

  /** True when the session would stand in the same place of the same list. */
  keeps(entry: SessionEntry, next: SessionRow, nextShown: ShownStatus): boolean {
    return (
      entry.shown === nextShown &&
      entry[this.#order] === next[this.#order] &&
      this.#valueOf(entry) === this.#valueOf(next)
    );
  }

  add(entry: SessionEntry): void {
    this.#listFor(entry)?.add(entry);
  }

  /** Lists that become empty go: agents and parents come and go without end. */
  delete(entry: SessionEntry): void {
    const value = this.#valueOf(entry);
    const lists = value === null ? undefined : this.#lists.get(value);
    const list = lists?.get(entry.shown);
    if (value === null || lists === undefined || !list?.delete(entry)) return;
    if (list.size === 0) lists.delete(entry.shown);
    if (lists.size === 0) this.#lists.delete(value);
  }

  /** The lists of these statuses. */
  lists(value: string, statuses: readonly ShownStatus[]): SortedList<SessionEntry>[] {
    const lists = this.#lists.get(value);
    return statuses.flatMap((status) => lists?.get(status) ?? []);
  }

  /** Where the session belongs, made when there is none; undefined for one that is not kept here. */
  #listFor(entry: SessionEntry): SortedList<SessionEntry> | undefined {
    const value = this.#valueOf(entry);
    if (value === null) return undefined;
    const lists = kept(this.#lists, value, (): Lists => new Map());
    return kept(lists, entry.shown, () => new SortedList(orders[this.#order]));
  }

  #valueOf(row: SessionRow): string | null {
    return this.#facet === 'all' ? '' : row[this.#facet];
  }
}

function kept<Key, Value>(known: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
}

/** What a session is sorted by: the member, then the id. */
export type SortKey = readonly [value: number | string, sessionId: string];

export function sortKey(row: SessionRow, order: SessionOrder): SortKey {
  return [order === 'name' ? (row.name ?? '') : row[order], row.sessionId];
}

/** Ascending; negative when the row stands before the place. */
export function compareTo(row: SessionRow, [value, id]: SortKey, order: SessionOrder): number {
  const own = order === 'name' ? (row.name ?? '') : row[order];
  if (own !== value) return own < value ? -1 : 1;
  return row.sessionId === id ? 0 : row.sessionId < id ? -1 : 1;
}

/** Streams are in the order of their sessions' ids. */
const byId = ({ stream: a }: SessionEntry, { stream: b }: SessionEntry): number =>
  a === b ? 0 : a < b ? -1 : 1;

function byName(a: SessionEntry, b: SessionEntry): number {
  const [first, second] = [a.name ?? '', b.name ?? ''];
  return first === second ? byId(a, b) : first < second ? -1 : 1;
}

/** One function for each order: they run dozens of times for each event. */
const orders: Readonly<Record<SessionOrder, (a: SessionEntry, b: SessionEntry) => number>> = {
  createdAt: (a, b) => a.createdAt - b.createdAt || byId(a, b),
  updatedAt: (a, b) => a.updatedAt - b.updatedAt || byId(a, b),
  name: byName,
};

function inOrder(entries: SessionEntry[], order: SessionOrder): SessionEntry[] {
  if (order === 'name') return entries.sort(byName);
  return sortedByNumber(entries, (entry) => entry[order], orders[order]);
}
