// The compiled machine takes exactly the steps that XState takes itself, and what cannot be compiled is refused.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AnyStateMachine, assign, createMachine, setup, transition } from 'xstate';
import { compileMachine } from '../../src/domain/machine.ts';
import {
  advanceLifecycle,
  initialLifecycle,
  type LifecycleEvent,
  type LifecycleSnapshot,
  resolveLifecycle,
  sessionMachine,
  sessionStatuses,
} from '../../src/domain/session/session-lifecycle.ts';

const eventTypes = [
  ...new Set(Object.values(sessionMachine.root.states).flatMap(({ ownEvents }) => ownEvents)),
];
const status = fc.constantFrom(...sessionStatuses);
const event = fc.record({
  stream: fc.constant('session/a'),
  seq: fc.nat(),
  at: fc.nat(),
  typeVersion: fc.constant(1),
  type: fc.oneof(
    { weight: 2, arbitrary: fc.constant('session.statusChanged') },
    fc.constantFrom(...eventTypes, 'unknown.event'),
  ),
  data: fc.record(
    {
      from: status,
      to: status,
      reason: fc.string(),
      cause: fc.string(),
      error: fc.string(),
      resumeTo: fc.constantFrom('active' as const, 'paused' as const),
      cleanup: fc.boolean(),
    },
    { requiredKeys: ['from', 'to', 'reason', 'cause'] },
  ),
}) as fc.Arbitrary<LifecycleEvent>;

const context = fc.record({
  createdAt: fc.option(fc.nat()),
  openedAt: fc.option(fc.nat()),
  updatedAt: fc.nat(),
  lastActivityAt: fc.nat(),
  messages: fc.nat(),
  entries: fc.nat(),
  resumeTo: fc.constantFrom('active' as const, 'paused' as const),
  reason: fc.option(fc.string()),
  error: fc.option(fc.string()),
  cleanup: fc.boolean(),
});

function theirStep(snapshot: LifecycleSnapshot, taken: LifecycleEvent): LifecycleSnapshot {
  const [next] = transition(sessionMachine, snapshot, taken);
  return next as LifecycleSnapshot;
}

/** All that a snapshot holds; its functions are those of every snapshot. */
const seen = (snapshot: LifecycleSnapshot): unknown =>
  Object.fromEntries(Object.entries(snapshot).filter(([, member]) => typeof member !== 'function'));

test('a step from any state and context is the one that XState takes itself, in all that a snapshot holds', () => {
  fc.assert(
    fc.property(status, context, event, (from, held, taken) => {
      const snapshot = resolveLifecycle(from, held);
      const [ours, theirs] = [advanceLifecycle(snapshot, taken), theirStep(snapshot, taken)];
      expect(seen(ours)).toEqual(seen(theirs));
      for (const to of sessionStatuses) expect(ours.matches(to)).toBe(theirs.matches(to));
      expect(ours.can(taken)).toBe(theirs.can(taken));
      expect(JSON.stringify(ours)).toBe(JSON.stringify(theirs));
    }),
    { numRuns: 2_000 },
  );
});

test('a whole walk leads to where XState leads', () => {
  fc.assert(
    fc.property(fc.array(event, { size: 'max', maxLength: 60 }), (walk) => {
      const ours = walk.reduce(advanceLifecycle, initialLifecycle);
      const theirs = walk.reduce(theirStep, initialLifecycle);
      expect([ours.value, ours.context]).toEqual([theirs.value, theirs.context]);
    }),
  );
});

test('an event that is not lawful gives back the same snapshot', () => {
  for (const type of ['memory.updated', '*', 'xstate.stop', '__proto__', 'constructor'])
    expect(advanceLifecycle(initialLifecycle, { type } as LifecycleEvent)).toBe(initialLifecycle);
});

const functions = { guards: {}, assigners: { keep: ({ context: held }: { context: object }) => held } };
const on = { go: { actions: 'keep' } };
test.each([
  ['an entry action', { states: { a: { entry: 'keep', on } } }, /the state a has entry/],
  ['states within states', { states: { a: { initial: 'b', states: { b: {} } } } }, /the state a has/],
  ['a delay', { states: { a: { after: { 10: 'a' } } } }, /the state a has after/],
  ['an edge of the whole machine', { states: { a: {} }, on }, /the machine has on/],
  ['an edge that starts over', { states: { a: { on: { go: { ...on.go, reenter: true } } } } }, /has reenter/],
  ['an action that nobody wrote', { states: { a: { on: { go: { actions: 'other' } } } } }, /named other/],
  ['a guard that nobody wrote', { states: { a: { on: { go: { ...on.go, guard: 'x' } } } } }, /named x/],
])('%s cannot be compiled, and is refused by name', (_, config, problem) => {
  const machine = createMachine({ initial: 'a', ...config } as Parameters<typeof createMachine>[0]);
  expect(() => compileMachine(machine as AnyStateMachine, functions)).toThrow(problem);
});

test('a guard without parameters, and the first edge that takes an event, hold as in XState', () => {
  const counted = setup({
    types: { context: {} as { n: number }, events: {} as { type: 'go' } },
    guards: { isEven: ({ context: { n } }) => n % 2 === 0 },
    actions: {
      add: assign(({ context: { n } }) => ({ n: n + 1 })),
      addTen: assign(({ context: { n } }) => ({ n: n + 10 })),
    },
  }).createMachine({
    context: { n: 0 },
    initial: 'a',
    states: {
      a: { on: { go: [{ guard: 'isEven', target: 'b', actions: 'add' }, { actions: 'addTen' }] } },
      b: { on: { go: { target: 'a', actions: 'add' } } },
    },
  });
  const step = compileMachine<ReturnType<typeof counted.resolveState>, { n: number }, { type: 'go' }>(
    counted,
    {
      guards: { isEven: ({ context: { n } }) => n % 2 === 0 },
      assigners: {
        add: ({ context: { n } }) => ({ n: n + 1 }),
        addTen: ({ context: { n } }) => ({ n: n + 10 }),
      },
    },
  );
  for (const n of [0, 1, 2, 3])
    for (const value of ['a', 'b'] as const) {
      const from = counted.resolveState({ value, context: { n } });
      const [theirs] = transition(counted, from, { type: 'go' });
      const ours = step(from, { type: 'go' });
      expect([ours.value, ours.context]).toEqual([theirs.value, theirs.context]);
    }
});
