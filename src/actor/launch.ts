// A start that is under way. It can be given up: then it rejects, and a child that comes of it later is killed at once.
import type { ChildSpec, SupervisedChild } from './child-spec.ts';
import { killNow } from './termination.ts';

/** Who waits for the child; told before anybody else that it is there, or that it will not come. */
export interface LaunchOwner<Child> {
  adopt(child: Child): void;
  failed(): void;
}

export class Launch<Child extends SupervisedChild> {
  /** Settles when the child has been adopted, or will not come. */
  readonly started: Promise<Child>;
  readonly #owner: LaunchOwner<Child>;
  readonly #arrived: Promise<void>;
  #resolve: (child: Child) => void = nothing;
  #reject: (error: unknown) => void = nothing;
  #over = false;

  constructor(spec: ChildSpec<Child>, incarnation: number, owner: LaunchOwner<Child>) {
    this.#owner = owner;
    this.started = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#arrived = begun(spec, incarnation).then(
      (child) => this.#arrive(child),
      (error: unknown) => this.#fail(error),
    );
  }

  /** Gives it up; resolves when nothing can come of it any more. */
  abandon(): Promise<void> {
    this.#fail(new Error('the start took too long and was given up'));
    return this.#arrived;
  }

  #arrive(child: Child): void {
    if (this.#over) {
      killNow(child);
      return;
    }
    this.#over = true;
    this.#owner.adopt(child);
    this.#resolve(child);
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.failed();
    this.#reject(error);
  }
}

/** A start that throws before it returns a promise is a start that failed. */
function begun<Child extends SupervisedChild>(spec: ChildSpec<Child>, incarnation: number): Promise<Child> {
  try {
    return spec.start(incarnation);
  } catch (error) {
    return Promise.reject(error);
  }
}

function nothing(): void {}
