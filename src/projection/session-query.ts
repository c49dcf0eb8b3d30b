// What is asked of the session list: the filters that need a look at each row, and the cursor that names a place.
import { HoldfastError } from '../base/errors.ts';
import type { SessionCounts, ShownStatus, StatusCounts } from '../operations/views/views.ts';
import type { SessionEntry } from './session-entry.ts';
import { compareTo, type SessionOrder, type SortKey, sortKey } from './session-index.ts';
import type { SessionRow } from './session-row.ts';
import type { Before } from './sorted-list.ts';

export interface SessionQuery {
  readonly status?: readonly ShownStatus[];
  /** Matches the name from its beginning; a `*` stands for anything. */
  readonly name?: string;
  readonly agent?: string;
  readonly parentSessionId?: string;
  readonly createdAfter?: number;
  readonly createdBefore?: number;
  /** Occurs in id, name or agent, whatever the case. */
  readonly search?: string;
  /** Newest first; `updatedAt` is the order of the last change; `name` is ascending. */
  readonly sort: SessionOrder;
  readonly limit: number;
  readonly cursor?: string;
}

/** Every status that a list can show. */
export const listedStatuses: readonly (keyof StatusCounts)[] = [
  ...(['initializing', 'active', 'idle', 'paused', 'dormant', 'terminating'] as const),
  ...(['terminated', 'archived', 'recovering', 'quarantined'] as const),
];

/** Without a status filter the list shows these. */
const openStatuses = listedStatuses.filter((status) => status !== 'terminated' && status !== 'archived');

/** The statuses to look under, each once. */
export const statusesOf = ({ status }: SessionQuery): readonly ShownStatus[] =>
  status === undefined ? openStatuses : [...new Set(status)];

/** True when the filters that no index answers let a row through; undefined when there are none. */
export function matcher(query: SessionQuery): ((row: SessionRow) => boolean) | undefined {
  const { agent, parentSessionId, createdAfter, createdBefore } = query;
  const search = query.search?.toLowerCase();
  const name = query.name === undefined ? undefined : namePattern(query.name);
  const filters: ((row: SessionRow) => boolean)[] = [];
  if (agent !== undefined && parentSessionId !== undefined)
    filters.push((row) => row.agent === agent && row.parentSessionId === parentSessionId);
  if (createdAfter !== undefined) filters.push((row) => row.createdAt > createdAfter);
  if (createdBefore !== undefined) filters.push((row) => row.createdAt < createdBefore);
  if (name !== undefined) filters.push((row) => name(row.name ?? ''));
  if (search !== undefined)
    filters.push((row) =>
      [row.sessionId, row.name, row.agent].some((text) => text?.toLowerCase().includes(search)),
    );
  return filters.length === 0 ? undefined : (row) => filters.every((passes) => passes(row));
}

/** Parts between the stars must occur in order; no regular expression of the user's is ever run. */
function namePattern(pattern: string): (name: string) => boolean {
  const [first = '', ...rest] = pattern.split('*');
  return (name) => {
    if (!name.startsWith(first)) return false;
    let from = first.length;
    for (const part of rest) {
      const at = name.indexOf(part, from);
      if (at < 0) return false;
      from = at + part.length;
    }
    return true;
  };
}

/** The stretch of an order that a query can find anything in: where it begins, and a row behind its end. */
export interface Stretch {
  readonly isBefore: Before<SessionEntry>;
  readonly isOver: (row: SessionRow) => boolean;
}

/** Newest first for times, ascending for names. A range of the member that is sorted by ends the reading. */
export function stretchOf(query: SessionQuery): Stretch {
  const { sort, createdAfter, createdBefore, cursor } = query;
  const after = cursor === undefined ? undefined : parseCursor(cursor, sort);
  if (sort === 'name') return namesOf(query, after);
  const limit = sort === 'createdAt' ? createdBefore : undefined;
  return {
    isBefore: (row) =>
      (after === undefined || compareTo(row, after, sort) < 0) && (limit === undefined || row[sort] < limit),
    isOver: (row) => sort === 'createdAt' && createdAfter !== undefined && row.createdAt <= createdAfter,
  };
}

function namesOf({ name = '' }: SessionQuery, after: SortKey | undefined): Stretch {
  const [prefix = ''] = name.split('*', 1);
  return {
    isBefore: (row) =>
      (row.name ?? '') < prefix || (after !== undefined && compareTo(row, after, 'name') <= 0),
    isOver: (row) => !(row.name ?? '').startsWith(prefix),
  };
}

export function cursorOf(row: SessionRow, sort: SessionOrder): string {
  return Buffer.from(JSON.stringify([sort, ...sortKey(row, sort)])).toString('base64url');
}

function parseCursor(cursor: string, sort: SessionOrder): SortKey {
  try {
    const [of, value, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
    const isValue = typeof value === (sort === 'name' ? 'string' : 'number');
    if (of === sort && isValue && typeof id === 'string') return [value as number | string, id];
  } catch {
    // falls through to the refusal
  }
  throw new HoldfastError('INVALID_CURSOR', { value: cursor });
}

export function countsFrom(countOf: (status: ShownStatus) => number): SessionCounts {
  const counted = listedStatuses.map((status) => [status, countOf(status)] as const);
  const byStatus = Object.fromEntries(counted) as unknown as StatusCounts;
  const sumOf = (statuses: readonly (keyof StatusCounts)[]): number =>
    statuses.reduce((sum, status) => sum + byStatus[status], 0);
  return { byStatus, open: sumOf(openStatuses), total: sumOf(listedStatuses) };
}
