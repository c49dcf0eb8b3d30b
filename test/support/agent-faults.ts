// Every point at which XState logic that a user brought can fail by itself, each as an agent whose clock must pass 10 ms first.
// Each fails in its first incarnation and waits in every later one.
import { type AnyActorLogic, assign, emit, fromCallback, fromPromise, sendTo, setup } from 'xstate';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';

export interface AgentFault {
  /** What fails. */
  readonly name: string;
  readonly logic: AnyActorLogic;
  /** A part of the message that the run ends with. */
  readonly problem?: string;
}

export const boom = 'the fault of the test';

/** Throws in an agent's first incarnation only. */
const failing =
  (isFirst: () => boolean) =>
  <Value>(value?: Value): Value | undefined => {
    if (isFirst()) throw new Error(boom);
    return value;
  };

type Fail = ReturnType<typeof failing>;

const base = setup({
  types: { input: {} as AgentContext, context: {} as { n: number }, events: {} as { type: string } },
});

type Config = Parameters<typeof base.createMachine>[0];

/** Without a context of its own it counts from 0. */
const inner = (config: object): AnyActorLogic =>
  base.createMachine({ context: { n: 0 }, ...config } as Config);

/** A machine whose incarnation is known before anything of it can fail: its logic is asked for its input first. */
function logicOf(make: (fail: Fail) => AnyActorLogic): AnyActorLogic {
  let incarnation = 0;
  const logic = make(failing(() => incarnation < 2));
  return Object.create(logic, {
    getInitialSnapshot: {
      value: (scope: unknown, input: AgentContext) => {
        incarnation = input.session.incarnation;
        return Reflect.apply(logic.getInitialSnapshot, logic, [scope, input]);
      },
    },
  }) as AnyActorLogic;
}

const machine = (make: (fail: Fail) => object): AnyActorLogic => logicOf((fail) => inner(make(fail)));

/** Waits 10 ms, then does what `go` says. */
const later = (make: (fail: Fail) => object): AnyActorLogic =>
  machine((fail) => ({
    initial: 'waiting',
    states: { waiting: { after: { 10: make(fail) } }, gone: {} },
  }));

/** Waits 10 ms and then is in the state of which only the rest is given. */
const entering = (make: (fail: Fail) => object): AnyActorLogic =>
  machine((fail) => ({
    initial: 'waiting',
    states: { waiting: { after: { 10: 'next' } }, next: make(fail), gone: {} },
  }));

const invoking = (make: (fail: Fail) => AnyActorLogic, more: object = {}): AnyActorLogic =>
  entering((fail) => ({ invoke: { id: 'child', src: make(fail) }, ...more }));

export const agentFaults: readonly AgentFault[] = [
  { name: 'an entry action', logic: entering((fail) => ({ entry: () => void fail() })) },
  {
    name: 'an exit action',
    logic: machine((fail) => ({
      initial: 'waiting',
      states: { waiting: { after: { 10: 'gone' }, exit: () => void fail() }, gone: {} },
    })),
  },
  {
    name: 'an action',
    logic: machine((fail) => ({
      initial: 'waiting',
      states: {
        waiting: { after: { 10: 'next' } },
        next: { always: { target: 'gone', actions: () => void fail() } },
        gone: {},
      },
    })),
  },
  { name: 'an assign', logic: later((fail) => ({ actions: assign({ n: () => fail(1) ?? 0 }) })) },
  {
    name: 'a guard',
    logic: later((fail) => ({ target: 'gone', guard: () => fail(true) })),
    problem: 'Unable to evaluate guard',
  },
  {
    name: 'a guard of an always transition',
    logic: entering((fail) => ({ always: { target: 'gone', guard: () => fail(true) } })),
  },
  {
    name: 'an output',
    logic: machine((fail) => ({
      initial: 'waiting',
      states: { waiting: { after: { 10: 'end' } }, end: { type: 'final' } },
      output: () => fail(1),
    })),
  },
  { name: 'an action after a delay', logic: later((fail) => ({ actions: () => void fail() })) },
  {
    name: 'the expression of an emit',
    logic: later((fail) => ({ actions: emit(() => fail({ type: 'x' }) ?? { type: 'x' }) })),
  },
  {
    name: 'the expression of a sendTo',
    logic: later((fail) => ({
      actions: sendTo(
        ({ self }) => self,
        () => fail({ type: 'x' }) ?? { type: 'x' },
      ),
    })),
  },
  { name: 'a context factory', logic: machine((fail) => ({ context: () => fail({ n: 0 }) ?? { n: 0 } })) },
  {
    name: 'an assign at the start',
    logic: machine((fail) => ({ entry: assign({ n: () => fail(1) ?? 0 }) })),
  },
  { name: 'a promise that rejects', logic: invoking((fail) => fromPromise(async () => fail(1))) },
  {
    name: 'a promise that throws at once',
    logic: invoking((fail) => fromPromise(() => Promise.resolve(fail(1)))),
  },
  { name: 'a callback that throws at once', logic: invoking((fail) => fromCallback(() => void fail())) },
  {
    name: 'a callback as it receives an event',
    logic: invoking((fail) => fromCallback(({ receive }) => receive(() => void fail())), {
      entry: sendTo('child', { type: 'x' }),
    }),
  },
  {
    name: 'the disposer of a callback that is left',
    logic: invoking((fail) => fromCallback(() => () => void fail()), { after: { 10: 'gone' } }),
  },
  {
    name: 'a grandchild',
    logic: invoking((fail) => inner({ invoke: { id: 'grandchild', src: fromPromise(async () => fail(1)) } })),
  },
  {
    name: 'a child whose own children go on',
    logic: invoking((fail) =>
      inner({ invoke: { src: fromCallback(() => () => {}) }, entry: () => void fail() }),
    ),
  },
  {
    name: 'transitions that never come to rest',
    logic: machine((fail) => ({
      initial: 'waiting',
      states: {
        waiting: { after: { 10: 'a' } },
        a: { always: { target: 'b', guard: () => loops(fail) } },
        b: { always: 'a' },
      },
      options: { maxIterations: 100 },
    })),
    problem: 'Infinite loop detected',
  },
  {
    name: 'a promise as the agent itself',
    logic: logicOf((fail) => fromPromise(async () => fail(1))),
  },
  { name: 'a callback as the agent itself', logic: logicOf((fail) => fromCallback(() => void fail())) },
];

function loops(fail: Fail): boolean {
  try {
    fail();
    return false;
  } catch {
    return true;
  }
}
