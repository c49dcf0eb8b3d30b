// How many threads agents may have at once. Who waits is served in turn by group, first come first served within one; one key
// has one thread at most, so that an incarnation never starts beside the thread of the one before.

/** Whose thread it is: one per key, and groups take turns. */
export interface PlaceClaim {
  readonly key: string;
  readonly group: string;
  /** Gives the claim up. */
  readonly signal: AbortSignal;
  /** Hears that there is no place at once. */
  readonly onWait: () => void;
}

interface Waiting extends PlaceClaim {
  /** With the function that gives the place back. */
  grant(release: () => void): void;
}

export class WorkerPlaces {
  readonly max: number;
  readonly #held = new Set<string>();
  /** In the order in which the groups have their turn. */
  readonly #groups = new Map<string, Waiting[]>();
  #whenIdle: (() => void)[] = [];

  constructor(max: number) {
    this.max = max;
  }

  get running(): number {
    return this.#held.size;
  }

  get waiting(): number {
    return [...this.#groups.values()].reduce((sum, group) => sum + group.length, 0);
  }

  /** Resolves with the function that gives the place back; with undefined when the signal was aborted first. */
  take(claim: PlaceClaim): Promise<(() => void) | undefined> {
    if (claim.signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      let isOver = false;
      const settle = (release?: () => void): void => {
        isOver = true;
        claim.signal.removeEventListener('abort', giveUp);
        resolve(release);
      };
      const waiting: Waiting = { ...claim, grant: settle };
      const giveUp = (): void => {
        this.#leave(waiting);
        settle();
      };
      claim.signal.addEventListener('abort', giveUp, { once: true });
      this.#groups.set(claim.group, [...(this.#groups.get(claim.group) ?? []), waiting]);
      this.#serve();
      if (!isOver) claim.onWait();
    });
  }

  /** Resolves when no thread is left. */
  idle(): Promise<void> {
    if (this.#held.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve);
    });
  }

  #serve(): void {
    while (this.#held.size < this.max) {
      const next = this.#next();
      if (next === undefined) return;
      this.#leave(next, true);
      this.#held.add(next.key);
      next.grant(this.#releaseOf(next.key));
    }
  }

  #next(): Waiting | undefined {
    for (const group of this.#groups.values()) {
      const next = group.find(({ key }) => !this.#held.has(key));
      if (next !== undefined) return next;
    }
    return undefined;
  }

  /** A group that was served goes to the end of the line. */
  #leave(waiting: Waiting, isServed = false): void {
    const left = (this.#groups.get(waiting.group) ?? []).filter((each) => each !== waiting);
    if (left.length === 0 || isServed) this.#groups.delete(waiting.group);
    if (left.length > 0) this.#groups.set(waiting.group, left);
  }

  /** Gives back once: the key may have a place anew. */
  #releaseOf(key: string): () => void {
    let isHeld = true;
    return () => {
      if (isHeld) this.#release(key);
      isHeld = false;
    };
  }

  #release(key: string): void {
    this.#held.delete(key);
    this.#serve();
    if (this.#held.size > 0) return;
    const idle = this.#whenIdle;
    this.#whenIdle = [];
    for (const tell of idle) tell();
  }
}
