// The session list: a read model of all sessions that follows the feed. Its counts live in a store that anybody may
// subscribe to; the rows and their orders are plain indexes behind it. It can be rebuilt from heads at any time.
import { createStore } from '@xstate/store';
import { HoldfastError } from '../base/errors.ts';
import type { SessionStatus } from '../domain/session-lifecycle.ts';
import type { FeedEntry, Head } from '../journal/journal.ts';
import { RecencyList } from './recency-list.ts';
import { foldRow, newRow, rowFromHead, rowStatus, type SessionRow } from './session-row.ts';

export interface SessionQuery {
  readonly status?: readonly SessionStatus[];
  /** Matches the name from its beginning; a `*` stands for anything. */
  readonly name?: string;
  readonly agent?: string;
  readonly parentSessionId?: string;
  readonly createdAfter?: number;
  readonly createdBefore?: number;
  /** Occurs in id, name or agent, whatever the case. */
  readonly search?: string;
  /** Newest first; `updatedAt` is the order of the last change; `name` is ascending. */
  readonly sort: 'createdAt' | 'updatedAt' | 'name';
  readonly limit: number;
  readonly cursor?: string;
}

export interface SessionPage {
  readonly sessions: readonly SessionRow[];
  readonly cursor: string | undefined;
  /** How many there are in all, where the index knows it without looking. */
  readonly total: number | undefined;
}

/** Without a status filter the list shows what is open. */
const closed: ReadonlySet<SessionStatus> = new Set(['terminated', 'archived', 'deleted']);

export class SessionList {
  /** Sessions by the status of their last event, and a revision that grows with each change. */
  readonly counts = createStore({
    context: { revision: 0, byStatus: {} as Readonly<Partial<Record<SessionStatus, number>>> },
    on: {
      changed: (context, { deltas }: { deltas: ReadonlyMap<SessionStatus, number> }) => {
        const byStatus = { ...context.byStatus };
        for (const [status, delta] of deltas) byStatus[status] = (byStatus[status] ?? 0) + delta;
        return { revision: context.revision + 1, byStatus };
      },
    },
  });
  readonly #rows = new Map<string, SessionRow>();
  readonly #byUpdate = new RecencyList();
  /** Ids by creation, oldest first. */
  #byCreation: string[] = [];

  /** Takes in heads at boot, page by page; {@link sort} brings them in order once all are there. */
  load(heads: readonly Head[]): void {
    const deltas = new Map<SessionStatus, number>();
    for (const head of heads) this.#count(rowFromHead(head), deltas);
    this.counts.trigger.changed({ deltas });
  }

  sort(): void {
    const rows = [...this.#rows.values()];
    // The newest last, which is where a list by recency takes them in at once.
    for (const { sessionId, updatedAt } of rows.sort((a, b) => a.updatedAt - b.updatedAt))
      this.#byUpdate.touch(sessionId, updatedAt);
    this.#byCreation = rows.sort(byCreation).map(({ sessionId }) => sessionId);
  }

  /** Each session that the entries tell of takes its new place once, however many events it had. */
  apply(entries: readonly FeedEntry[]): void {
    const changed = new Map<string, SessionRow>();
    for (const event of entries.flatMap(({ events }) => events)) {
      if (!event.stream.startsWith('session/')) continue;
      const sessionId = event.stream.slice('session/'.length);
      const row = changed.get(sessionId) ?? this.#rows.get(sessionId) ?? newRow(sessionId, event.at);
      if (event.seq > row.seq) changed.set(sessionId, foldRow(row, event));
    }
    const deltas = new Map<SessionStatus, number>();
    for (const row of changed.values()) this.#replace(row, deltas);
    if (deltas.size > 0) this.counts.trigger.changed({ deltas });
  }

  get(sessionId: string): SessionRow | undefined {
    return this.#rows.get(sessionId);
  }

  /** Sessions that are neither terminated nor archived nor deleted. */
  get openCount(): number {
    const { byStatus } = this.counts.getSnapshot().context;
    let open = 0;
    for (const [status, count] of Object.entries(byStatus))
      if (!closed.has(status as SessionStatus)) open += count;
    return open;
  }

  list(query: SessionQuery, now: number): SessionPage {
    const after = query.cursor === undefined ? undefined : parseCursor(query.cursor, query.sort);
    const matches = matcher(query, now);
    const found: SessionRow[] = [];
    let more = false;
    for (const row of this.#inOrder(query.sort, after)) {
      if (!matches(row)) continue;
      more = found.length === query.limit;
      if (more) break;
      found.push(row);
    }
    const last = found.at(-1);
    const sessions = found.map((row) => ({ ...row, status: rowStatus(row, now) }));
    return {
      sessions,
      cursor: more && last !== undefined ? cursorOf(last, query.sort) : undefined,
      total: this.#total(query),
    };
  }

  #replace(row: SessionRow, deltas: Map<SessionStatus, number>): void {
    const { sessionId, updatedAt } = row;
    const isNew = !this.#rows.has(sessionId);
    if (!this.#count(row, deltas)) return;
    this.#byUpdate.touch(sessionId, updatedAt);
    if (isNew) this.#insertByCreation(sessionId);
  }

  /** Keeps the row and counts its status; false for one that was deleted, which is forgotten. */
  #count(row: SessionRow, deltas: Map<SessionStatus, number>): boolean {
    const before = this.#rows.get(row.sessionId);
    if (before?.status !== row.status) {
      if (before !== undefined) deltas.set(before.status, (deltas.get(before.status) ?? 0) - 1);
      deltas.set(row.status, (deltas.get(row.status) ?? 0) + 1);
    }
    if (row.status === 'deleted') this.#forget(row.sessionId);
    else this.#rows.set(row.sessionId, row);
    return row.status !== 'deleted';
  }

