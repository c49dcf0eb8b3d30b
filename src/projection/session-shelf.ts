// All sessions, each under the status that it shows: one node per session, the indexes that it stands in, the counts, and
// the times at which it shows another status by itself. A session moves in what its place depends on, and in nothing else.
import type { ConditionKind } from '../domain/condition-law.ts';
import type { ShownStatus } from '../operations/views.ts';
import { QuietEdges } from './quiet-edges.ts';
import { type Facet, SessionIndex, type SessionNode, type SessionOrder } from './session-index.ts';
import { rowStatus, type SessionRow } from './session-row.ts';

/** What is wrong with a session. */
export interface ShownCondition {
  readonly sessionId: string;
  readonly condition: ConditionKind;
}

/** So many at least are a good part of all. */
const massMove = 64;

export class SessionShelf {
  readonly #nodes = new Map<string, SessionNode>();
  /** What is laid over the status of a session, while something is wrong with it. */
  readonly #conditions = new Map<string, ShownStatus>();
  readonly #counts = new Map<ShownStatus, number>();
  readonly #edges = new QuietEdges();
  /** Those that were asked for. */
  readonly #indexes = new Map<string, SessionIndex>();
  /** What the statuses are shown as of; it never goes back. */
  #now = Number.NEGATIVE_INFINITY;
  #countsVersion = 0;

  get size(): number {
    return this.#nodes.size;
  }

  /** Differs when a count does. */
  get countsVersion(): number {
    return this.#countsVersion;
  }

  counts(): ReadonlyMap<ShownStatus, number> {
    return this.#counts;
  }

  find(sessionId: string): SessionRow | undefined {
    return this.#nodes.get(sessionId)?.row;
  }

  set(row: SessionRow): void {
    const node = this.#nodes.get(row.sessionId);
    if (node === undefined) this.#add(row);
    else this.#move(node, row);
  }

  delete(sessionId: string): void {
    const node = this.#nodes.get(sessionId);
    if (node === undefined) return;
    this.#nodes.delete(sessionId);
    for (const index of this.#indexes.values()) index.delete(node);
    this.#count(node.shown, -1);
    this.#edges.delete(node);
  }

  clear(): void {
    for (const known of [this.#nodes, this.#conditions, this.#counts, this.#indexes]) known.clear();
    this.#edges.clear();
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
    const changed = [...now.keys()].filter((id) => this.#conditions.get(id) !== now.get(id));
    changed.push(...[...this.#conditions.keys()].filter((id) => !now.has(id)));
    this.#conditions.clear();
    for (const [id, condition] of now) this.#conditions.set(id, condition);
    this.#moveAll(changed.flatMap((id) => this.#nodes.get(id) ?? []));
  }

  /** An index is made when it is first asked for, in O(n log n), and kept up from then on. */
  index(facet: Facet, order: SessionOrder): SessionIndex {
    const name = `${facet} ${order}`;
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    const index = new SessionIndex(facet, order, this.#nodes.values());
    this.#indexes.set(name, index);
    return index;
  }

  #add(row: SessionRow): void {
    const node: SessionNode = { row, shown: this.#shownOf(row), dueAt: null };
    this.#nodes.set(row.sessionId, node);
    for (const index of this.#indexes.values()) index.add(node);
    this.#count(node.shown, 1);
    this.#edges.schedule(node, this.#now);
  }

  /** Where a good part of all sessions moves at once, making the indexes anew costs less. */
  #moveAll(nodes: readonly SessionNode[]): void {
    if (nodes.length > Math.max(massMove, this.#nodes.size / 8)) this.#indexes.clear();
    for (const node of nodes) this.#move(node, node.row);
  }

  #move(node: SessionNode, row: SessionRow): void {
    const shown = this.#shownOf(row);
    const left = [...this.#indexes.values()].filter((index) => !index.keeps(node, row, shown));
    for (const index of left) index.delete(node);
    if (shown !== node.shown) {
      this.#count(node.shown, -1);
      this.#count(shown, 1);
    }
    node.row = row;
    node.shown = shown;
    for (const index of left) index.add(node);
    this.#edges.schedule(node, this.#now);
  }

  #shownOf(row: SessionRow): ShownStatus {
    return this.#conditions.get(row.sessionId) ?? rowStatus(row, this.#now);
  }

  #count(status: ShownStatus, change: number): void {
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + change);
    this.#countsVersion += 1;
  }
}
