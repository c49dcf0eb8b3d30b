// All that a machine can come to by a set of events: every state with its context, the steps between them, and the shortest way
// to each. XState's own traversal does the walking.
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode, EventObject } from 'xstate';
import { type AdjacencyMap, getAdjacencyMap } from 'xstate/graph';

interface LifecycleStep {
  readonly event: EventObject;
  readonly to: LifecycleNode;
}

export interface LifecycleNode {
  readonly snapshot: AnyMachineSnapshot;
  /** The state's name; a nested or parallel one as JSON. */
  readonly state: string;
  readonly steps: readonly LifecycleStep[];
  /** The types of the events that lead here from the beginning. */
  readonly path: readonly string[];
}

/** A step of XState's map, whose keys are branded texts. */
type AnyStep = { readonly event: EventObject; readonly state: AnyMachineSnapshot };

interface Growing extends LifecycleNode {
  readonly steps: LifecycleStep[];
  readonly path: string[];
}

export interface GraphOptions {
  readonly machine: AnyStateMachine;
  readonly events: readonly EventObject[];
  readonly input?: unknown;
  readonly identify: (snapshot: AnyMachineSnapshot) => unknown;
  readonly limit: number;
}

/** In the order of their distance from the beginning. */
export function exploreLifecycle(options: GraphOptions): readonly LifecycleNode[] {
  const found = Object.entries(adjacencyOf(options));
  const nodes = new Map<string, Growing>(
    found.map(([key, { state }]) => [key, { snapshot: state, state: stateName(state), steps: [], path: [] }]),
  );
  const keyOf = (snapshot: AnyMachineSnapshot): string => identityOf(options, snapshot);
  for (const [key, { transitions }] of found)
    for (const { event, state } of Object.values<AnyStep>(transitions)) {
      const to = nodes.get(keyOf(state));
      if (to !== undefined) nodes.get(key)?.steps.push({ event, to });
    }
  return inReach([...nodes.values()]);
}

export const stateName = ({ value }: AnyMachineSnapshot): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

/** The events that reach a machine from outside, and those that its own delays and children send it. */
export function eventsIn(snapshot: AnyMachineSnapshot, events: readonly EventObject[]): EventObject[] {
  const nodes = snapshot._nodes as readonly AnyStateNode[];
  const delayed = nodes.flatMap(({ after }) => after.map(({ eventType }) => ({ type: eventType })));
  const ended = nodes.flatMap(({ invoke }) =>
    invoke.flatMap(({ id }) => [{ type: `xstate.done.actor.${id}` }, { type: `xstate.error.actor.${id}` }]),
  );
  return [...events, ...delayed, ...ended];
}

function adjacencyOf(options: GraphOptions): AdjacencyMap<AnyMachineSnapshot, EventObject> {
  const { machine, events, input, limit } = options;
  try {
    return getAdjacencyMap(machine, {
      ...(input !== undefined && { input }),
      events: (snapshot: AnyMachineSnapshot) =>
        snapshot.status === 'active' ? eventsIn(snapshot, events) : [],
      serializeState: (snapshot: AnyMachineSnapshot) => identityOf(options, snapshot),
      limit,
    });
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('limit')) throw error;
    const problem = `${machine.id} has more than ${limit} states: name in \`identify\` what of its context matters`;
    throw new RangeError(problem, { cause: error });
  }
}

const identityOf = ({ identify }: GraphOptions, snapshot: AnyMachineSnapshot): string =>
  JSON.stringify([snapshot.value, snapshot.status, identify(snapshot)]);

function inReach(nodes: readonly Growing[]): readonly LifecycleNode[] {
  const [first] = nodes;
  if (first === undefined) return [];
  const seen = new Set([first]);
  for (const node of seen)
    for (const { event, to } of node.steps) {
      if (seen.has(to as Growing)) continue;
      (to as Growing).path.push(...node.path, event.type);
      seen.add(to as Growing);
    }
  return [...seen];
}