  #forget(sessionId: string): void {
    this.#rows.delete(sessionId);
    this.#byUpdate.delete(sessionId);
    const index = this.#byCreation.indexOf(sessionId);
    if (index >= 0) this.#byCreation.splice(index, 1);
  }

  /** New sessions come nearly always last; those of one millisecond stand in the order of their ids. */
  #insertByCreation(sessionId: string): void {
    const row = this.#rows.get(sessionId);
    let index = this.#byCreation.length;
    while (index > 0 && row !== undefined) {
      const before = this.#rows.get(this.#byCreation[index - 1] ?? '');
      if (before === undefined || byCreation(before, row) < 0) break;
      index -= 1;
    }
    this.#byCreation.splice(index, 0, sessionId);
  }

  *#inOrder(sort: SessionQuery['sort'], after: SortKey | undefined): Generator<SessionRow> {
    if (sort === 'updatedAt') {
      yield* this.#rowsOf(this.#byUpdate.keys(after && [Number(after[0]), after[1]]));
      return;
    }
    const rows =
      sort === 'name' ? [...this.#rows.values()].sort(byName) : this.#rowsOf(backwards(this.#byCreation));
    for (const row of rows) if (after === undefined || isBehind(row, after, sort)) yield row;
  }

  *#rowsOf(ids: Iterable<string>): Generator<SessionRow> {
    for (const id of ids) {
      const row = this.#rows.get(id);
      if (row !== undefined) yield row;
    }
  }

  #total({
    status,
    name,
    agent,
    parentSessionId,
    createdAfter,
    createdBefore,
    search,
  }: SessionQuery): number | undefined {
    const filters = [status, name, agent, parentSessionId, createdAfter, createdBefore, search];
    return filters.every((filter) => filter === undefined) ? this.openCount : undefined;
  }
}

function matcher(query: SessionQuery, now: number): (row: SessionRow) => boolean {
  const statuses = query.status === undefined ? undefined : new Set(query.status);
  const search = query.search?.toLowerCase();
  const name = query.name === undefined ? undefined : namePattern(query.name);
  return (row) => {
    const status = rowStatus(row, now);
    if (statuses === undefined ? closed.has(status) : !statuses.has(status)) return false;
    if (query.agent !== undefined && row.agent !== query.agent) return false;
    if (query.parentSessionId !== undefined && row.parentSessionId !== query.parentSessionId) return false;
    if (query.createdAfter !== undefined && row.createdAt <= query.createdAfter) return false;
    if (query.createdBefore !== undefined && row.createdAt >= query.createdBefore) return false;
    if (name !== undefined && !name(row.name ?? '')) return false;
    return (
      search === undefined ||
      [row.sessionId, row.name, row.agent].some((text) => text?.toLowerCase().includes(search))
    );
  };
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

function* backwards(ids: readonly string[]): Generator<string> {
  for (let i = ids.length - 1; i >= 0; i--) yield ids[i] ?? '';
}

type SortKey = readonly [value: number | string, sessionId: string];

function sortKey(row: SessionRow, sort: SessionQuery['sort']): SortKey {
  return [sort === 'name' ? (row.name ?? '') : row[sort], row.sessionId];
}

/** True when a row stands behind the cursor in the order of the list. */
function isBehind(row: SessionRow, [value, id]: SortKey, sort: SessionQuery['sort']): boolean {
  const [own, sessionId] = sortKey(row, sort);
  if (own === value) return sort === 'name' ? sessionId > id : sessionId < id;
  return sort === 'name' ? own > value : own < value;
}

const byCreation = (a: SessionRow, b: SessionRow): number =>
  a.createdAt - b.createdAt || (a.sessionId < b.sessionId ? -1 : 1);

const byName = (a: SessionRow, b: SessionRow): number => {
  const [first, second] = [a.name ?? '', b.name ?? ''];
  return first === second ? (a.sessionId < b.sessionId ? -1 : 1) : first < second ? -1 : 1;
};

function cursorOf(row: SessionRow, sort: SessionQuery['sort']): string {
  return Buffer.from(JSON.stringify([sort, ...sortKey(row, sort)])).toString('base64url');
}

function parseCursor(cursor: string, sort: SessionQuery['sort']): SortKey {
  try {
    const [of, value, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
    const isValue = sort === 'name' ? typeof value === 'string' : typeof value === 'number';
    if (of === sort && isValue && typeof id === 'string') return [value as number | string, id];
  } catch {
    // falls through to the refusal
  }
  throw new HoldfastError('INVALID_CURSOR', { value: cursor });
}
