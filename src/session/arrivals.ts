// Commands for sessions that are not in memory yet: of one session they arrive one behind the other, as they were sent.

export class Arrivals {
  readonly #last = new Map<string, Promise<unknown>>();

  /** True while a command of this session is on its way: the next one must go behind it. */
  has(sessionId: string): boolean {
    return this.#last.has(sessionId);
  }

  /** Runs `start` behind all that arrived before. Who awaits it goes on before the next one's `start` has run. */
  async arrive<T>(sessionId: string, start: () => Promise<T>): Promise<T> {
    const before = this.#last.get(sessionId) ?? Promise.resolve();
    const started = before.then(start);
    const arrived = started.catch(() => undefined);
    this.#last.set(sessionId, arrived);
    try {
      return await started;
    } finally {
      if (this.#last.get(sessionId) === arrived) this.#last.delete(sessionId);
    }
  }
}
