// What can be proven of a lifecycle from its machine alone, for any XState machine: that it has no edge but the lawful ones, that
// a crash and a restore lose nothing in any state, and that nothing waits for ever.
import { isDeepStrictEqual } from 'node:util';
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
  createActor,
  type EventObject,
} from 'xstate';
import { eventsIn, exploreLifecycle, type LifecycleNode, stateName } from './lifecycle-graph.ts';

export interface LifecycleProofOptions {
  readonly machine: AnyStateMachine;
  /** The events to try in every state, with the data that its guards look at. Delays and ends of invoked actors are tried by themselves. */
  readonly events: readonly EventObject[];
  /** What the machine is started with, where it takes an input. */
  readonly input?: unknown;
  /** The edges between states that are lawful, `[from, to]`; when given, each must be there and no other. */
  readonly edges?: readonly (readonly [from: string, to: string])[];
  /** States that may last for ever, beside the final ones. */
  readonly resting?: readonly string[];
  /** True for a state that something outside of the machine will end: a deadline that is kept in its context, for one. */
  readonly hasDeadline?: (snapshot: AnyMachineSnapshot) => boolean;
  /** What of a snapshot makes it another one, beside its state; the whole context by default. Leave out counters and times. */
  readonly identify?: (snapshot: AnyMachineSnapshot) => unknown;
  /** The most states with their contexts that are looked at; 10,000 by default. */
  readonly limit?: number;
}

/** `path` is the types of the events that lead there, the shortest way. */
export type LifecycleProblem =
  | {
      readonly kind: 'unlawfulEdge';
      readonly from: string;
      readonly to: string;
      readonly path: readonly string[];
    }
  | { readonly kind: 'edgeNeverTaken'; readonly from: string; readonly to: string }
  | { readonly kind: 'stateUnreachable'; readonly state: string }
  | {
      readonly kind: 'restoreDiffers';
      readonly state: string;
      readonly path: readonly string[];
      readonly problem: string;
    }
  | { readonly kind: 'deadEnd'; readonly state: string; readonly path: readonly string[] }
  | { readonly kind: 'waitWithoutDeadline'; readonly state: string; readonly path: readonly string[] };

export interface LifecycleProof {
  /** The states that were reached. */
  readonly states: readonly string[];
  /** The edges between different states that were taken. */
  readonly edges: readonly (readonly [from: string, to: string])[];
  /** States and contexts that were looked at. */
  readonly explored: number;
  /** Empty when everything holds. */
  readonly problems: readonly LifecycleProblem[];
}

/**
 * Explores the machine and says what does not hold. Runs no action and starts no actor.
 *
 * @throws RangeError when there are more states than `limit`.
 */
export function proveLifecycle(options: LifecycleProofOptions): LifecycleProof {
  const { machine, events, input, identify = ({ context }) => context, limit = 10_000 } = options;
  const nodes = exploreLifecycle({ machine, events, input, identify, limit });
  const edges = edgesOf(nodes);
  return {
    states: [...new Set(nodes.map(({ state }) => state))],
    edges: [...edges.values()].map(({ from, to }) => [from, to]),
    explored: nodes.length,
    problems: [
      ...edgeProblems(edges, options.edges),
      ...unreachable(machine, nodes),
      ...nodes.flatMap((node) => restoreProblem(options, node) ?? []),
      ...deadEnds(nodes, options),
      ...endlessWaits(nodes, options),
    ],
  };
}

/**
 * As {@link proveLifecycle}, for a test: throws an Error that names every problem and the events that lead to it.
 */
export function assertLifecycle(options: LifecycleProofOptions): LifecycleProof {
  const proof = proveLifecycle(options);
  if (proof.problems.length === 0) return proof;
  const lines = proof.problems.map((problem) => `- ${JSON.stringify(problem)}`);
  throw new Error(`The lifecycle of ${options.machine.id} does not hold:\n${lines.join('\n')}`);
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly path: readonly string[];
}

const nameOf = (from: string, to: string): string => `${from} -> ${to}`;

