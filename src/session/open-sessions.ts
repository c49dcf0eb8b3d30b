// How many sessions are open, exactly: counted as their events become durable, with those that are being created.
import { HoldfastError } from '../base/errors.ts';
import type { StatusChange } from '../domain/session/session-lifecycle.ts';
import type { StoredEvent } from '../journal/journal.ts';

const closed: ReadonlySet<string> = new Set(['initializing', 'terminated', 'archived', 'deleted']);
const changesStatus: ReadonlySet<string> = new Set([
  'session.statusChanged',
  'session.restored',
  'session.recovered',
]);
const isOpen = (status: string): boolean => !closed.has(status);

export class OpenSessions {
  readonly #limit: number | null;
  /** Sessions that are being created and hold a place, though they are not open yet. */
  readonly #creating = new Set<string>();
  #open = 0;

  constructor(limit: number | null) {
    this.#limit = limit;
  }

  /** True while there is no place for one more. */
  get isFull(): boolean {
    return this.#limit !== null && this.#count >= this.#limit;
  }

  count(status: string, by: number): void {
    if (isOpen(status)) this.#open += by;
  }

  follow(events: readonly StoredEvent[]): void {
    for (const { stream, type, data } of events) {
      if (type === 'session.created') this.release(stream.slice(stream.indexOf('/') + 1));
      if (!changesStatus.has(type)) continue;
      const { from, to = 'initializing' } = data as Partial<StatusChange>;
      if (from !== undefined) this.count(from, -1);
      this.count(to, 1);
    }
  }

  /** Takes a place for a session that is being created; throws `SESSION_LIMIT` when there is none. */
  take(sessionId: string): void {
    if (this.isFull) throw new HoldfastError('SESSION_LIMIT', { count: this.#count, limit: this.#limit });
    this.#creating.add(sessionId);
  }

  /** Gives it back; one that has been opened meanwhile keeps its own. */
  release(sessionId: string): void {
    this.#creating.delete(sessionId);
  }

  get #count(): number {
    return this.#open + this.#creating.size;
  }
}
