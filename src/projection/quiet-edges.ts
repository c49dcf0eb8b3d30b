// When sessions next fall quiet: they wait in the order of the time, so that a query moves those that are due and looks at
// no other. A session that was used meanwhile keeps its earlier place and is put back when that comes up.
import type { SessionNode } from './session-index.ts';
import { nextEdgeAt } from './session-row.ts';
import { SortedList } from './sorted-list.ts';

export class QuietEdges {
  readonly #waiting = new SortedList<SessionNode>(byDueTime);

  schedule(node: SessionNode, now: number): void {
    const next = nextEdgeAt(node.row, now);
    if (next !== null && node.dueAt !== null && node.dueAt <= next) return;
    this.delete(node);
    if (next === null) return;
    node.dueAt = next;
    this.#waiting.add(node);
  }

  delete(node: SessionNode): void {
    if (node.dueAt !== null) this.#waiting.delete(node);
    node.dueAt = null;
  }

  /** Takes out those whose time has come, at most `limit`; schedule them anew. */
  due(now: number, limit: number): readonly SessionNode[] {
    const due = this.#waiting.takeFirst(({ dueAt }) => dueAt !== null && dueAt <= now, limit);
    for (const node of due) node.dueAt = null;
    return due;
  }

  clear(): void {
    this.due(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  }
}

function byDueTime(a: SessionNode, b: SessionNode): number {
  const between = (a.dueAt ?? 0) - (b.dueAt ?? 0);
  if (between !== 0) return between;
  return a.row.sessionId === b.row.sessionId ? 0 : a.row.sessionId < b.row.sessionId ? -1 : 1;
}
