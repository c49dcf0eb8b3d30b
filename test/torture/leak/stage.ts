// What all leak cycles are played on: a system on a real directory, a clock that can pass and can leap, and the living
// actors of its sessions.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InspectionEvent } from 'xstate';
import type { Clock } from '../../../src/base/clock.ts';
import type { Client } from '../../../src/client/client.ts';
import { createSystem, type System, type SystemOptions } from '../../../src/system.ts';
import { faultyLevel } from '../../../src/testing/faulty-level.ts';
import { type ManualClock, manualClock } from '../../../src/testing/manual-clock.ts';

export type StageOptions = Omit<SystemOptions, 'location' | 'clock' | 'store'>;

/** Calls that are under way at one time. */
const width = 100;

type Actor = InspectionEvent['actorRef'] & { readonly id: string; readonly _parent?: Actor };

export class Stage {
  /** Where the store is; undefined when it is in memory. */
  readonly location: string | undefined;
  readonly clock: ManualClock;
  readonly system: System;
  readonly #names: () => string;
  readonly #leap: (ms: number) => void;
  readonly #contexts: Map<string, WeakRef<InspectionEvent['actorRef']>>;

  /** `prefix` begins the names of all sessions, runs and keys. */
  static async open(where: 'disk' | 'memory', options: StageOptions = {}, prefix = 'leak'): Promise<Stage> {
    const location = where === 'disk' ? mkdtempSync(join(tmpdir(), 'holdfast-leak-')) : undefined;
    const clock = manualClock();
    let [ahead, names] = [0, 0];
    const leaping: Clock = { now: () => clock.now() + ahead, schedule: clock.schedule };
    const contexts = new Map<string, WeakRef<InspectionEvent['actorRef']>>();
    const newName = (): string => `${prefix}-${names++}`;
    const system = await createSystem({
      passivateAfterMs: null,
      newId: newName,
      ...options,
      ...(location === undefined ? { store: faultyLevel().open } : { location }),
      clock: leaping,
      inspect: ({ type, actorRef }) => {
        if (type !== '@xstate.actor') return;
        const { id, _parent: root } = actorRef as Actor;
        if (id === 'context' && root !== undefined && contexts.has(root.id))
          contexts.set(root.id, new WeakRef(actorRef));
      },
    });
    const leap = (ms: number): void => {
      ahead += ms;
    };
    return new Stage({ location, clock, system, contexts, leap, names: newName });
  }

  private constructor(parts: {
    location: string | undefined;
    clock: ManualClock;
    system: System;
    names: () => string;
    leap: (ms: number) => void;
    contexts: Map<string, WeakRef<InspectionEvent['actorRef']>>;
  }) {
    this.location = parts.location;
    this.clock = parts.clock;
    this.system = parts.system;
    this.#names = parts.names;
    this.#leap = parts.leap;
    this.#contexts = parts.contexts;
  }

  get client(): Client {
    return this.system.client;
  }

  newName(): string {
    return this.#names();
  }

  /** It is later at once, and no timer has run yet. */
  leap(ms: number): void {
    this.#leap(ms);
  }

  /** Opens sessions that stay, and whose actors can be crashed. */
  async sessions(count: number): Promise<readonly string[]> {
    const ids = Array.from({ length: count }, () => this.newName());
    for (const id of ids) this.#contexts.set(`session:${id}`, new WeakRef({} as InspectionEvent['actorRef']));
    await Promise.all(ids.map((sessionId) => this.client.sessions.create({ sessionId })));
    return ids;
  }

  crash(sessionId: string): void {
    const context = this.#contexts.get(`session:${sessionId}`)?.deref();
    context?.send({
      get type(): string {
        throw new Error('a fault in the actor');
      },
    });
  }

  /** Runs as many cycles as are asked for, some beside each other; `cycle` is given a number that none had before. */
  async each(count: number, cycle: (n: number) => Promise<unknown>): Promise<void> {
    for (let done = 0; done < count; done += width)
      await Promise.all(Array.from({ length: Math.min(width, count - done) }, (_, i) => cycle(done + i)));
  }

  /** Turns of the event loop until it holds. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Time passes until the work is done. */
  async whileTimePasses(work: Promise<unknown>, stepMs = 10): Promise<void> {
    let over = false;
    const end = (): void => {
      over = true;
    };
    work.then(end, end);
    while (!over) await this.clock.advance(stepMs);
    await work;
  }

  /** The journal forgets what it keeps of the newest events, so that no reading depends on how much that was. */
  async forgetNewest(): Promise<void> {
    const sessionId = this.newName();
    await this.client.sessions.create({ sessionId });
    await this.client.sessions.terminate({ sessionId, cleanup: true });
  }

  remove(): void {
    if (this.location !== undefined) rmSync(this.location, { recursive: true, force: true, maxRetries: 5 });
  }
}
