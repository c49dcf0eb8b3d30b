// Commands for sessions that are not in memory yet: of one session they arrive one behind the other, as they were sent.

export class Arrivals {
  readonly #last = new Map<string, Promise<unknown>>();

  /** True while a command of this session is on its way: the next one must go behind it. */
  has(sessionId: string): boolean {
    return this.#last.has(sessionId);
  }

  /** Runs `start` behind all that arrived before, and `deliver` before the next one's `start`. */
  async arrive<Started, Answer>(
    sessionId: string,
    start: () => Promise<Started>,
    deliver: (started: Started) => Promise<Answer>,
  ): Promise<Answer> {
    const started = this.#last.get(sessionId)?.then(start) ?? start();
    const arrived = started.catch(() => undefined);
    this.#last.set(sessionId, arrived);
    try {
      return deliver(await started);
    } finally {
      // At once, and not before it was delivered: a command that comes in between would overtake it.
      if (this.#last.get(sessionId) === arrived) this.#last.delete(sessionId);
    }
  }
}
