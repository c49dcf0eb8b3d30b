// OTP's supervisor as a table over plain data, written from its documentation and supervisor.erl: what ours is compared with.
import type { Intensity, RestartPolicy } from '../../src/actor/child-spec.ts';
import type { Strategy } from '../../src/actor/supervision-tree.ts';
import type { Manner } from './reporting-child.ts';

export interface ModelChild {
  readonly id: string;
  readonly restart: RestartPolicy['restart'];
  readonly manner: Manner;
  incarnation: number;
  alive: boolean;
}

export type Reason = 'crash' | 'normal' | 'kill';

/** An end, or a start that failed and is to be tried again. */
interface Message {
  readonly child: ModelChild;
  readonly reason: Reason;
  readonly incarnation: number;
}

export class OtpModel {
  readonly strategy: Strategy;
  readonly intensity: Intensity;
  children: ModelChild[] = [];
  readonly log: string[] = [];
  readonly failing = new Map<string, number>();
  now = 0;
  restarts: number[] = [];
  /** It gave up, or was stopped. */
  over: 'crash' | 'shutdown' | undefined;
  #mailbox: Message[] = [];

  constructor(strategy: Strategy, intensity: Intensity) {
    this.strategy = strategy;
    this.intensity = intensity;
  }

  child(id: string): ModelChild | undefined {
    return this.children.find((child) => child.id === id);
  }

  /** supervisor:start_child/2; also each child of the first start. */
  startChild(id: string, restart: ModelChild['restart'], manner: Manner): 'started' | 'exists' | 'failed' {
    if (this.child(id) !== undefined) return 'exists';
    const child: ModelChild = { id, restart, manner, incarnation: 0, alive: false };
    this.children.push(child);
    if (this.#start(child)) return 'started';
    this.#remove(child);
    return 'failed';
  }

  /** Ends of children that nobody asked for, at the same time; they are heard in this order. */
  ends(ends: readonly { readonly id: string; readonly reason: Reason }[]): void {
    for (const { id, reason } of ends) {
      const child = this.child(id);
      if (child === undefined || !child.alive) continue;
      if (reason === 'kill') this.log.push(`kill ${id} ${child.incarnation}`);
      child.alive = false;
      this.#mailbox.push({ child, reason, incarnation: child.incarnation });
    }
    for (let message = this.#mailbox.shift(); message !== undefined; message = this.#mailbox.shift())
      if (this.over === undefined) this.#hear(message);
  }

  terminateChild(id: string): 'ok' | 'unknown' {
    const child = this.child(id);
    if (child === undefined) return 'unknown';
    this.#terminate(child);
    return 'ok';
  }

  restartChild(id: string): 'started' | 'failed' | 'unknown' | 'running' {
    const child = this.child(id);
    if (child === undefined) return 'unknown';
    if (child.alive) return 'running';
    return this.#start(child) ? 'started' : 'failed';
  }

  deleteChild(id: string): 'ok' | 'unknown' | 'running' {
    const child = this.child(id);
    if (child === undefined) return 'unknown';
    if (child.alive) return 'running';
    this.#remove(child);
    return 'ok';
  }

  stop(): void {
    if (this.over === undefined) this.#end('shutdown');
  }

  #hear({ child, reason, incarnation }: Message): void {
    if (child.incarnation !== incarnation || !this.children.includes(child)) return;
    if (child.restart === 'temporary') this.#remove(child);
    else if (child.restart === 'permanent' || reason !== 'normal') this.#restart(child);
  }

  #restart(first: ModelChild): void {
    if (!this.#mayRestart()) {
      this.#end('crash');
      return;
    }
    const group = this.#groupOf(first);
    for (const child of [...group].reverse()) if (child !== first) this.#terminate(child);
    // What is still in the mailbox about any of these is void.
    this.#mailbox = this.#mailbox.filter(({ child }) => !group.includes(child));
    const failed = group
      .filter((child) => this.children.includes(child))
      .find((child) => !this.#start(child));
    if (failed !== undefined)
      this.#mailbox.push({ child: failed, reason: 'crash', incarnation: failed.incarnation });
  }

  #groupOf(child: ModelChild): readonly ModelChild[] {
    if (this.strategy === 'one_for_one') return [child];
    return this.strategy === 'one_for_all'
      ? this.children
      : this.children.slice(this.children.indexOf(child));
  }

  /** supervisor:add_restart/1. */
  #mayRestart(): boolean {
    const threshold = this.now - this.intensity.periodMs;
    this.restarts = [this.now, ...this.restarts.filter((at) => at >= threshold)];
    return this.restarts.length <= this.intensity.maxRestarts;
  }

  #start(child: ModelChild): boolean {
    child.incarnation += 1;
    const failures = this.failing.get(child.id) ?? 0;
    child.alive = failures === 0;
    if (failures > 0) this.failing.set(child.id, failures - 1);
    this.log.push(`${child.alive ? 'start' : 'fail'} ${child.id} ${child.incarnation}`);
    return child.alive;
  }

  #terminate(child: ModelChild): void {
    if (child.alive)
      this.log.push(`${child.manner === 'deaf' ? 'kill' : 'stop'} ${child.id} ${child.incarnation}`);
    child.alive = false;
    if (child.restart === 'temporary') this.#remove(child);
  }

  #end(over: 'crash' | 'shutdown'): void {
    this.over = over;
    for (const child of [...this.children].reverse()) {
      if (child.alive)
        this.log.push(`${child.manner === 'deaf' ? 'kill' : 'stop'} ${child.id} ${child.incarnation}`);
      child.alive = false;
    }
  }

  #remove(child: ModelChild): void {
    this.children = this.children.filter((each) => each !== child);
  }
}
