// The session list: a read model of all sessions that follows the feed. A page costs what it shows, whatever the status,
// and so do counts. What its heads or the feed do not tell in full is read again from the session's stream.
import { summaryVersion } from '../domain/session/session-deadlines.ts';
import type { FeedEntry, Head, StoredEvent } from '../journal/journal.ts';
import type { SessionCounts, ShownStatus } from '../operations/views/views.ts';
import { flatTexts } from './flat-texts.ts';
import type { LiveCounts } from './live-counts.ts';
import { merged } from './merged.ts';
import type { Projection } from './projection.ts';
import type { SessionEntry } from './session-entry.ts';
import type { Facet } from './session-index.ts';
import {
  countsFrom,
  cursorOf,
  listedStatuses,
  matcher,
  type SessionQuery,
  statusesOf,
  stretchOf,
} from './session-query.ts';
import { type RowSource, readRow } from './session-reader.ts';
import {
  copyOf,
  foldRow,
  isCurrentHead,
  newRow,
  rowFromHead,
  type SessionRow,
  saidBy,
  sessionOf,
  sessionPrefix,
} from './session-row.ts';
import { SessionShelf, type ShownCondition } from './session-shelf.ts';

/** A row with the status that it shows. */
export interface ListedSession extends Omit<SessionRow, 'status'> {
  readonly status: ShownStatus;
}

export interface SessionPage {
  readonly sessions: readonly ListedSession[];
  readonly cursor: string | undefined;
  /** How many there are in all, where the indexes know it without looking. */
  readonly total: number | undefined;
}

export interface SessionListOptions {
  readonly journal: RowSource;
  /** What is wrong with sessions now; asked for before each answer. */
  readonly conditions: () => Iterable<ShownCondition>;
  readonly live: LiveCounts;
  readonly now: () => number;
}

/** Edges that are made good with each batch of events, so that the next query finds fewer of them. */
const edgesPerBatch = 256;

const defaultIndex = ['all', 'createdAt'] as const;

const none: readonly MissingEvent[] = [];

type MissingEvent = Pick<StoredEvent, 'stream' | 'seq'>;

/** What sessions become with a batch of events: by themselves where they are known, which costs less, else by their stream. */
type Changed = Map<SessionEntry | string, SessionRow>;

interface Source {
  readonly facet: Facet;
  readonly value: string;
  readonly size: number;
}

export class SessionList implements Projection {
  readonly name = 'sessions';
  readonly version = summaryVersion;
  readonly prefix = 'session/';
  readonly #options: SessionListOptions;
  readonly #shelf = new SessionShelf();
  readonly #incomplete = new Set<string>();
  #serving = false;
  #toldCounts = -1;

  /** The order that lists have by default is kept from the first head on: one sort of all would hold up everybody. */
  constructor(options: SessionListOptions) {
    this.#options = options;
    this.#shelf.index(...defaultIndex);
  }

  get rows(): number {
    return this.#shelf.size;
  }

  get incomplete(): number {
    return this.#incomplete.size;
  }

  load(heads: readonly Head[]): readonly string[] {
    this.#shelf.advance(this.#options.now(), edgesPerBatch);
    const outdated: string[] = [];
    const streams = flatTexts(heads.map(({ stream }) => stream));
    heads.forEach((head, i) => {
      const stream = streams[i] as string;
      const known = this.#shelf.find(stream);
      if (head.seq <= (known?.seq ?? 0)) return;
      const said = saidBy(head);
      const row = rowFromHead(head, said);
      if (known === undefined && row.status !== 'deleted') this.#shelf.add(stream, row);
      else this.#keep(row);
      if (isCurrentHead(head, said)) return;
      this.#incomplete.add(row.sessionId);
      outdated.push(stream);
    });
    this.#tell(heads.length > 0);
    return outdated;
  }

  /** Each session that the entries tell of takes its new place once, however many events it had. */
  apply(entries: readonly FeedEntry[]): readonly string[] {
    const changed: Changed = new Map();
    const torn = new Set<string>();
    for (const { events, damaged = none, forgotten = none } of entries) {
      for (const event of events) this.#fold(event, changed, torn);
      this.#findTorn(damaged, changed, torn);
      this.#findTorn(forgotten, changed, torn);
    }
    this.#shelf.advance(this.#options.now(), edgesPerBatch);
    for (const [known, row] of changed) {
      if (typeof known === 'string' || row.status === 'deleted') this.#keep(row);
      else this.#shelf.move(known, row);
    }
    this.#tell(changed.size > 0);
    for (const stream of torn) this.#suspect(stream);
    return [...torn];
  }

  place(stream: string, head: Head | undefined): void {
    const sessionId = sessionOf(stream);
    if (sessionId === undefined) return;
    if (head === undefined) this.#forget(sessionId);
    else this.#keep(rowFromHead(head));
    this.#tell(true);
  }

