// Runs logic that the user brought: any XState actor logic, or an asynchronous function, as a root actor of its own. However
// it ends, whoever started it hears of it once, and nobody else does.
import { type AnyActorLogic, type AnyActorRef, createActor, fromPromise, type InspectionEvent } from 'xstate';
import type { Clock } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import { guarded, type Inspect } from './actor-host.ts';

/** How logic ended: with a result, with an error, or because it was stopped. */
export type LogicOutcome =
  /** `unfit` says why there is no output that can be kept. */
  | { readonly type: 'done'; readonly output: unknown; readonly unfit?: Error }
  | { readonly type: 'error'; readonly error: Error }
  | { readonly type: 'stopped' };

export interface RunningLogic {
  readonly outcome: Promise<LogicOutcome>;
  /** Stops the actor and all that it spawned. What its promises still do goes on, and reaches nobody. */
  stop(reason: Error): void;
  /** Only of logic that can be ended by force: the outcome then follows when it has. */
  kill?(): void;
}

/** An asynchronous function as logic; what it throws at once is a rejection too. */
export function functionLogic(run: (input: unknown) => Promise<unknown>): AnyActorLogic {
  return fromPromise(({ input }) => run(input));
}

export interface LogicOptions {
  readonly id: string;
  readonly input: unknown;
  readonly clock: Clock;
  readonly inspect?: Inspect;
}

export function runLogic(logic: AnyActorLogic, { id, input, clock, inspect }: LogicOptions): RunningLogic {
  const actors = new SpawnedActors();
  const look = inspect === undefined ? () => {} : guarded(inspect);
  const actor = createActor(logic, {
    id,
    input,
    clock: timersOf(clock),
    inspect(event) {
      actors.note(event);
      look(event);
    },
  });
  const outcome = new Promise<LogicOutcome>((resolve) => {
    actor.subscribe({
      next: () => {},
      error: (error: unknown) => resolve({ type: 'error', error: toError(error) }),
      complete: () => resolve(outcomeOf(actor)),
    });
  });
  actor.start();
  return { outcome, stop: () => actors.stop() };
}

function outcomeOf(actor: AnyActorRef): LogicOutcome {
  const { status, output } = actor.getSnapshot();
  return status === 'done' ? { type: 'done', output } : { type: 'stopped' };
}

/** The machine's delays run on the clock of the system, which keeps delays of any length. */
function timersOf(clock: Clock) {
  return {
    setTimeout: (task: () => void, delayMs: number): (() => void) => clock.schedule(delayMs, task),
    clearTimeout: (cancel: () => void): void => cancel(),
  };
}

/** So many are kept before those that have ended are forgotten. */
const leastKept = 32;

/**
 * All actors of one run. XState leaves the children of an errored machine running, and once that machine was let go nobody
 * finds them any more.
 */
class SpawnedActors {
  #actors: AnyActorRef[] = [];
  #limit = leastKept;

  note({ type, actorRef }: InspectionEvent): void {
    if (type !== '@xstate.actor') return;
    if (this.#actors.length >= this.#limit) {
      this.#actors = this.#actors.filter(isActive);
      this.#limit = Math.max(leastKept, 2 * this.#actors.length);
    }
    this.#actors.push(actorRef as AnyActorRef);
  }

  /** In the order in which they came: a parent takes its children along, and cannot bring any of them back. */
  stop(): void {
    for (const actor of this.#actors) {
      if (!isActive(actor)) continue;
      if ('stop' in actor && actor._parent === undefined) (actor as { stop(): void }).stop();
      else actor.send({ type: 'xstate.stop' });
    }
  }
}

function isActive(actor: AnyActorRef): boolean {
  return actor.getSnapshot()?.status === 'active';
}