function edgesOf(nodes: readonly LifecycleNode[]): ReadonlyMap<string, Edge> {
  const edges = new Map<string, Edge>();
  for (const { state: from, steps, path } of nodes)
    for (const { event, to } of steps) {
      const name = nameOf(from, to.state);
      if (from === to.state || edges.has(name)) continue;
      edges.set(name, { from, to: to.state, path: [...path, event.type] });
    }
  return edges;
}

function edgeProblems(
  taken: ReadonlyMap<string, Edge>,
  lawful: LifecycleProofOptions['edges'],
): LifecycleProblem[] {
  if (lawful === undefined) return [];
  const names = new Set(lawful.map(([from, to]) => nameOf(from, to)));
  return [
    ...[...taken]
      .filter(([name]) => !names.has(name))
      .map(([, edge]) => ({ kind: 'unlawfulEdge', ...edge }) as const),
    ...lawful
      .filter(([from, to]) => !taken.has(nameOf(from, to)))
      .map(([from, to]) => ({ kind: 'edgeNeverTaken', from, to }) as const),
  ];
}

function unreachable(machine: AnyStateMachine, nodes: readonly LifecycleNode[]): LifecycleProblem[] {
  const reached = new Set(
    nodes.flatMap(({ snapshot }) => (snapshot._nodes as readonly AnyStateNode[]).map(({ id }) => id)),
  );
  const all = (node: AnyStateNode): AnyStateNode[] => [node, ...Object.values(node.states).flatMap(all)];
  return all(machine.root)
    .filter(({ id, type }) => type !== 'history' && !reached.has(id))
    .map(({ id }) => ({ kind: 'stateUnreachable', state: id }));
}

/** What is stored and read back must be the same state, and go on in the same way. */
function restoreProblem(
  { machine, events }: LifecycleProofOptions,
  node: LifecycleNode,
): LifecycleProblem | undefined {
  const { snapshot, state, path } = node;
  const differs = (problem: string): LifecycleProblem => ({ kind: 'restoreDiffers', state, path, problem });
  try {
    const restored = restore(machine, snapshot);
    if (stateName(restored) !== state) return differs(`it comes back in ${stateName(restored)}`);
    if (restored.status !== snapshot.status) return differs(`it comes back as ${restored.status}`);
    if (!isDeepStrictEqual(restored.context, snapshot.context))
      return differs('its context comes back as another');
    const other = eventsIn(snapshot, events).find((event) => snapshot.can(event) !== restored.can(event));
    return other && differs(`it takes ${other.type} in one of the two only`);
  } catch (error) {
    return differs(error instanceof Error ? error.message : String(error));
  }
}

function restore(machine: AnyStateMachine, snapshot: AnyMachineSnapshot): AnyMachineSnapshot {
  const stored = JSON.parse(JSON.stringify(machine.getPersistedSnapshot(snapshot)));
  return createActor(machine, { snapshot: stored }).getSnapshot() as AnyMachineSnapshot;
}

/** From everywhere there must be a way to a state that may last. */
function deadEnds(
  nodes: readonly LifecycleNode[],
  { resting = [] }: LifecycleProofOptions,
): LifecycleProblem[] {
  const ends = new Set(nodes.filter((node) => lasts(node, resting)));
  if (ends.size === 0) return [];
  for (let grew = true; grew; ) {
    const before = ends.size;
    for (const node of nodes) if (node.steps.some(({ to }) => ends.has(to))) ends.add(node);
    grew = ends.size > before;
  }
  return nodes.filter((node) => !ends.has(node)).map(({ state, path }) => ({ kind: 'deadEnd', state, path }));
}

function endlessWaits(
  nodes: readonly LifecycleNode[],
  { resting = [], hasDeadline = () => false }: LifecycleProofOptions,
): LifecycleProblem[] {
  return nodes
    .filter((node) => !lasts(node, resting) && !hasDelay(node.snapshot) && !hasDeadline(node.snapshot))
    .map(({ state, path }) => ({ kind: 'waitWithoutDeadline', state, path }));
}

const lasts = ({ snapshot, state }: LifecycleNode, resting: readonly string[]): boolean =>
  snapshot.status !== 'active' || resting.includes(state);

const hasDelay = ({ _nodes }: AnyMachineSnapshot): boolean =>
  (_nodes as readonly AnyStateNode[]).some(({ after }) => after.length > 0);