  async reread(stream: string): Promise<void> {
    const sessionId = sessionOf(stream);
    if (sessionId === undefined) return;
    for (;;) {
      const row = await readRow(this.#options.journal, stream);
      // What was read may be behind what the feed has told meanwhile: then there is more to be read.
      if (row !== undefined && row.seq < (this.#shelf.find(stream)?.seq ?? 0)) continue;
      this.#incomplete.delete(sessionId);
      if (row === undefined) this.#forget(sessionId);
      else this.#keep(row);
      this.#tell(true);
      return;
    }
  }

  serve(): void {
    this.#serving = true;
    this.#shelf.index(...defaultIndex);
    this.#bringUpTo(this.#options.now());
    this.#tell(true);
  }

  reset(): void {
    this.#serving = false;
    this.#incomplete.clear();
    this.#shelf.clear();
  }

  get(sessionId: string): SessionRow | undefined {
    const row = this.#shelf.find(sessionPrefix + sessionId);
    return row && copyOf(row);
  }

  list(query: SessionQuery, now: number): SessionPage {
    this.#bringUpTo(now);
    const { sort, limit } = query;
    const statuses = statusesOf(query);
    const { facet, value, size } = this.#sourceOf(query, statuses);
    const matches = matcher(query);
    const { isBefore, isOver } = stretchOf(query);
    const found: SessionEntry[] = [];
    let more = false;
    for (const entry of merged(this.#shelf.index(facet, sort).lists(value, statuses), sort, isBefore)) {
      if (isOver(entry)) break;
      if (matches !== undefined && !matches(entry)) continue;
      more = found.length === limit;
      if (more) break;
      found.push(entry);
    }
    const last = found.at(-1);
    return {
      sessions: found.map(listed),
      cursor: more && last !== undefined ? cursorOf(last, sort) : undefined,
      total: matches === undefined ? size : undefined,
    };
  }

  /** By the clock. With both agent and parent it looks at the sessions of the one that has fewer. */
  count(query: Pick<SessionQuery, 'agent' | 'parentSessionId'>, now: number): SessionCounts {
    this.#bringUpTo(now);
    const { facet, value } = this.#sourceOf(query, listedStatuses);
    const index = this.#shelf.index(facet, 'createdAt');
    const matches = matcher({ ...query, sort: 'createdAt', limit: 1 });
    return countsFrom((status) => {
      const [list] = index.lists(value, [status]);
      if (list === undefined || matches === undefined) return list?.size ?? 0;
      return [...list.upward()].filter(matches).length;
    });
  }

  /** The sessions that a query must look among: all, or the agent's or the parent's, whichever are fewer. */
  #sourceOf(
    { agent, parentSessionId }: Pick<SessionQuery, 'agent' | 'parentSessionId'>,
    statuses: readonly ShownStatus[],
  ): Source {
    const source = (facet: Facet, value: string): Source => {
      const lists = this.#shelf.index(facet, 'createdAt').lists(value, statuses);
      return { facet, value, size: lists.reduce((sum, { size }) => sum + size, 0) };
    };
    const sources = [
      ...(agent === undefined ? [] : [source('agent', agent)]),
      ...(parentSessionId === undefined ? [] : [source('parentSessionId', parentSessionId)]),
    ];
    const [first = source('all', ''), second = first] = sources;
    return second.size < first.size ? second : first;
  }

  /** Events of a session with a gap before them would make a wrong row: the session is read again instead. */
  #fold(event: StoredEvent, changed: Changed, torn: Set<string>): void {
    const { stream } = event;
    if (torn.size > 0 && torn.has(stream)) return;
    const known = this.#shelf.find(stream);
    const row = changed.get(known ?? stream) ?? known ?? blankRow(event);
    if (row === undefined) return;
    if (event.seq <= row.seq) return;
    // A fork begins with the number that its parent had come to.
    if (event.seq > row.seq + 1 && event.type !== 'session.forked') torn.add(stream);
    else changed.set(known ?? stream, foldRow(row, event));
  }

  #findTorn(missing: readonly MissingEvent[], changed: Changed, torn: Set<string>): void {
    for (const { stream, seq } of missing) if (seq > this.#seqOf(stream, changed)) torn.add(stream);
  }

  #suspect(stream: string): void {
    const sessionId = sessionOf(stream);
    if (sessionId !== undefined && this.#shelf.find(stream) !== undefined) this.#incomplete.add(sessionId);
  }

  #seqOf(stream: string, changed: Changed): number {
    const known = this.#shelf.find(stream);
    const row = changed.get(known ?? stream) ?? known;
    if (row === undefined && sessionOf(stream) === undefined) return Number.POSITIVE_INFINITY;
    return row?.seq ?? 0;
  }

  /** A deleted session is forgotten. */
  #keep(row: SessionRow): void {
    const { sessionId, status } = row;
    if (status === 'deleted') this.#forget(sessionId);
    else this.#shelf.set(row);
  }

  #forget(sessionId: string): void {
    this.#incomplete.delete(sessionId);
    this.#shelf.delete(sessionPrefix + sessionId);
  }

  #bringUpTo(now: number): void {
    this.#shelf.advance(now);
    this.#shelf.overlay(this.#options.conditions());
    this.#tell(false);
  }

  #tell(rowsChanged: boolean): void {
    const { countsVersion } = this.#shelf;
    const recounted = countsVersion !== this.#toldCounts;
    if (!this.#serving || !(rowsChanged || recounted)) return;
    this.#toldCounts = countsVersion;
    const { live } = this.#options;
    live.trigger.changed(recounted ? { counts: Object.fromEntries(this.#shelf.counts()) } : {});
  }
}

function listed(entry: SessionEntry): ListedSession {
  return Object.assign(copyOf(entry), { status: entry.shown });
}

/** Of a session of which nothing is known yet; undefined for a stream of another kind. */
function blankRow({ stream, at }: StoredEvent): SessionRow | undefined {
  const sessionId = sessionOf(stream);
  return sessionId === undefined ? undefined : newRow(sessionId, at);
}
