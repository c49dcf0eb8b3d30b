// A machine whose next snapshot was computed elsewhere: its actors adopt it, so that each event is computed once.
import {
  type AnyActorRef,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
} from 'xstate';

/** The actors of one machine that only ever adopt. Events that nobody handed a snapshot over for change nothing, but to stop. */
export class AdoptingActors {
  readonly #logic: AnyStateMachine;
  // The snapshot travels beside its event, never in it. An actor takes it at once, unless it is just busy with another event.
  #event: AnyEventObject | undefined;
  #snapshot: AnyMachineSnapshot | undefined;
  readonly #inLine = new WeakMap<AnyEventObject, AnyMachineSnapshot>();

  constructor(machine: AnyStateMachine) {
    const transition: AnyStateMachine['transition'] = (snapshot, event, scope) => {
      const next = this.#handedOver(event);
      if (next !== undefined) return next;
      return event.type === 'xstate.stop' ? machine.transition(snapshot, event, scope) : snapshot;
    };
    this.#logic = Object.create(machine, {
      transition: { value: transition },
      getInitialSnapshot: { value: () => this.#snapshot },
      restoreSnapshot: { value: (snapshot: AnyMachineSnapshot) => snapshot },
    });
  }

  /** An actor that begins with `snapshot`, not started yet. */
  create(id: string, parent: AnyActorRef, snapshot: AnyMachineSnapshot): AnyActorRef {
    this.#snapshot = snapshot;
    const actor = createActor(this.#logic, { id, parent });
    this.#snapshot = undefined;
    return actor;
  }

  /** Sends `event` to one of its actors, which becomes `snapshot`. */
  adopt(actor: AnyActorRef, event: AnyEventObject, snapshot: AnyMachineSnapshot): void {
    this.#event = event;
    this.#snapshot = snapshot;
    actor.send(event);
    if (this.#event === event) this.#inLine.set(event, snapshot);
    this.#event = undefined;
    this.#snapshot = undefined;
  }

  #handedOver(event: AnyEventObject): AnyMachineSnapshot | undefined {
    if (event !== this.#event) return this.#inLine.get(event);
    this.#event = undefined;
    return this.#snapshot;
  }
}
