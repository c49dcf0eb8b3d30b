// How many sessions are open, exactly: counted as their events become durable, with those that are being created.
import { HoldfastError } from '../base/errors.ts';
import type { StatusChange } from '../domain/session-lifecycle.ts';
import type { StoredEvent } from '../journal/journal.ts';

const isOpen = (status: string): boolean =>
  !['initializing', 'terminated', 'archived', 'deleted'].includes(status);

export class OpenSessions {
  readonly #limit: number | null;
  #open = 0;
  #creating = 0;

  constructor(limit: number | null) {
    this.#limit = limit;
  }

  count(status: string, by: 1 | -1): void {
    if (isOpen(status)) this.#open += by;
  }

  follow(events: readonly StoredEvent[]): void {
    for (const { type, data } of events) {
      if (type !== 'session.statusChanged' && type !== 'session.restored') continue;
      const { from, to = 'initializing' } = data as Partial<StatusChange>;
      if (from !== undefined) this.count(from, -1);
      this.count(to, 1);
    }
  }

  /** Runs `create` while holding a place; throws `SESSION_LIMIT` when there is none. */
  async hold<T>(create: () => Promise<T>): Promise<T> {
    const count = this.#open + this.#creating;
    if (this.#limit !== null && count >= this.#limit)
      throw new HoldfastError('SESSION_LIMIT', { count, limit: this.#limit });
    this.#creating += 1;
    try {
      return await create();
    } finally {
      this.#creating -= 1;
    }
  }
}
