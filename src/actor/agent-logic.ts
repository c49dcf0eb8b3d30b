// Runs logic that the user brought: any XState actor logic, or an asynchronous function, as a root actor of its own. However
// it ends, whoever started it hears of it once, and nobody else does.
import { type AnyActorLogic, type AnyActorRef, createActor, fromPromise } from 'xstate';
import type { Clock } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import { guarded, type Inspect } from './actor-host.ts';

/** How logic ended: with a result, with an error, or because it was stopped. */
type LogicOutcome =
  | { readonly type: 'done'; readonly output: unknown }
  | { readonly type: 'error'; readonly error: Error }
  | { readonly type: 'stopped' };

export interface RunningLogic {
  readonly outcome: Promise<LogicOutcome>;
  /** Stops the actor and all that it spawned. What its promises still do goes on, and reaches nobody. */
  stop(): void;
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
  const actor = createActor(logic, {
    id,
    input,
    clock: timersOf(clock),
    ...(inspect && { inspect: guarded(inspect) }),
  });
  const outcome = new Promise<LogicOutcome>((resolve) => {
    actor.subscribe({
      next: () => {},
      error: (error: unknown) => resolve({ type: 'error', error: toError(error) }),
      complete: () => resolve(outcomeOf(actor)),
    });
  });
  actor.start();
  return { outcome, stop: () => stopTree(actor) };
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

/** XState leaves the children of an errored machine running, so each is told by itself, the innermost first. */
function stopTree(actor: AnyActorRef): void {
  const children: Readonly<Record<string, AnyActorRef | undefined>> = actor.getSnapshot()?.children ?? {};
  for (const child of Object.values(children)) if (child !== undefined) stopTree(child);
  if (actor.getSnapshot()?.status !== 'active') return;
  if ('stop' in actor && actor._parent === undefined) (actor as { stop(): void }).stop();
  else actor.send({ type: 'xstate.stop' });
}
