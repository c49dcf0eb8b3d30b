// A machine whose next snapshot was computed elsewhere: the actor adopts it, so that each event is computed once.
import type { AnyActorRef, AnyEventObject, AnyMachineSnapshot, AnyStateMachine } from 'xstate';

// The snapshot travels beside its event, never in it.
const handedOver = new WeakMap<AnyEventObject, AnyMachineSnapshot>();

/** The machine, for actors that only ever adopt. Events that nobody handed a snapshot over for change nothing, but to stop. */
export function adoptingLogic<Machine extends AnyStateMachine>(machine: Machine): Machine {
  const transition: AnyStateMachine['transition'] = (snapshot, event, scope) => {
    const next = handedOver.get(event);
    if (next !== undefined) return next;
    return event.type === 'xstate.stop' ? machine.transition(snapshot, event, scope) : snapshot;
  };
  return Object.create(machine, {
    transition: { value: transition },
    getInitialSnapshot: {
      value: (_: unknown, input: { readonly snapshot: AnyMachineSnapshot }) => input.snapshot,
    },
    restoreSnapshot: { value: (snapshot: AnyMachineSnapshot) => snapshot },
  }) as Machine;
}

/** Sends `event` to an actor of {@link adoptingLogic}, which becomes `snapshot`. */
export function adopt(actor: AnyActorRef, event: AnyEventObject, snapshot: AnyMachineSnapshot): void {
  handedOver.set(event, snapshot);
  actor.send(event);
}
