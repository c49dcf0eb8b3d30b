// The table of states and edges, whole: what is lawful is lawful, and everything else changes nothing.
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { LawEvent } from '../../src/domain/law.ts';
import type { SessionCommand } from '../../src/domain/session/session-commands.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import {
  advanceLifecycle,
  initialLifecycle,
  type LifecycleEvent,
  resolveLifecycle,
  type SessionStatus,
  sessionMachine,
  sessionStatuses,
} from '../../src/domain/session/session-lifecycle.ts';
import { initialSession, type SessionState, statusOf } from '../../src/domain/session/session-state.ts';
import { lives, openedAt, reason } from '../support/session-states.ts';

/** From each row to the columns marked `x`; `p` and `a` need `resumeTo` to be paused or active. */
const edges = `
             | initializing | active | idle | paused | dormant | terminating | terminated | archived | deleted
initializing |              | x      |      |        |         |             | x          |          |
active       |              |        | x    | x      | x       | x           |            |          |
idle         |              | x      |      | x      | x       | x           |            |          |
paused       |              | x      |      |        | p       | x           |            |          |
dormant      |              | a      |      | p      |         | x           |            |          |
terminating  |              |        |      |        |         |             | x          |          |
terminated   |              |        |      |        |         |             |            | x        |
archived     |              |        |      |        |         |             |            |          | x
deleted      |              |        |      |        |         |             |            |          |
`;

type ResumeTo = 'active' | 'paused';

const rows = edges.trim().split('\n').slice(1);
const cells = rows.flatMap((row, i) =>
  row
    .split('|')
    .slice(1)
    .map((cell, j) => ({ from: sessionStatuses[i], to: sessionStatuses[j], mark: cell.trim() })),
);

const stateIn = (status: SessionStatus, resumeTo: ResumeTo): SessionState => ({
  ...initialSession('session/s1'),
  lifecycle: resolveLifecycle(status, { ...initialLifecycle.context, updatedAt: openedAt, resumeTo }),
});

/** To dormant, `resumeTo` is said by the event; from dormant, it is known from the way there. */
const edgeEvent = (from: SessionStatus, to: SessionStatus, resumeTo: ResumeTo): LawEvent => ({
  ...{ stream: 'session/s1', seq: 2, at: openedAt + 1, type: 'session.statusChanged', typeVersion: 1 },
  data: { from, to, reason: 'because', cause: 'test', ...(to === 'dormant' && { resumeTo }) },
});

const isLawful = (mark: string, resumeTo: ResumeTo): boolean =>
  mark === 'x' || (mark === 'p' && resumeTo === 'paused') || (mark === 'a' && resumeTo === 'active');

