// A machine that lives from its events is proven so; one that looks at the clock, throws dice, reads from outside or keeps what no disk
// can hold is found, with the shortest events that show it.
import fc from 'fast-check';
import { assertReplayable, replayDifference } from 'holdfast/testing';
import { describe, expect, test } from 'vitest';
import { type AnyStateMachine, assign, createMachine, setup } from 'xstate';
import { sessionMachine, sessionStatuses } from '../../src/domain/session/session-lifecycle.ts';

const board = setup({
  types: { context: {} as { sum: number; note?: string | undefined } },
  actions: {
    add: assign({
      sum: ({ context, event }) => ((context.sum * 3) % 9973) + ((event as { n?: number }).n ?? 0),
    }),
  },
}).createMachine({
  id: 'board',
  type: 'parallel',
  context: { sum: 1, note: undefined },
  on: { add: { actions: 'add' } },
  states: {
    light: {
      initial: 'off',
      states: { off: { on: { flip: 'on' } }, on: { on: { flip: 'off' }, after: { 1000: 'off' } } },
    },
    page: {
      initial: 'one',
      states: {
        one: { on: { turn: 'two' } },
        two: { on: { turn: 'three', leave: '#board.page.away' } },
        three: { always: { guard: ({ context }) => context.sum > 1000, target: 'one' }, on: { turn: 'one' } },
        away: { on: { back: 'again' } },
        again: { type: 'history', history: 'deep', target: 'one' },
      },
    },
  },
});

const events = [
  { type: 'add', n: 1 },
  { type: 'add', n: 2 },
  ...['flip', 'turn', 'leave', 'back'].map((type) => ({ type })),
];

/** A machine that does it with each `go`. */
const doing = (make: (before: unknown) => unknown): AnyStateMachine =>
  createMachine({
    id: 'impure',
    context: { kept: null } as { kept: unknown },
    on: { go: { actions: assign({ kept: ({ context }) => make(context.kept) }) }, rest: {} },
  });

describe('a machine that lives from its events alone', () => {
  test('is proven: parallel, with history, guards, delays and what is undefined', () => {
    const proof = assertReplayable({ machine: board, events, runs: 20 });
    expect(proof.runs).toBe(20);
    expect(proof.events).toBeGreaterThan(200);
  });

  test('is proven by events that are made by chance, and by those of a fast-check arbitrary', () => {
    const add = fc.record({ type: fc.constant('add'), n: fc.nat(9) });
    assertReplayable({ machine: board, events: fc.sample(add, 30), runs: 5 });
    const machine = board;
    assertReplayable({
      machine,
      events: (random) => ({ type: 'add', n: Math.floor(random() * 9) }),
      runs: 20,
    });
    fc.assert(fc.property(fc.array(add), (list) => replayDifference(board, list) === undefined));
  });

  test('is proven for the lifecycle of a session', () => {
    const changes = sessionStatuses.map((to) => ({
      ...{ type: 'session.statusChanged', stream: 'session/s', seq: 1, at: 7, typeVersion: 1 },
      data: { to, reason: 'asked', cause: 'command' },
    }));
    assertReplayable({ machine: sessionMachine as AnyStateMachine, events: changes, runs: 30, length: 12 });
  });
});

describe('a machine that does not is found', () => {
  let outside = 0;
  const things: readonly (readonly [string, (before: unknown) => unknown])[] = [
    ['the clock', () => Date.now()],
    ['a date', () => new Date().toISOString()],
    ['time since the start', () => performance.now()],
    ['chance', () => Math.random()],
    ['what stands outside of its state', () => ++outside],
    ['what no disk can hold: a Map', () => new Map()],
    ['what no disk can hold: a number that is none', () => Number.NaN],
  ];

  test.each(things)('%s, by one event', (_, make) => {
    const options = { machine: doing(make), events: [{ type: 'rest' }, { type: 'go' }], runs: 20 };
    expect(() => assertReplayable(options)).toThrow('after [{"type":"go"}]');
  });

  test('though it throws only in one of its lives', () => {
    let lives = 0;
    const machine = doing(() => {
      lives += 1;
      if (lives === 2) throw new Error('the second time');
      return 1;
    });
    expect(() => assertReplayable({ machine, events: [{ type: 'go' }], runs: 5 })).toThrow(
      'cannot be replayed',
    );
  });

  test('and the clock of the process is as it was', () => {
    const { now } = Date;
    expect(() => assertReplayable({ machine: doing(() => Date.now()), events: [{ type: 'go' }] })).toThrow();
    expect(Date.now).toBe(now);
  });
});
