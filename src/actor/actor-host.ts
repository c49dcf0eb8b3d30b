// Runs pairs of XState actors so that none of their faults reaches anybody but their owner: a root, and one child that adopts
// the snapshots of a machine. All pairs share one XState system, whose top hears of every end and is harmed by none.
import {
  type ActorLogic,
  type ActorScope,
  type AnyActorRef,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  type InspectionEvent,
  type Observer,
  type Snapshot,
} from 'xstate';
import { toError } from '../base/errors.ts';
import { AdoptingActors } from './adopting-logic.ts';
import type { Exit } from './child-spec.ts';

/** What looks at actors: a function, or an observer, as XState's own `inspect` option takes them. */
export type Inspect = ((event: InspectionEvent) => void) | Pick<Observer<InspectionEvent>, 'next'>;

/** Whose actors they are. */
export interface HostOwner {
  /** The root has erred or was stopped: called once, after XState has done its part. */
  ended(exit: Exit): void;
}

export interface ActorHostOptions {
  /** The name of the system's top. */
  readonly id: string;
  readonly childId: string;
  /** Of which the children adopt snapshots. */
  readonly machine: AnyStateMachine;
  readonly inspect?: Inspect;
}

export class ActorHost {
  readonly #top: ReturnType<typeof createActor>;
  readonly #childId: string;
  readonly #adopting: AdoptingActors;

  constructor({ id, childId, machine, inspect }: ActorHostOptions) {
    this.#childId = childId;
    this.#adopting = new AdoptingActors(machine);
    this.#top = createActor(topLogic, { id, ...(inspect && { inspect: guarded(inspect) }) });
    this.#top.start();
  }

  /** Starts a root and its child, which begins with `snapshot`. */
  start(id: string, snapshot: AnyMachineSnapshot, owner: HostOwner): HostedPair {
    return new HostedPair({ id, childId: this.#childId, parent: this.#top }, this.#adopting, snapshot, owner);
  }

  /** Stops the top; pairs that still live are their owners' to stop. */
  close(): void {
    this.#top.stop();
  }
}

type Plain = Snapshot<undefined>;

const running: Plain = Object.freeze({ status: 'active', output: undefined, error: undefined });
const stopped: Plain = Object.freeze({ status: 'stopped', output: undefined, error: undefined });

/** XState tells a parent of each end. Whoever it concerns has heard of it by then. */
const topLogic: ActorLogic<Plain, AnyEventObject> = {
  transition: (snapshot, { type }) => (type === 'xstate.stop' ? stopped : snapshot),
  getInitialSnapshot: () => running,
  getPersistedSnapshot: (snapshot) => snapshot,
};

interface Place {
  readonly id: string;
  readonly childId: string;
  readonly parent: AnyActorRef;
}

/** A root and its only child; the root's logic is the pair itself. An error of the child is the root's. */
export class HostedPair implements ActorLogic<Plain, AnyEventObject> {
  readonly root: AnyActorRef;
  readonly child: AnyActorRef;
  readonly #adopting: AdoptingActors;
  readonly #owner: HostOwner;
  #ended = false;

  constructor(
    { id, childId, parent }: Place,
    adopting: AdoptingActors,
    snapshot: AnyMachineSnapshot,
    owner: HostOwner,
  ) {
    this.#adopting = adopting;
    this.#owner = owner;
    this.root = createActor<HostedPair>(this, { id, parent });
    this.child = adopting.create(childId, this.root, snapshot);
    this.root.start();
    this.child.start();
  }

  /** Hands the child its next snapshot, with the event that led to it. */
  adopt(event: AnyEventObject, snapshot: AnyMachineSnapshot): void {
    this.#adopting.adopt(this.child, event, snapshot);
  }

  /** Stops root and child; synchronous in XState, and harmless when both have ended. */
  stop(): void {
    // XState leaves the children of one that has erred running.
    for (const actor of [this.root, this.child])
      if (actor.getSnapshot().status === 'active') actor.send(stop);
  }

  transition(snapshot: Plain, event: AnyEventObject, scope: ActorScope<Plain, AnyEventObject>): Plain {
    try {
      const { status, error } = this.child.getSnapshot();
      if (event.type.startsWith('xstate.error.actor.') && status === 'error') throw error;
      if (event.type !== stop.type) return snapshot;
      scope.stopChild(this.child);
      this.#end({ reason: 'shutdown' });
      return stopped;
    } catch (thrown) {
      this.#end({ reason: 'crash', error: toError(thrown) });
      throw thrown;
    }
  }

  getInitialSnapshot(): Plain {
    return running;
  }

  getPersistedSnapshot(snapshot: Plain): Plain {
    return snapshot;
  }

  #end(exit: Exit): void {
    if (this.#ended) return;
    this.#ended = true;
    queueMicrotask(() => this.#owner.ended(exit));
  }
}

const stop = { type: 'xstate.stop' } as const;

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
