// One job at a time, in the order in which they were given.

export class Serial {
  #tail: Promise<unknown> = Promise.resolve();

  /** Runs `job` after all earlier ones have settled; a failed job does not stop the next. */
  run<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(job, job);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

/** The same under each key; keys are beside each other. */
export class SerialByKey {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Runs `job` after all earlier ones under `key` have settled, at once where there are none. */
  run<T>(key: string, job: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const result = before === undefined ? job() : before.then(job);
    const tail: Promise<unknown> = result.then(nothing, nothing).then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
    return result;
  }
}

function nothing(): void {}
