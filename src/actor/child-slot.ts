// One child's place under a supervisor, through all its incarnations: at most one is alive, each end is told once, and what
// an old incarnation still says is nobody's business.
import type { Clock } from '../base/clock.ts';
import type { ChildReport } from './child-report.ts';
import {
  type ChildSpec,
  defaultShutdown,
  type Exit,
  type Shutdown,
  type SupervisedChild,
} from './child-spec.ts';
import { Launch, type LaunchOwner } from './launch.ts';
import type { Monitors } from './monitors.ts';
import type { Run } from './restart-verdict.ts';
import { nodeOf, type SupervisionNode, type SupervisionStatus } from './supervision-tree.ts';
import { killed, killNow, terminate, whenEnded } from './termination.ts';

/** What all slots of a supervisor share. */
export interface SlotSurroundings<Child extends SupervisedChild> {
  readonly clock: Clock;
  readonly monitors: Monitors;
  readonly report: (report: ChildReport) => void;
  /** Hears which child lives from now on, before anybody else does. */
  readonly lives?: (slot: ChildSlot<Child>, child: Child | undefined) => void;
  /** Hears of each end that nobody asked for. */
  readonly ended: (slot: ChildSlot<Child>, run: Run) => void;
}

export class ChildSlot<Child extends SupervisedChild> implements LaunchOwner<Child> {
  readonly spec: ChildSpec<Child>;
  readonly #around: SlotSurroundings<Child>;
  #status: SupervisionStatus = 'stopped';
  #child: Child | undefined;
  #launch: Launch<Child> | undefined;
  #abandonedStart: Promise<void> | undefined;
  #incarnation = 0;
  #restarts = 0;
  #progressed = false;
  /** An end that nobody asked for, until the supervisor has acted on it. */
  #openEnd: Run | undefined;

  constructor(spec: ChildSpec<Child>, around: SlotSurroundings<Child>) {
    this.spec = spec;
    this.#around = around;
  }

  get status(): SupervisionStatus {
    return this.#status;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** The child that lives, also while it is being stopped. */
  get child(): Child | undefined {
    return this.#child;
  }

  /** Settles when a start that was given up has ended, so that a child that came of it late was killed. */
  get abandonedStart(): Promise<void> | undefined {
    return this.#abandonedStart;
  }

  /** True once something of this child, or of one before it, became durable. */
  get progressed(): boolean {
    return this.#progressed || (this.#child !== undefined && progressOf(this.#child));
  }

  /** False from the moment in which the supervisor has acted on this end, or has stopped or started the child meanwhile. */
  isOpen(run: Run): boolean {
    return this.#openEnd === run;
  }

  /** The end has been acted on: the child is not started again. */
  rest(): void {
    this.#openEnd = undefined;
    this.#status = 'stopped';
  }

  /** The next start is a restart. */
  willRestart(afterMs: number): void {
    this.#openEnd = undefined;
    this.#status = 'restarting';
    this.#restarts += 1;
    const { spec, incarnation } = this;
    this.#around.report({ type: 'child.restarting', id: spec.id, incarnation: incarnation + 1, afterMs });
  }

  /** A start that failed is tried once more, when its turn comes. */
  awaitsRestart(): void {
    this.#status = 'restarting';
  }

  start(): Promise<Child> {
    this.#incarnation += 1;
    if (this.#status !== 'restarting') this.#status = 'starting';
    this.#launch = new Launch(this.spec, this.#incarnation, this);
    return this.#launch.started;
  }

  /**
   * Ends the child within its grace, by force if need be, and resolves when it has ended. One that is just starting is
   * stopped as soon as it is there; a start that takes longer than the grace is given up.
   */
  async stop(): Promise<void> {
    const { clock } = this.#around;
    const since = clock.now();
    await this.boundStart();
    const child = this.#child;
    if (child === undefined) {
      this.rest();
      return;
    }
    this.#openEnd = undefined;
    this.#status = 'stopping';
    const { how, exit, abandoned } = await terminate(child, this.#graceLeft(clock.now() - since), clock);
    if (how === 'forced') this.#reportKill(abandoned);
    if (this.#child === child) this.#ended(child, exit, 0);
    if (this.#child === undefined) this.#status = 'stopped';
  }

  /** Gives the start that is under way the grace and no more; resolves when it has settled. */
  async boundStart(): Promise<void> {
    const launched = this.#launch;
    if (launched === undefined) return;
    const { shutdown = defaultShutdown } = this.spec;
    if (shutdown === 'brutal_kill') this.#giveUp(launched);
    const giveUp = (): void => this.#giveUp(launched);
    const cancel = typeof shutdown === 'number' ? this.#around.clock.schedule(shutdown, giveUp) : nothing;
    await launched.started.then(nothing, nothing);
    cancel();
  }

  /** At once: the child is killed, a start is given up, and nothing of either is waited for. */
  kill(): void {
    const child = this.#child;
    this.#openEnd = undefined;
    if (this.#launch !== undefined) this.#giveUp(this.#launch);
    if (child !== undefined) {
      this.#status = 'stopping';
      this.#reportKill(killNow(child));
      this.#ended(child, killed(), 0);
    }
    this.#status = 'stopped';
  }

  node(): SupervisionNode {
    const { spec, status, incarnation } = this;
    return nodeOf({ id: spec.id, status, incarnation, restarts: this.#restarts }, this.#child);
  }

  adopt(child: Child): void {
    const { incarnation, spec } = this;
    const startedAt = this.#around.clock.now();
    this.#launch = undefined;
    this.#child = child;
    this.#status = 'running';
    this.#around.lives?.(this, child);
    this.#around.report({ type: 'child.started', id: spec.id, incarnation });
    whenEnded(child, (exit) => this.#ended(child, exit, this.#around.clock.now() - startedAt));
  }

  failed(): void {
    this.#launch = undefined;
    this.#status = 'stopped';
  }

  #giveUp(launched: Launch<Child>): void {
    this.#reportKill(['start']);
    this.#abandonedStart = launched.abandon();
  }

  #ended(child: Child, exit: Exit, upMs: number): void {
    if (this.#child !== child) return;
    const { spec, incarnation } = this;
    const run = { upMs, progressed: progressOf(child), exit };
    this.#child = undefined;
    this.#around.lives?.(this, undefined);
    this.#progressed ||= run.progressed;
    const asked = this.#status === 'stopping';
    if (!asked) this.#openEnd = run;
    this.#around.report({ type: 'child.exited', id: spec.id, incarnation, exit });
    this.#around.monitors.down({ id: spec.id, incarnation, exit });
    if (this.isOpen(run)) this.#around.ended(this, run);
  }

  #graceLeft(passedMs: number): Shutdown {
    const { shutdown = defaultShutdown } = this.spec;
    return typeof shutdown === 'number' ? Math.max(shutdown - passedMs, 0) : shutdown;
  }

  #reportKill(abandoned: readonly string[]): void {
    const { spec, incarnation } = this;
    this.#around.report({ type: 'child.killed', id: spec.id, incarnation, abandoned });
  }
}

function nothing(): void {}

function progressOf(child: SupervisedChild): boolean {
  try {
    return child.hasProgressed();
  } catch {
    return false;
  }
}
