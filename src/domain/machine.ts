// Steps an XState machine over an event without an actor: the one place that knows how.
import {
  type ActorScope,
  type AnyActorScope,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
} from 'xstate';

/**
 * The state after `event`, or the same snapshot when the machine does not take it now.
 * This is the machine's own `transition` with a scope that is made once: XState's function of that name builds an
 * actor for every call and costs about three times as much. XState's own events (`xstate.stop`, `xstate.error.…`) are
 * not taken from anybody: they would end the machine.
 */
export function advance<Snapshot extends AnyMachineSnapshot>(
  snapshot: Snapshot,
  event: { type: string },
): Snapshot {
  const { type } = event;
  if (type === '*' || type.startsWith('xstate.')) return snapshot;
  const machine = snapshot.machine as AnyStateMachine;
  return machine.transition(snapshot, event, inertScope) as Snapshot;
}

/** A scope that carries nothing out: the machines of this room have no effects. */
const inertScope: AnyActorScope = captureScope();

function captureScope(): AnyActorScope {
  const scopes: AnyActorScope[] = [];
  const snapshot = { status: 'active', output: undefined, error: undefined } as const;
  createActor({
    getInitialSnapshot(scope: ActorScope<typeof snapshot, { type: string }>) {
      scopes.push(scope as AnyActorScope);
      return snapshot;
    },
    transition: (state) => state,
    getPersistedSnapshot: (state) => state,
  });
  const [scope] = scopes;
  if (scope === undefined) throw new Error('XState made no scope');
  return { ...scope, defer: () => {}, emit: () => {}, actionExecutor: () => {}, stopChild: () => {} };
}
