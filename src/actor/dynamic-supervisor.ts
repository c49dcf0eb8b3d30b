// Children on demand, one per id, each restarted on its own account (one_for_one): a sibling's crash is nobody else's.
import type { Clock } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import { type ChildReport, guardedReport } from './child-report.ts';
import { ChildSlot, type SlotSurroundings } from './child-slot.ts';
import type { ChildSpec, SupervisedChild } from './child-spec.ts';
import { type DownListener, Monitors } from './monitors.ts';
import { judgeRestart, noRestarts, type RestartHistory, type Run } from './restart-verdict.ts';
import { StormBreaker } from './storm-breaker.ts';
import type { SupervisionNode } from './supervision-tree.ts';

export type { ChildReport } from './child-report.ts';

export interface DynamicSupervisorOptions {
  /** Its name in the supervision tree. */
  readonly id?: string;
  /** How many children are active, for the storm breaker: by default those that it holds. */
  readonly activeChildren?: () => number;
}

interface Place<Child extends SupervisedChild> {
  readonly slot: ChildSlot<Child>;
  /** Set before the start is awaited: two callers never start two children. */
  running: Promise<Child>;
  history: RestartHistory;
  /** Set from the moment in which it is to stop; settles when it has. */
  stopped: Promise<void> | undefined;
  /** Ends the wait before a restart. */
  endWait: () => void;
}

export class DynamicSupervisor<Child extends SupervisedChild> {
  readonly #clock: Clock;
  readonly #id: string;
  readonly #report: (report: ChildReport) => void;
  readonly #places = new Map<string, Place<Child>>();
  /** Who is found under an id: the way over its place would touch twice as much memory. */
  readonly #living = new Map<string, Child>();
  /** Starts that were given up and go on: until they end nobody else may live under their id. */
  readonly #abandonedStarts = new Map<string, Promise<void>>();
  readonly #monitors = new Monitors((id) => this.#livingIncarnation(id));
  readonly #stormBreaker: StormBreaker;

  readonly #around: SlotSurroundings<Child>;

  constructor(
    clock: Clock,
    report: (report: ChildReport) => void,
    { id = 'dynamic', activeChildren = () => this.size }: DynamicSupervisorOptions = {},
  ) {
    this.#clock = clock;
    this.#id = id;
    this.#report = guardedReport(report);
    this.#stormBreaker = new StormBreaker(clock, activeChildren);
    this.#around = {
      ...{ clock, monitors: this.#monitors, report: this.#report },
      lives: (slot, child) => this.#lives(slot, child),
      ended: (slot, run) => this.#ended(slot, run),
    };
  }

  get size(): number {
    return this.#places.size;
  }

  ids(): IterableIterator<string> {
    return this.#places.keys();
  }

  /** The living child, or undefined while there is none, it is between two incarnations, or it is being stopped. */
  find(id: string): Child | undefined {
    return this.#living.get(id);
  }

  /** As {@link find}, but also while it is being stopped: its name is its own until it has ended. */
  findAlive(id: string): Child | undefined {
    return this.#places.get(id)?.slot.child;
  }

  /** True while there is a place of this id: its child lives, starts, waits for its restart or is being stopped. */
  has(id: string): boolean {
    return this.#places.has(id);
  }

  /** How many restarts its account holds, of those that its policy counts; 0 for one that is not here. */
  restartsOf(id: string): number {
    return this.#places.get(id)?.history.failures.length ?? 0;
  }

  /**
   * The child of this id: the one that lives, the one that is starting, or a new one, behind one that is being stopped and
   * behind a start that was given up but goes on. A failed first start rejects.
   */
  start(spec: ChildSpec<Child>): Promise<Child> {
    const known = this.#places.get(spec.id);
    const before = known === undefined ? this.#abandonedStarts.get(spec.id) : known.stopped;
    if (before !== undefined) return before.then(() => this.start(spec));
    return known?.running ?? this.#startFirst(spec);
  }

  /** Stops the child within its `shutdown` and forgets it; resolves when it has ended or was killed. Never rejects. */
  async stop(id: string): Promise<void> {
    const place = this.#places.get(id);
    if (place === undefined) return;
    this.#living.delete(id);
    place.stopped ??= this.#stop(place);
    await place.stopped;
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#places.keys()].reverse().map((id) => this.stop(id)));
  }

