// Sessions in one order, in a sorted list for each status that they show, of all sessions or of each agent or parent. Each
// page is read from such lists; an event moves a session in the lists that its place depends on, and in no other.
import type { ShownStatus } from '../operations/views.ts';
import type { SessionRow } from './session-row.ts';
import { SortedList } from './sorted-list.ts';

export type SessionOrder = 'createdAt' | 'updatedAt' | 'name';

/** By what sessions are kept apart: not at all, or by a member of their row. */
export type Facet = 'all' | 'agent' | 'parentSessionId';

/** A session in the indexes: it stays, while its rows follow each other. */
export interface SessionNode {
  row: SessionRow;
  shown: ShownStatus;
  /** Where it waits for the clock; null while it does not. */
  dueAt: number | null;
}

type Lists = Map<ShownStatus, SortedList<SessionNode>>;

export class SessionIndex {
  readonly #facet: Facet;
  readonly #order: SessionOrder;
  readonly #lists = new Map<string, Lists>();

  /** One sort, however many lists come of it. */
  constructor(facet: Facet, order: SessionOrder, nodes: Iterable<SessionNode>) {
    this.#facet = facet;
    this.#order = order;
    for (const node of [...nodes].sort(orders[order])) this.add(node);
  }

  /** True when the node would stand in the same place of the same list. */
  keeps({ row, shown }: SessionNode, nextRow: SessionRow, nextShown: ShownStatus): boolean {
    return (
      shown === nextShown &&
      row[this.#order] === nextRow[this.#order] &&
      this.#valueOf(row) === this.#valueOf(nextRow)
    );
  }

  add(node: SessionNode): void {
    const value = this.#valueOf(node.row);
    if (value === null) return;
    const lists: Lists = this.#lists.get(value) ?? new Map();
    const list = lists.get(node.shown) ?? new SortedList(orders[this.#order]);
    list.add(node);
    lists.set(node.shown, list);
    this.#lists.set(value, lists);
  }

  /** Lists that become empty go: agents and parents come and go without end. */
  delete(node: SessionNode): void {
    const value = this.#valueOf(node.row);
    const lists = value === null ? undefined : this.#lists.get(value);
    const list = lists?.get(node.shown);
    if (value === null || lists === undefined || !list?.delete(node)) return;
    if (list.size === 0) lists.delete(node.shown);
    if (lists.size === 0) this.#lists.delete(value);
  }

  /** The lists of these statuses. */
  lists(value: string, statuses: readonly ShownStatus[]): SortedList<SessionNode>[] {
    const lists = this.#lists.get(value);
    return statuses.flatMap((status) => lists?.get(status) ?? []);
  }

  #valueOf(row: SessionRow): string | null {
    return this.#facet === 'all' ? '' : row[this.#facet];
  }
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

const byId = (a: SessionRow, b: SessionRow): number =>
  a.sessionId === b.sessionId ? 0 : a.sessionId < b.sessionId ? -1 : 1;

function byName(a: SessionRow, b: SessionRow): number {
  const [first, second] = [a.name ?? '', b.name ?? ''];
  return first === second ? byId(a, b) : first < second ? -1 : 1;
}

/** One function for each order: they run dozens of times for each event. */
const orders: Readonly<Record<SessionOrder, (a: SessionNode, b: SessionNode) => number>> = {
  createdAt: ({ row: a }, { row: b }) => a.createdAt - b.createdAt || byId(a, b),
  updatedAt: ({ row: a }, { row: b }) => a.updatedAt - b.updatedAt || byId(a, b),
  name: ({ row: a }, { row: b }) => byName(a, b),
};
