// Children on demand, one per id, each restarted on its own account (one_for_one): a sibling's crash is nobody else's.
import type { Clock } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import type { ChildSpec, Exit, SupervisedChild } from './child-spec.ts';
import { judgeRestart, noRestarts, type RestartHistory } from './restart-verdict.ts';

/** What the supervisor reports of its children; each end once, with the incarnation that ended. */
export type ChildReport =
  | { readonly type: 'child.started'; readonly id: string; readonly incarnation: number }
  | { readonly type: 'child.exited'; readonly id: string; readonly incarnation: number; readonly exit: Exit }
  | {
      readonly type: 'child.restarting';
      readonly id: string;
      readonly incarnation: number;
      readonly afterMs: number;
    }
  | { readonly type: 'child.givenUp'; readonly id: string; readonly restarts: number; readonly error: Error };

interface Place<Child extends SupervisedChild> {
  readonly spec: ChildSpec<Child>;
  /** Set before the start is awaited: two callers never start two children. */
  running: Promise<Child>;
  child: Child | undefined;
  incarnation: number;
  history: RestartHistory;
  /** Set from the moment in which it is to stop; settles when it has. */
  stopped: Promise<void> | undefined;
  /** Ends the wait before a restart. */
  endWait: () => void;
}

export class DynamicSupervisor<Child extends SupervisedChild> {
  readonly #clock: Clock;
  readonly #report: (report: ChildReport) => void;
  readonly #places = new Map<string, Place<Child>>();

  constructor(clock: Clock, report: (report: ChildReport) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  get size(): number {
    return this.#places.size;
  }

  ids(): IterableIterator<string> {
    return this.#places.keys();
  }

  /** The living child, or undefined while there is none, it is between two incarnations, or it is being stopped. */
  find(id: string): Child | undefined {
    const place = this.#places.get(id);
    return place?.stopped === undefined ? place?.child : undefined;
  }

  /**
   * The child of this id: the one that lives, the one that is starting, or a new one, behind one that is being stopped.
   * A failed first start rejects.
   */
  start(spec: ChildSpec<Child>): Promise<Child> {
    const known = this.#places.get(spec.id);
    if (known?.stopped !== undefined) return known.stopped.then(() => this.start(spec));
    if (known !== undefined) return known.running;
    const place: Place<Child> = {
      spec,
      running: spec.start(1),
      child: undefined,
      incarnation: 1,
      history: noRestarts,
      stopped: undefined,
      endWait: () => {},
    };
    this.#places.set(spec.id, place);
    place.running = place.running.then(
      (child) => this.#adopt(place, child),
      (error: unknown) => {
        this.#places.delete(spec.id);
        throw error;
      },
    );
    return place.running;
  }

  /** Stops the child and forgets it; resolves when it has ended. */
  async stop(id: string): Promise<void> {
    const place = this.#places.get(id);
    if (place === undefined) return;
    place.stopped ??= this.#stop(place);
    await place.stopped;
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#places.keys()].reverse().map((id) => this.stop(id)));
  }

  async #stop(place: Place<Child>): Promise<void> {
    place.endWait();
    try {
      const child = await place.running.catch(() => undefined);
      await child?.stop();
    } finally {
      this.#forget(place);
    }
  }

  #adopt(place: Place<Child>, child: Child): Child {
    const { incarnation, spec } = place;
    const startedAt = this.#clock.now();
    place.child = child;
    this.#report({ type: 'child.started', id: spec.id, incarnation });
    void child.exited.then((exit) => this.#ended(place, child, exit, this.#clock.now() - startedAt));
    return child;
  }

  #ended(place: Place<Child>, child: Child, exit: Exit, upMs: number): void {
    const { spec, incarnation } = place;
    place.child = undefined;
    this.#report({ type: 'child.exited', id: spec.id, incarnation, exit });
    const run = { upMs, progressed: child.hasProgressed(), exit };
    if (place.stopped === undefined) this.#follow(place, run);
  }

  #follow(place: Place<Child>, run: Parameters<typeof judgeRestart>[1]): void {
    const { spec } = place;
    const verdict = judgeRestart(spec.policy, run, place.history);
    if (verdict.verdict === 'stop') {
      this.#forget(place);
      return;
    }
    place.history = verdict.history;
    if (verdict.verdict === 'giveUp') {
      const error = run.exit.reason === 'crash' ? run.exit.error : new Error('it ended too often');
      this.#forget(place);
      this.#report({ type: 'child.givenUp', id: spec.id, restarts: verdict.restarts, error });
      return;
    }
    place.running = this.#restart(place, verdict.afterMs);
    place.running.catch(() => undefined);
  }

  async #restart(place: Place<Child>, afterMs: number): Promise<Child> {
    place.incarnation += 1;
    const { spec, incarnation } = place;
    this.#report({ type: 'child.restarting', id: spec.id, incarnation, afterMs });
    if (afterMs > 0) await this.#wait(place, afterMs);
    if (place.stopped !== undefined) throw new Error('it was stopped before it was started again');
    try {
      return this.#adopt(place, await spec.start(incarnation));
    } catch (thrown) {
      const error = toError(thrown);
      if (place.stopped !== undefined) throw error;
      this.#follow(place, { upMs: 0, progressed: false, exit: { reason: 'crash', error } });
      if (this.#places.get(spec.id) === place) return place.running;
      throw error;
    }
  }

  #wait(place: Place<Child>, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.schedule(ms, resolve);
      place.endWait = () => {
        cancel();
        resolve();
      };
    });
  }

  #forget(place: Place<Child>): void {
    if (this.#places.get(place.spec.id) === place) this.#places.delete(place.spec.id);
  }
}
