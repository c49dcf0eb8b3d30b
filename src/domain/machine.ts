// Compiles a flat XState machine to a table, so that a step costs a lookup and not an interpreter. What is compiled is the
// machine's own configuration; a test holds the table and XState's `transition` equal, event by event.
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';

interface StepArgs<Context, Event> {
  readonly context: Context;
  readonly event: Event;
}

/** The guards and actions that the machine names, as plain functions. */
export interface MachineFunctions<Context, Event> {
  /** What a guard takes beside is between it and the edges that name it. */
  readonly guards: Readonly<Record<string, (args: StepArgs<Context, Event>, params: never) => boolean>>;
  /** Each answers with the whole context after the event. */
  readonly assigners: Readonly<Record<string, (args: StepArgs<Context, Event>) => Context>>;
}

/** The state after an event, or the same snapshot when the machine does not take it now. */
export type Advance<Snapshot, Event> = (snapshot: Snapshot, event: Event) => Snapshot;

interface Branch<Context, Event, Snapshot> {
  readonly takes: (args: StepArgs<Context, Event>) => boolean;
  /** A snapshot of the state that it leads to, of which all but the context is taken. */
  readonly target: Snapshot;
  readonly assigner: (args: StepArgs<Context, Event>) => Context;
}

type Table<Branch> = ReadonlyMap<unknown, ReadonlyMap<string, readonly Branch[]>>;

export function compileMachine<
  Snapshot extends AnyMachineSnapshot,
  Context,
  Event extends { readonly type: string },
>(machine: AnyStateMachine, functions: MachineFunctions<Context, Event>): Advance<Snapshot, Event> {
  const table = tableOf<Context, Event, Snapshot>(machine, functions);
  return (snapshot, event) => {
    const branches = table.get(snapshot.value)?.get(event.type);
    if (branches === undefined) return snapshot;
    const args: StepArgs<Context, Event> = { context: snapshot.context, event };
    for (const { takes, target, assigner } of branches)
      if (takes(args)) return inContext(target, assigner(args));
    return snapshot;
  };
}

/** Member by member: a copy of so many members with one changed costs several times as much. */
function inContext<Snapshot extends AnyMachineSnapshot>(
  target: Snapshot,
  context: Snapshot['context'],
): Snapshot {
  const { status, output, error, machine, _nodes, value, tags, children, historyValue } = target;
  const { matches, hasTag, can, getMeta, toJSON } = target;
  // biome-ignore format: in two lines, as they are read
  return { status, output, error, machine, context, _nodes, value, tags, children, historyValue,
    matches, hasTag, can, getMeta, toJSON } as Snapshot;
}

/** What the configuration of an edge may say; anything else cannot be compiled. */
interface EdgeConfig {
  readonly guard?: string | { readonly type: string; readonly params?: unknown };
  readonly target?: string;
  readonly actions: string;
}

type EdgeConfigs = Readonly<Record<string, EdgeConfig | readonly EdgeConfig[]>>;

const machineMembers = ['id', 'context', 'initial', 'states', 'schemas'];
const stateMembers = ['on'];
const edgeMembers = ['guard', 'target', 'actions'];

function tableOf<Context, Event, Snapshot>(
  machine: AnyStateMachine,
  functions: MachineFunctions<Context, Event>,
): Table<Branch<Context, Event, Snapshot>> {
  const { states = {} } = machine.config;
  assertOnly(machineMembers, machine.config, 'the machine');
  const targets = new Map(Object.keys(states).map((name) => [name, snapshotIn<Snapshot>(machine, name)]));
  const rows = Object.entries(states).map(([name, state]) => {
    assertOnly(stateMembers, state, `the state ${name}`);
    const branches = Object.entries((state.on ?? {}) as EdgeConfigs).map(
      ([type, edges]) =>
        [type, [edges].flat().map((edge) => branchOf(name, edge, targets, functions))] as const,
    );
    return [name, new Map(branches)] as const;
  });
  return new Map(rows);
}

function snapshotIn<Snapshot>(machine: AnyStateMachine, value: string): Snapshot {
  return machine.resolveState({ value, context: undefined }) as Snapshot;
}

function branchOf<Context, Event, Snapshot>(
  from: string,
  edge: EdgeConfig,
  targets: ReadonlyMap<string, Snapshot>,
  { guards, assigners }: MachineFunctions<Context, Event>,
): Branch<Context, Event, Snapshot> {
  assertOnly(edgeMembers, edge, `an edge from ${from}`);
  const { type, params } =
    typeof edge.guard === 'object' ? edge.guard : { type: edge.guard, params: undefined };
  return {
    takes: type === undefined ? always : guardOf(named(guards, type), params),
    target: named(Object.fromEntries(targets), edge.target ?? from),
    assigner: named(assigners, edge.actions),
  };
}

const always = (): boolean => true;

function guardOf<Args>(guard: (args: Args, params: never) => boolean, params: unknown) {
  return (args: Args): boolean => guard(args, params as never);
}

function named<T>(all: Readonly<Record<string, T>>, name: string): T {
  const found = all[name];
  if (found === undefined) throw new TypeError(`A machine cannot be compiled: nothing is named ${name}`);
  return found;
}

function assertOnly(known: readonly string[], config: object, where: string): void {
  const unknown = Object.keys(config).filter((member) => !known.includes(member));
  if (unknown.length > 0)
    throw new TypeError(`A machine cannot be compiled: ${where} has ${unknown.join(', ')}`);
}
