// A supervisor by the book of OTP: children in order, one strategy, one intensity for all of them. It does one thing at a time;
// what a child reports meanwhile waits, and is dropped when that incarnation was stopped or replaced before its turn came.
import type { Clock } from '../base/clock.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import { Serial } from '../base/serial.ts';
import { type ChildReport, guardedReport } from './child-report.ts';
import { ChildSlot } from './child-slot.ts';
import {
  type ChildSpec,
  type Exit,
  type Intensity,
  type SupervisedChild,
  systemIntensity,
} from './child-spec.ts';
import { type DownListener, Monitors } from './monitors.ts';
import { judgeRestart, noRestarts, type RestartHistory, type Run } from './restart-verdict.ts';
import type { Strategy, SupervisionNode, SupervisionStatus } from './supervision-tree.ts';
import { killed, unfinishedOf } from './termination.ts';

export interface SupervisorOptions {
  readonly id: string;
  readonly clock: Clock;
  /** Started in this order, stopped in reverse. */
  readonly children: readonly ChildSpec<SupervisedChild>[];
  /** By default one_for_one. */
  readonly strategy?: Strategy;
  /** Of all children together; by default {@link systemIntensity}. The intensity and back-off of a child's policy count for nothing here. */
  readonly intensity?: Intensity;
  readonly report?: (report: ChildReport) => void;
}

type Slot = ChildSlot<SupervisedChild>;

/** OTP restarts at once; what limits a loop is the intensity. */
const noBackOff = { firstMs: 0, longestMs: 0 };

export class Supervisor implements SupervisedChild {
  /** Settles when all children have ended: after `stop`, after `kill`, or with a crash when there were too many restarts. */
  readonly exited: Promise<Exit>;
  readonly #id: string;
  readonly #clock: Clock;
  readonly #strategy: Strategy;
  readonly #intensity: Intensity;
  readonly #report: (report: ChildReport) => void;
  readonly #monitors = new Monitors((id) => this.#livingIncarnation(id));
  readonly #mail = new Serial();
  #end: (exit: Exit) => void = () => {};
  #status: SupervisionStatus = 'starting';
  #slots: readonly Slot[] = [];
  #history: RestartHistory = noRestarts;
  #judgedAt: number;
  #progressed = false;
  #stopped: Promise<void> | undefined;