describe('the lifecycle', () => {
  test('has nine states, and nineteen edges between them', () => {
    expect(cells).toHaveLength(81);
    expect(cells.filter(({ mark }) => mark !== '')).toHaveLength(19);
    expect(Object.keys(sessionMachine.root.states)).toEqual(sessionStatuses);
  });

  describe.each(['active', 'paused'] as const)('with a way back to %s', (resumeTo) => {
    test.each(cells)('from $from to $to: "$mark"', ({ from = 'active', to = 'active', mark }) => {
      const state = stateIn(from, resumeTo);
      const event = edgeEvent(from, to, resumeTo);
      const next = sessionLaw.evolve(state, event);
      if (isLawful(mark, resumeTo)) {
        expect(next && statusOf(next)).toBe(to);
        expect(next?.lifecycle.context).toMatchObject({ updatedAt: event.at, reason: 'because' });
      } else {
        expect(next).toBeUndefined();
        expect(advanceLifecycle(state.lifecycle, event as LifecycleEvent)).toBe(state.lifecycle);
        expect(sessionLaw.explain(state, event)).toEqual({
          code: 'INVALID_TRANSITION',
          details: { sessionId: 's1', from, to, hint: expect.any(String) },
        });
      }
    });
  });

  test.each([
    { type: 'session.wake', reason },
    { type: 'memory.set', key: 'k', value: 1 },
  ] satisfies SessionCommand[])(
    'forgets a way back to paused that was gone: $type then leads to active',
    (command) => {
      const life = lives.dormantPaused();
      life.decide({ type: 'session.resume', reason }, openedAt);
      life.decide({ type: 'session.fallQuiet', to: 'idle', at: openedAt }, openedAt);
      life.decide(command, openedAt);
      expect(life.status).toBe('active');
      life.decide({ type: 'session.hibernate', reason }, openedAt);
      life.decide(command, openedAt);
      expect(life.status).toBe('active');
    },
  );

  test('takes no event to a status that there is not', () => {
    for (const to of ['recovering', 'quarantined', '', '__proto__', 'constructor']) {
      for (const status of sessionStatuses) {
        const event = edgeEvent(status, to as SessionStatus, 'active');
        expect(sessionLaw.evolve(stateIn(status, 'active'), event)).toBeUndefined();
      }
    }
  });

  test('takes a second creation in no status', () => {
    const [, { event } = { event: undefined }] = lives.active().steps;
    expect(event?.type).toBe('session.created');
    for (const make of Object.values(lives)) {
      if (event !== undefined) expect(sessionLaw.evolve(make().state, event)).toBeUndefined();
    }
  });

  test.each([
    'xstate.stop',
    'xstate.init',
    'xstate.error.actor.x',
    'xstate.done.actor.x',
    'toString',
    '*',
    '',
  ])('takes no event of the type "%s", in no status', (type) => {
    for (const status of sessionStatuses) {
      const event = { ...edgeEvent(status, 'idle', 'active'), type };
      expect(sessionLaw.evolve(stateIn(status, 'active'), event)).toBeUndefined();
    }
  });
});

describe('the machine', () => {
  const nodes = [sessionMachine.root, ...Object.values(sessionMachine.root.states)];

  test('starts nothing and waits for nothing by itself, in no state', () => {
    for (const node of nodes) {
      const { invoke, after, always, entry, exit } = node;
      expect({ state: node.key, invoke, after, always, entry, exit }).toEqual({
        ...{ state: node.key, invoke: [], after: [], always: undefined, entry: [], exit: [] },
      });
    }
    expect(nodes.slice(1).flatMap((node) => Object.keys(node.states))).toEqual([]);
  });

  test('has no actors and no delays, and its actions only assign', () => {
    const { actors, delays, actions } = sessionMachine.implementations;
    expect({ actors, delays }).toEqual({ actors: {}, delays: {} });
    const types = Object.values(actions).map((action) => (action as unknown as { type: string }).type);
    expect(new Set(types)).toEqual(new Set(['xstate.assign']));
    const named = nodes
      .flatMap((node) => [...node.transitions.values()].flat())
      .flatMap(({ actions }) => actions);
    expect(named.length).toBeGreaterThan(30);
    for (const action of named) expect(Object.keys(actions)).toContain(action);
  });

  describe('without clock, timers and chance', () => {
    afterEach(() => {
      vi.restoreAllMocks();
      vi.unstubAllGlobals();
    });

    test('leads the same life', () => {
      const touched: string[] = [];
      const forbid = (name: string) => () => {
        touched.push(name);
        return 0;
      };
      vi.spyOn(Date, 'now').mockImplementation(forbid('Date.now'));
      vi.spyOn(Math, 'random').mockImplementation(forbid('Math.random'));
      vi.spyOn(performance, 'now').mockImplementation(forbid('performance.now'));
      for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']) {
        vi.stubGlobal(name, forbid(name));
      }
      const statuses = Object.values(lives).map((make) => make().status);
      vi.unstubAllGlobals();
      expect(touched).toEqual([]);
      expect(new Set(statuses)).toEqual(new Set(sessionStatuses));
    });
  });
});
