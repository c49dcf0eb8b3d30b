// Runs XState actors so that none of their faults reaches anybody but their supervisor.
import {
  type AnyActorLogic,
  type AnyActorRef,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  type InspectionEvent,
  type Observer,
  setup,
} from 'xstate';
import { toError } from '../base/errors.ts';
import { adoptingLogic } from './adopting-logic.ts';
import type { Exit } from './child-spec.ts';

/** What looks at actors: a function, or an observer, as XState's own `inspect` option takes them. */
export type Inspect = ((event: InspectionEvent) => void) | Pick<Observer<InspectionEvent>, 'next'>;

export interface HostedActor {
  readonly root: AnyActorRef;
  /** The root's only child. */
  readonly child: AnyActorRef;
  /** Settles once, when the root has completed, erred or was stopped. */
  readonly exited: Promise<Exit>;
  /** Stops root and child; synchronous in XState, and harmless when both have ended. */
  stop(): void;
}

/** A root actor in a system of its own, with one child that adopts the snapshots of a machine. */
export type RootLogic = AnyActorLogic;

/** The child's error is not handled by the root on purpose: it becomes the root's, and so the supervisor's. */
export function rootLogic(id: string, childId: string, childMachine: AnyStateMachine): RootLogic {
  return setup({
    types: { input: {} as { snapshot: AnyMachineSnapshot } },
    actors: { child: adoptingLogic(childMachine) as AnyActorLogic },
  }).createMachine({
    id,
    context: ({ input, spawn }) => ({ child: spawn('child', { id: childId, input }) }),
    initial: 'running',
    states: { running: {} },
  });
}

export interface HostOptions {
  readonly id: string;
  readonly childId: string;
  readonly snapshot: AnyMachineSnapshot;
  readonly inspect?: Inspect;
}

/** Starts a root. Its observers are attached before it starts, so that nothing of it can become an uncaught exception. */
export function hostActor(logic: RootLogic, { id, childId, snapshot, inspect }: HostOptions): HostedActor {
  const root = createActor(logic, { id, input: { snapshot }, ...(inspect && { inspect: guarded(inspect) }) });
  const exited = new Promise<Exit>((resolve) => {
    root.subscribe({
      next: () => {},
      error: (error: unknown) => resolve({ reason: 'crash', error: toError(error) }),
      complete: () => resolve({ reason: 'shutdown' }),
    });
  });
  root.start();
  const child = (root.getSnapshot() as AnyMachineSnapshot).children[childId];
  if (child === undefined) throw new Error(`The actor ${id} has no child ${childId}`);
  // A child with an observer of its own and no error callback would report its error as uncaught.
  child.subscribe({ next: () => {}, error: () => {} });
  return {
    root,
    child,
    exited,
    stop() {
      root.stop();
      // XState leaves the children of an errored machine running.
      if (child.getSnapshot().status === 'active') child.send({ type: 'xstate.stop' });
    },
  };
}

/** XState does not guard its inspectors: one that throws loses events, kills the actor or wedges its mailbox. */
export function guarded(inspect: Inspect): (event: InspectionEvent) => void {
  return (event) => {
    try {
      const returned: unknown = typeof inspect === 'function' ? inspect(event) : inspect.next?.(event);
      if (returned instanceof Promise) returned.catch(() => undefined);
    } catch {
      // an inspector that throws harms only itself
    }
  };
}
