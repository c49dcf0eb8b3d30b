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
