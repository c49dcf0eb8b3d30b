// A whole system for one test: a disk in memory that fails on command, a clock that stands still, ids that count. Sessions
// can be crashed as a real fault crashes them, and the process can die and come back over the same data.
import type { InspectionEvent } from 'xstate';
import { guarded } from '../actor/actor-host.ts';
import type { Clock } from '../base/clock.ts';
import type { TelemetryEvent } from '../base/telemetry.ts';
import type { Client } from '../client/client.ts';
import type { OpenStore } from '../journal/level-store.ts';
import { createSystem, type System, type SystemOptions } from '../system.ts';
import { type FaultyLevel, faultyLevel } from './faulty-level.ts';
import { type ManualClock, manualClock } from './manual-clock.ts';

/** The options of a system, but for those that a test system brings along. */
export interface TestSystemOptions extends Omit<SystemOptions, 'location' | 'store' | 'clock' | 'newId'> {
  /** Where the clock begins, in milliseconds since the epoch; 2026-01-01T00:00:00Z by default. */
  readonly startMs?: number;
}

export interface TestSystem {
  /** The running system: another one after each restart. */
  readonly system: System;
  /** Its client. */
  readonly client: Client;
  readonly clock: ManualClock;
  /** The disk below it: make its writes fail, hold them back, or look at what is stored. */
  readonly disk: FaultyLevel;
  /** All that was reported, restarts included. */
  readonly telemetry: readonly TelemetryEvent[];
  /**
   * Kills a session that is in memory by an error within its context actor, or its root actor. Its supervisor hears of it
   * as of any other fault. Throws a RangeError when the session has no living actors.
   */
  crash(sessionId: string, error?: Error, actor?: 'context' | 'root'): void;
  /**
   * Makes the session manager fail by an error within its actor, and all its sessions with it. The supervisor starts it
   * again, up to three times in five seconds; once more, and the system has failed. Throws a RangeError while there is no
   * manager that lives.
   */
  crashManager(error?: Error): void;
  /**
   * Ends the system and opens it again over the same data. `close` ends it in order. `kill` leaves what a dead process
   * leaves: nothing is settled, what was on its way is written or not, and calls that were waiting may never be answered.
   */
  restart(how?: 'close' | 'kill'): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A system for a test, with nothing on a disk and no time but the test's.
 *
 * @example
 * ```ts
 * await using test = await createTestSystem();
 * const { sessionId } = await test.client.sessions.create({});
 * test.crash(sessionId);
 * await test.client.messages.send({ sessionId, role: 'user', content: 'Still there?' });
 * ```
 */
export async function createTestSystem(options: TestSystemOptions = {}): Promise<TestSystem> {
  const { startMs, onTelemetry, inspect, ...rest } = options;
  const clock = manualClock(startMs);
  const disk = faultyLevel();
  const telemetry: TelemetryEvent[] = [];
  const actors = new LivingActors();
  const heartbeats = beatsInMemory();
  const look = inspect === undefined ? () => {} : guarded(inspect);
  let ids = 0;
  const start = (): Promise<Boot> =>
    boot(disk.open, clock, {
      // A test counts its writes, and its clock jumps over days.
      scrubEveryMs: 0,
      heartbeats,
      ...rest,
      newId: () => `id-${++ids}`,
      onTelemetry(event) {
        telemetry.push(event);
        onTelemetry?.(event);
      },
      inspect(event) {
        actors.note(event);
        look(event);
      },
    });
  let running = await start();
  const close = (): Promise<void> => running.system.close();
  return {
    get system() {
      return running.system;
    },
    get client() {
      return running.system.client;
    },
    clock,
    disk,
    telemetry,
    crash: (sessionId, error = new Error('a fault in the actor'), actor = 'context') =>
      actors.crash(sessionId, actor, error),
    crashManager: (error = new Error('a fault in the manager')) => actors.crashManager(error),
    async restart(how = 'close') {
      if (how === 'close') await running.system.close();
      else {
        running.die();
        await disk.crash();
      }
      running = await start();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** What the process before noted of its life is there after its death. */
function beatsInMemory(): NonNullable<SystemOptions['heartbeats']> {
  let newest: Awaited<ReturnType<NonNullable<SystemOptions['heartbeats']>['read']>>;
  return {
    read: async () => newest,
    async write(beat) {
      newest = beat;
    },
  };
}

interface Boot {
  readonly system: System;
  /** From now on it can neither open the disk nor hear of time. */
  die(): void;
}

async function boot(
  open: OpenStore,
  clock: Clock,
  options: Omit<SystemOptions, 'store' | 'clock'>,
): Promise<Boot> {
  let alive = true;
  const ownClock: Clock = {
    now: () => clock.now(),
    ...(clock.elapsed !== undefined && { elapsed: () => clock.elapsed?.() ?? 0 }),
    schedule: (delayMs, task) =>
      clock.schedule(delayMs, () => {
        if (alive) task();
      }),
  };
  const store: OpenStore = () => (alive ? open() : Promise.reject(new Error('the process is dead')));
  const system = await createSystem({ ...options, store, clock: ownClock });
  return {
    system,
    die() {
      alive = false;
    },
  };
}

type Actor = InspectionEvent['actorRef'] & { readonly id: string; readonly _parent?: Actor };

/** The newest actors of each session, and of their manager, as an inspector sees them come. */
class LivingActors {
  readonly #roots = new Map<string, Actor>();
  readonly #contexts = new WeakMap<Actor, Actor>();
  #manager: Actor | undefined;

  note({ type, actorRef }: InspectionEvent): void {
    if (type !== '@xstate.actor') return;
    const actor = actorRef as Actor;
    if (actor.id === 'session-manager') this.#manager = actor;
    else if (actor.id.startsWith('session:')) this.#roots.set(actor.id, actor);
    else if (actor.id === 'context' && actor._parent !== undefined) this.#contexts.set(actor._parent, actor);
  }

  crash(sessionId: string, which: 'context' | 'root', error: Error): void {
    const root = this.#roots.get(`session:${sessionId}`);
    const actor = which === 'root' ? root : root && this.#contexts.get(root);
    if (actor?.getSnapshot().status !== 'active') throw new RangeError(`${sessionId} has no living actors`);
    actor.send(poisonOf(error));
  }

  crashManager(error: Error): void {
    if (this.#manager?.getSnapshot().status !== 'active') throw new RangeError('no session manager lives');
    this.#manager.send(poisonOf(error));
  }
}

/** No machine can look at its type and live; an inspector may write it down. */
function poisonOf(error: Error): { readonly type: string; toJSON(): object } {
  return {
    get type(): string {
      throw error;
    },
    toJSON: () => ({ type: 'crash', problem: error.message }),
  };
}