  /** Starts the children in order. When one fails, those before it are stopped in reverse and its error is thrown. */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    const supervisor = new Supervisor(options);
    await supervisor.#mail.run(() => supervisor.#startAll(options.children));
    return supervisor;
  }

  private constructor({ id, clock, strategy, intensity, report }: SupervisorOptions) {
    this.#id = id;
    this.#clock = clock;
    this.#strategy = strategy ?? 'one_for_one';
    this.#intensity = intensity ?? systemIntensity;
    this.#report = guardedReport(report ?? (() => {}));
    this.#judgedAt = clock.now();
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get status(): SupervisionStatus {
    return this.#status;
  }

  /** In the order in which they are started, those that rest too. */
  ids(): readonly string[] {
    return this.#slots.map(({ spec }) => spec.id);
  }

  /** The child that lives and is not being stopped. */
  find(id: string): SupervisedChild | undefined {
    const slot = this.#slotOf(id);
    return slot?.status === 'running' ? slot.child : undefined;
  }

  /** Adds a child behind all others and starts it. Refused when the id is taken, also by one that rests; a failed start leaves nothing. */
  startChild(spec: ChildSpec<SupervisedChild>): Promise<SupervisedChild> {
    return this.#ask(async () => {
      const known = this.#slotOf(spec.id);
      if (known !== undefined)
        throw new HoldfastError('CHILD_EXISTS', { ...this.#named(spec.id), status: known.status });
      const slot = this.#add(spec);
      try {
        return await slot.start();
      } catch (error) {
        this.#remove(slot);
        throw error;
      }
    });
  }

  /**
   * Stops a child and keeps its place, but for a temporary one. It is not restarted for that; it is by
   * {@link restartChild}, and, as in OTP, together with its siblings when the strategy restarts them.
   */
  terminateChild(id: string): Promise<void> {
    return this.#ask(async () => {
      const slot = this.#getSlot(id);
      await slot.stop();
      if (isTemporary(slot)) this.#remove(slot);
    });
  }

  /** Starts a child that rests; no restart is counted. When it fails, the child goes on resting. */
  restartChild(id: string): Promise<SupervisedChild> {
    return this.#ask(() => this.#getResting(id).start());
  }

  /** Forgets a child that rests. */
  deleteChild(id: string): Promise<void> {
    return this.#ask(async () => this.#remove(this.#getResting(id)));
  }

  /** Tells once of the end of the incarnation that lives now, or at once that none does; the returned function ends it. */
  monitor(id: string, listener: DownListener): () => void {
    return this.#monitors.monitor(id, listener);
  }

  hasProgressed(): boolean {
    return this.#progressed || this.#slots.some((slot) => slot.progressed);
  }

  /** Stops the children in reverse, each within its own `shutdown`; a start that is under way is bounded by the same. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  kill(): void {
    if (this.#status === 'stopped') return;
    this.#status = 'stopped';
    for (const slot of this.#slots.toReversed()) slot.kill();
    this.#end(killed());
  }

  unfinished(): readonly string[] {
    return this.#slots.flatMap(({ spec, child }) =>
      child === undefined ? [] : unfinishedOf(child).map((name) => `${spec.id}/${name}`),
    );
  }

  tree(): SupervisionNode {
    const standing = { id: this.#id, status: this.#status, incarnation: 1, restarts: 0 };
    const children = this.#slots.map((slot) => slot.node());
    return { ...standing, kind: 'supervisor', strategy: this.#strategy, children };
  }

  async #startAll(specs: readonly ChildSpec<SupervisedChild>[]): Promise<void> {
    assertDistinct(specs.map(({ id }) => id));
    try {
      for (const spec of specs) await this.#add(spec).start();
      this.#status = 'running';
    } catch (thrown) {
      await this.#shutDown({ reason: 'crash', error: toError(thrown) });
      throw thrown;
    }
  }

  async #act(slot: Slot, run: Run): Promise<void> {
    if (this.#status === 'running' && slot.isOpen(run)) await this.#judge(slot, run.exit);
  }

  async #judge(slot: Slot, exit: Exit): Promise<void> {
    const now = this.#clock.now();
    const { restart } = slot.spec.policy;
    const policy = { restart, intensity: this.#intensity, backOff: noBackOff };
    const passed = { upMs: now - this.#judgedAt, progressed: true, exit };
    const verdict = judgeRestart(policy, passed, this.#history);
    if (verdict.verdict === 'stop') {
      slot.rest();
      if (isTemporary(slot)) this.#remove(slot);
      return;
    }
    this.#judgedAt = now;
    this.#history = verdict.history;
    if (verdict.verdict === 'restart') await this.#restart(slot);
    else await this.#escalate(slot, verdict.restarts, exit);
  }

  /** Takes down, in reverse, who shares the fate of `slot`, and starts all of them in order. */
  async #restart(slot: Slot): Promise<void> {
    const fellows = this.#fellowsOf(slot);
    for (const fellow of fellows.filter((each) => each !== slot).toReversed()) {
      await fellow.stop();
      if (isTemporary(fellow)) this.#remove(fellow);
    }
    for (const fellow of fellows.filter((each) => !isTemporary(each))) {
      if (this.#status !== 'running') return;
      if (!(await this.#startAgain(fellow))) return;
    }
  }

  /** False when it failed: that counts as a crash of this child, whose turn comes after what waits already. */
  async #startAgain(slot: Slot): Promise<boolean> {
    slot.willRestart(0);
    try {
      await slot.start();
      return true;
    } catch (thrown) {
      const { incarnation } = slot;
      slot.awaitsRestart();
      void this.#mail.run(() => this.#tryAgain(slot, incarnation, toError(thrown)));
      return false;
    }
  }

  async #tryAgain(slot: Slot, failed: number, error: Error): Promise<void> {
    const isDue = slot.status === 'restarting' && slot.incarnation === failed;
    if (this.#status === 'running' && isDue) await this.#judge(slot, { reason: 'crash', error });
  }

  async #escalate(slot: Slot, restarts: number, exit: Exit): Promise<void> {
    const { id } = slot.spec;
    const details = { ...this.#named(id), restarts };
    const cause = exit.reason === 'crash' ? exit.error : undefined;
    const error = new HoldfastError('TOO_MANY_RESTARTS', details, { cause });
    slot.rest();
    this.#report({ type: 'child.givenUp', id, restarts, error: cause ?? error });
    await this.#shutDown({ reason: 'crash', error });
  }

  async #stop(): Promise<void> {
    if (this.#status !== 'stopped') this.#status = 'stopping';
    for (const slot of this.#slots) void slot.boundStart();
    await this.#mail.run(() => this.#shutDown({ reason: 'shutdown' }));
  }

  async #shutDown(exit: Exit): Promise<void> {
    if (this.#status === 'stopped') return;
    this.#status = 'stopping';
    for (const slot of this.#slots.toReversed()) await slot.stop();
    this.#status = 'stopped';
    this.#end(exit);
  }

  #ask<T>(job: () => Promise<T>): Promise<T> {
    return this.#mail.run(async () => {
      const { status } = this;
      if (status !== 'running')
        throw new HoldfastError('SUPERVISOR_NOT_RUNNING', { supervisor: this.#id, status });
      return job();
    });
  }

  #fellowsOf(slot: Slot): readonly Slot[] {
    if (this.#strategy === 'one_for_one') return [slot];
    return this.#strategy === 'one_for_all' ? this.#slots : this.#slots.slice(this.#slots.indexOf(slot));
  }

  #add(spec: ChildSpec<SupervisedChild>): Slot {
    const slot: Slot = new ChildSlot(spec, {
      ...{ clock: this.#clock, monitors: this.#monitors, report: this.#report },
      ended: (child, run) => void this.#mail.run(() => this.#act(child, run)),
    });
    this.#slots = [...this.#slots, slot];
    return slot;
  }

  #remove(slot: Slot): void {
    this.#progressed ||= slot.progressed;
    this.#slots = this.#slots.filter((each) => each !== slot);
  }

  #slotOf(id: string): Slot | undefined {
    return this.#slots.find(({ spec }) => spec.id === id);
  }

  #getSlot(id: string): Slot {
    const slot = this.#slotOf(id);
    if (slot === undefined) throw new HoldfastError('CHILD_NOT_FOUND', this.#named(id));
    return slot;
  }

  #getResting(id: string): Slot {
    const slot = this.#getSlot(id);
    const { status } = slot;
    if (status !== 'stopped') throw new HoldfastError('CHILD_RUNNING', { ...this.#named(id), status });
    return slot;
  }

  #named(id: string): { readonly supervisor: string; readonly child: string } {
    return { supervisor: this.#id, child: id };
  }

  #livingIncarnation(id: string): number | undefined {
    const slot = this.#slotOf(id);
    return slot?.child === undefined ? undefined : slot.incarnation;
  }
}

function isTemporary({ spec }: Slot): boolean {
  return spec.policy.restart === 'temporary';
}

function assertDistinct(ids: readonly string[]): void {
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new TypeError(`Two children of one supervisor have the id ${twice}`);
}
