// Proofs from the machine's graph: a lifecycle that holds passes, and each way in which one can fail to is named with the events
// that lead there. The session's own lifecycle is among those that hold.
import { describe, expect, test } from 'vitest';
import { assign, createMachine, setup } from 'xstate';
import {
  type SessionStatus,
  sessionMachine,
  sessionStatuses,
} from '../../src/domain/session/session-lifecycle.ts';
import { assertLifecycle, type LifecycleProblem, proveLifecycle } from '../../src/testing/lifecycle-proof.ts';

const order = createMachine({
  id: 'order',
  initial: 'open',
  states: {
    open: { on: { pay: 'paid' }, after: { 1000: 'expired' } },
    paid: { on: { ship: 'sent' }, after: { 1000: 'expired' } },
    sent: { type: 'final' },
    expired: { type: 'final' },
  },
});
const events = [{ type: 'pay' }, { type: 'ship' }];

const kindsOf = (problems: readonly LifecycleProblem[]): string[] => problems.map(({ kind }) => kind);

describe('a lifecycle that holds', () => {
  test('is told with its states and edges, those of its delays too', () => {
    const proof = assertLifecycle({
      ...{ machine: order, events },
      edges: [
        ['open', 'paid'],
        ['open', 'expired'],
        ['paid', 'sent'],
        ['paid', 'expired'],
      ],
    });
    expect(proof.states.toSorted()).toEqual(['expired', 'open', 'paid', 'sent']);
    expect(proof.edges).toHaveLength(4);
    expect(proof.explored).toBe(4);
  });

  test('may be nested, parallel, with counters that are left out', () => {
    const machine = setup({ types: { context: {} as { count: number } } }).createMachine({
      id: 'both',
      context: { count: 0 },
      type: 'parallel',
      on: { tick: { actions: assign({ count: ({ context }) => context.count + 1 }) } },
      states: {
        left: { initial: 'a', states: { a: { on: { go: 'b' } }, b: { on: { back: 'a' } } } },
        right: { initial: 'c', states: { c: { on: { go: 'd' } }, d: { on: { back: 'c' } } } },
      },
    });
    const proof = assertLifecycle({
      ...{ machine, events: [{ type: 'go' }, { type: 'back' }, { type: 'tick' }] },
      identify: () => null,
      hasDeadline: () => true,
    });
    expect(proof.states).toEqual(['{"left":"a","right":"c"}', '{"left":"b","right":"d"}']);
  });

  test("is the session's own", () => {
    const change = (to: SessionStatus, more = {}) => ({
      ...{ type: 'session.statusChanged', stream: 'session/s', seq: 1, at: 1, typeVersion: 1 },
      data: { from: 'active' as const, to, reason: 'r', cause: 'c', ...more },
    });
    const proof = proveLifecycle({
      machine: sessionMachine,
      events: [
        ...sessionStatuses.map((to) => change(to)),
        change('dormant', { resumeTo: 'paused' }),
        { ...change('active'), type: 'session.created' },
      ],
      identify: ({ context: { resumeTo, createdAt } }) => [resumeTo, createdAt],
      resting: ['active', 'idle', 'paused', 'dormant', 'terminated', 'archived', 'deleted'],
      hasDeadline: () => true,
    });
    expect(proof.problems).toEqual([]);
    expect(proof.edges).toHaveLength(19);
    expect(proof.states.toSorted()).toEqual(sessionStatuses.toSorted());
  });
});

describe('a lifecycle that does not hold', () => {
  test('has an edge that is not lawful', () => {
    const { problems } = proveLifecycle({ machine: order, events, edges: [['open', 'paid']] });
    expect(problems).toContainEqual({
      kind: 'unlawfulEdge',
      from: 'paid',
      to: 'sent',
      path: ['pay', 'ship'],
    });
  });

  test('lacks an edge that is lawful', () => {
    const edges = [['sent', 'open']] as const;
    const { problems } = proveLifecycle({ machine: order, events, edges });
    expect(problems).toContainEqual({ kind: 'edgeNeverTaken', from: 'sent', to: 'open' });
  });

  test('has a state that nothing leads to', () => {
    const { problems } = proveLifecycle({ machine: order, events: [{ type: 'pay' }] });
    expect(problems).toEqual([{ kind: 'stateUnreachable', state: 'order.sent' }]);
  });

  test.each([
    ['a Map', new Map([['a', 1]])],
    ['a Date', new Date(0)],
    ['a hole', undefined],
    ['what JSON refuses', 1n],
  ])('keeps in its context what a restore loses: %s', (_, kept) => {
    const machine = setup({ types: { context: {} as { kept: unknown } } }).createMachine({
      ...{ id: 'lossy', context: { kept }, initial: 'a' },
      states: { a: { after: { 10: 'b' } }, b: { type: 'final' } },
    });
    const { problems } = proveLifecycle({ machine, events: [], identify: () => null });
    expect(kindsOf(problems)).toEqual(['restoreDiffers', 'restoreDiffers']);
  });

  test('cannot get out of a state', () => {
    const machine = createMachine({
      ...{ id: 'trap', initial: 'a' },
      states: {
        a: { on: { go: 'b', end: 'c' }, after: { 10: 'c' } },
        b: { on: { again: 'b2' }, after: { 10: 'b2' } },
        b2: { on: { again: 'b' }, after: { 10: 'b' } },
        c: { type: 'final' },
      },
    });
    const { problems } = proveLifecycle({
      machine,
      events: [{ type: 'go' }, { type: 'end' }, { type: 'again' }],
    });
    expect(problems.map((problem) => [problem.kind, 'state' in problem && problem.state])).toEqual([
      ['deadEnd', 'b'],
      ['deadEnd', 'b2'],
    ]);
  });

  test('waits without a deadline, unless the state may last', () => {
    const machine = createMachine({
      ...{ id: 'wait', initial: 'asking' },
      states: { asking: { on: { answer: 'done' } }, done: { type: 'final' } },
    });
    const waiting = { machine, events: [{ type: 'answer' }] };
    expect(proveLifecycle(waiting).problems).toEqual([
      { kind: 'waitWithoutDeadline', state: 'asking', path: [] },
    ]);
    expect(proveLifecycle({ ...waiting, resting: ['asking'] }).problems).toEqual([]);
    expect(() => assertLifecycle(waiting)).toThrow(/wait does not hold:\n- .*"asking"/);
  });

  test('has more states than are looked at: what to do is said', () => {
    const machine = setup({ types: { context: {} as { n: number } } }).createMachine({
      ...{ id: 'counter', context: { n: 0 } },
      on: { tick: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
    });
    const endless = { machine, events: [{ type: 'tick' }], limit: 50 };
    expect(() => proveLifecycle(endless)).toThrow(/counter has more than 50 states: name in `identify`/);
  });
});
