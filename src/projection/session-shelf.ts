// All sessions, each under the status that it shows: one entry per session, the indexes that it stands in, the counts, and
// the times at which it shows another status by itself. A session moves in what its place depends on, and in nothing else.
import type { ConditionKind } from '../domain/recovery/condition-law.ts';
import type { ShownStatus } from '../operations/views/views.ts';
import { flatText } from './flat-texts.ts';
import { QuietEdges } from './quiet-edges.ts';
import { SessionEntry } from './session-entry.ts';
import { type Facet, SessionIndex, type SessionOrder } from './session-index.ts';
import { rowStatus, type SessionRow, sessionPrefix } from './session-row.ts';
import { SharedTexts } from './shared-texts.ts';

/** What is wrong with a session. */
export interface ShownCondition {
  readonly sessionId: string;
  readonly condition: ConditionKind;
}

/** Different agents and parents whose names are kept once. */
const sharedTexts = 1_000;

/** So many at least are a good part of all. */
const massMove = 64;

export class SessionShelf {
  readonly #entries = new Map<string, SessionEntry>();
  /** What is laid over the status of a session, while something is wrong with it. */
  readonly #conditions = new Map<string, ShownStatus>();
  readonly #counts = new Map<ShownStatus, number>();
  readonly #edges = new QuietEdges();
  readonly #texts = new SharedTexts(sharedTexts);
  /** Those that were asked for. */
  readonly #indexes = new Map<string, SessionIndex>();
  /** What the statuses are shown as of; it never goes back. */
  #now = Number.NEGATIVE_INFINITY;
  #countsVersion = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** Differs when a count does. */
  get countsVersion(): number {
    return this.#countsVersion;
  }

  counts(): ReadonlyMap<ShownStatus, number> {
    return this.#counts;
  }

  /** The session as it is now: it changes under whoever keeps it. */
  find(stream: string): SessionEntry | undefined {
    return this.#entries.get(stream);
  }

  set(row: SessionRow): void {
    const stream = sessionPrefix + row.sessionId;
    const entry = this.#entries.get(stream);
    if (entry === undefined) this.add(flatText(stream), row);
    else this.move(entry, row);
  }

  /** For a session that is not there yet; its stream is a flat text. */
  add(stream: string, row: SessionRow): void {
    const entry = new SessionEntry(stream, row, row.status);
    this.#share(entry);
    entry.shown = this.#shownOf(entry);
    this.#entries.set(stream, entry);
    for (const index of this.#indexes.values()) index.add(entry);
    this.#count(entry.shown, 1);
    this.#edges.schedule(entry, this.#now);
  }

  /** What a session becomes, and where it stands then. */
  move(entry: SessionEntry, row: SessionRow): void {
    const shown = this.#shownOf(row);
    if (this.#keepsPlaces(entry, row, shown)) entry.become(row, shown);
    else this.#relocate(entry, row, shown);
    this.#edges.schedule(entry, this.#now);
  }

  delete(stream: string): void {
    const entry = this.#entries.get(stream);
    if (entry === undefined) return;
    this.#entries.delete(stream);
    for (const index of this.#indexes.values()) index.delete(entry);
    this.#count(entry.shown, -1);
    this.#edges.delete(entry);
  }

  clear(): void {
    this.#edges.clear();
    for (const known of [this.#entries, this.#conditions, this.#counts, this.#indexes, this.#texts])
      known.clear();
  }

  /** Sessions whose next quiet edge has fallen due show it from now on; each costs one move, and at most `limit` do. */
  advance(now: number, limit = Number.POSITIVE_INFINITY): void {
    this.#now = Math.max(this.#now, now);
    this.#moveAll(this.#edges.due(this.#now, limit));
  }

  /** Exactly these show their condition, whatever their status. O(those), of which there are few. */
  overlay(conditions: Iterable<ShownCondition>): void {
    const now = new Map<string, ShownStatus>();
    for (const { sessionId, condition } of conditions) now.set(sessionId, condition);
    if (now.size === 0 && this.#conditions.size === 0) return;
    const changed = [...now.keys()].filter((id) => this.#conditions.get(id) !== now.get(id));
    changed.push(...[...this.#conditions.keys()].filter((id) => !now.has(id)));
    this.#conditions.clear();
    for (const [id, condition] of now) this.#conditions.set(id, condition);
    this.#moveAll(changed.flatMap((id) => this.#entries.get(sessionPrefix + id) ?? []));
  }

  /** An index is made when it is first asked for, in O(n log n), and kept up from then on. */
  index(facet: Facet, order: SessionOrder): SessionIndex {
    const name = `${facet} ${order}`;
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    const index = new SessionIndex(facet, order, this.#entries.values());
    this.#indexes.set(name, index);
    return index;
  }

  /** Where a good part of all sessions moves at once, making the indexes anew costs less. */
  #moveAll(entries: readonly SessionEntry[]): void {
    if (entries.length > Math.max(massMove, this.#entries.size / 8)) this.#indexes.clear();
    for (const entry of entries) this.move(entry, entry);
  }

  /** Nearly always: a message changes neither what a session shows nor what it is sorted by, but for `updatedAt`. */
  #keepsPlaces(entry: SessionEntry, row: SessionRow, shown: ShownStatus): boolean {
    if (shown !== entry.shown || row.agent !== entry.agent || row.parentSessionId !== entry.parentSessionId)
      return false;
    for (const index of this.#indexes.values()) if (!index.keeps(entry, row, shown)) return false;
    return true;
  }

  #relocate(entry: SessionEntry, row: SessionRow, shown: ShownStatus): void {
    const left = [...this.#indexes.values()].filter((index) => !index.keeps(entry, row, shown));
    for (const index of left) index.delete(entry);
    if (shown !== entry.shown) {
      this.#count(entry.shown, -1);
      this.#count(shown, 1);
    }
    entry.become(row, shown);
    this.#share(entry);
    for (const index of left) index.add(entry);
  }

  #share(entry: SessionEntry): void {
    const texts = this.#texts;
    entry.status = texts.shared(entry.status);
    if (entry.agent !== null) entry.agent = texts.shared(entry.agent);
    if (entry.parentSessionId !== null) entry.parentSessionId = texts.shared(entry.parentSessionId);
  }

  #shownOf(row: SessionRow): ShownStatus {
    const condition = this.#conditions.size === 0 ? undefined : this.#conditions.get(row.sessionId);
    return condition ?? rowStatus(row, this.#now);
  }

  #count(status: ShownStatus, change: number): void {
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + change);
    this.#countsVersion += 1;
  }
}
