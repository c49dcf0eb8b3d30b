// A session that may end the process that folds it: whoever wants it waits until it was tried, and hears what came of that.

/** The process before was killed while it folded it, it failed in this one, or it could not be folded the last time. */
export type Suspicion = 'killed' | 'threw' | 'before';

export class Suspect {
  readonly sessionId: string;
  readonly why: Suspicion;
  /** Resolves when it may be folded here, rejects when it may not. */
  readonly tried: Promise<void>;
  /** Somebody waits for it. */
  isWanted = false;
  #refusal: Error | undefined;
  #settle: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  constructor(sessionId: string, why: Suspicion) {
    this.sessionId = sessionId;
    this.why = why;
    this.tried = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.tried.catch(() => undefined);
  }

  /** Why nobody may fold it, once it was tried. */
  get refusal(): Error | undefined {
    return this.#refusal;
  }

  acquit(): void {
    this.#settle?.resolve();
  }

  refuse(error: Error): void {
    this.#refusal ??= error;
    this.#settle?.reject(error);
  }
}