  /** Kills all children at once and forgets them; nothing is waited for. */
  killAll(): void {
    for (const place of [...this.#places.values()].reverse()) {
      this.#living.delete(place.slot.spec.id);
      place.stopped ??= Promise.resolve();
      place.endWait();
      place.slot.kill();
      this.#forget(place);
    }
  }

  /** Tells once of the end of the incarnation that lives now, or at once that none does; the returned function ends it. */
  monitor(id: string, listener: DownListener): () => void {
    return this.#monitors.monitor(id, listener);
  }

  /** Copies what it knows of each child: O(children). */
  tree(): SupervisionNode {
    const children = [...this.#places.values()].map(({ slot }) => slot.node());
    const standing = { id: this.#id, status: 'running', incarnation: 1, restarts: 0 } as const;
    return { ...standing, kind: 'supervisor', strategy: 'one_for_one', children };
  }

  #startFirst(spec: ChildSpec<Child>): Promise<Child> {
    const slot = new ChildSlot(spec, this.#around);
    const running = slot.start();
    const place: Place<Child> = {
      slot,
      running,
      history: noRestarts,
      stopped: undefined,
      endWait: nothing,
    };
    this.#places.set(spec.id, place);
    place.running = running.catch((error: unknown) => {
      this.#forget(place);
      throw error;
    });
    return place.running;
  }

  async #stop(place: Place<Child>): Promise<void> {
    place.endWait();
    // Who waited for it hears that by itself; here it is only its end that counts.
    place.running.catch(() => undefined);
    await place.slot.stop();
    this.#forget(place);
  }

  #lives(slot: ChildSlot<Child>, child: Child | undefined): void {
    const { id } = slot.spec;
    const place = this.#places.get(id);
    if (place?.slot !== slot || place.stopped !== undefined) return;
    if (child === undefined) this.#living.delete(id);
    else this.#living.set(id, child);
  }

  /** Of a slot that has left its place nothing is heard any more. */
  #ended(slot: ChildSlot<Child>, run: Run): void {
    const place = this.#places.get(slot.spec.id);
    if (place?.slot === slot) this.#follow(place, run);
  }

  #follow(place: Place<Child>, run: Run): void {
    if (place.stopped !== undefined) return;
    const { slot } = place;
    const verdict = judgeRestart(slot.spec.policy, run, place.history);
    if (verdict.verdict === 'stop') {
      this.#forget(place);
      return;
    }
    place.history = verdict.history;
    if (verdict.verdict === 'giveUp') this.#giveUp(place, verdict.restarts, run);
    else {
      place.running = this.#restart(place, verdict.afterMs);
      place.running.catch(() => undefined);
    }
  }

  #giveUp(place: Place<Child>, restarts: number, { exit }: Run): void {
    const error = exit.reason === 'crash' ? exit.error : new Error('it ended too often');
    this.#forget(place);
    this.#report({ type: 'child.givenUp', id: place.slot.spec.id, restarts, error });
  }

  async #restart(place: Place<Child>, afterMs: number): Promise<Child> {
    place.slot.willRestart(afterMs);
    await this.#wait(place, afterMs);
    await this.#waitOutStorm(place);
    if (place.stopped !== undefined) throw new Error('it was stopped before it was started again');
    try {
      return await place.slot.start();
    } catch (thrown) {
      const error = toError(thrown);
      this.#follow(place, { upMs: 0, progressed: false, exit: { reason: 'crash', error } });
      if (place.stopped === undefined && this.#places.get(place.slot.spec.id) === place) return place.running;
      throw error;
    }
  }

  /** Asked when its back-off is over, so that the turns are given in the order of time. */
  async #waitOutStorm(place: Place<Child>): Promise<void> {
    if (place.stopped !== undefined) return;
    const afterMs = this.#stormBreaker.pace();
    if (afterMs === 0) return;
    const { slot } = place;
    this.#report({ type: 'child.paced', id: slot.spec.id, incarnation: slot.incarnation + 1, afterMs });
    await this.#wait(place, afterMs);
  }

  async #wait(place: Place<Child>, ms: number): Promise<void> {
    if (ms === 0 || place.stopped !== undefined) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.schedule(ms, resolve);
      place.endWait = () => {
        cancel();
        resolve();
      };
    });
  }

  #livingIncarnation(id: string): number | undefined {
    const slot = this.#places.get(id)?.slot;
    return slot?.child === undefined ? undefined : slot.incarnation;
  }

  #forget(place: Place<Child>): void {
    const { spec, abandonedStart } = place.slot;
    if (this.#places.get(spec.id) !== place) return;
    this.#places.delete(spec.id);
    this.#living.delete(spec.id);
    if (abandonedStart === undefined) return;
    this.#abandonedStarts.set(spec.id, abandonedStart);
    void abandonedStart.then(() => this.#abandonedStarts.delete(spec.id));
  }
}

function nothing(): void {}
