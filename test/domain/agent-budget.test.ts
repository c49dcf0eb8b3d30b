// The budget of a run as tables: what counts, what is forgiven, what nothing resets, and that a sibling's events are none of it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AgentBudget,
  exhaustedBy,
  narrowed,
  noAccount,
  type RestartReason,
  type RunAccount,
  wholeBudget,
  withProgress,
  withStart,
  withSurvival,
  withUsage,
  withWait,
} from '../../src/domain/agent/agent-budget.ts';
import { decideAgent } from '../../src/domain/agent/agent-decisions.ts';
import type { AgentRun } from '../../src/domain/agent/agent-runs.ts';
import type { LawEvent } from '../../src/domain/law.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import type { SessionState } from '../../src/domain/session/session-state.ts';
import { lives, startOf } from '../support/session-states.ts';

type Step = RestartReason | 'progress' | 'survival' | 'wait' | readonly [tokens: number, cost: number];

const spentBy = (steps: readonly Step[]): RunAccount =>
  steps.reduce<RunAccount>((account, step) => {
    if (step === 'progress') return withProgress(account);
    if (step === 'survival') return withSurvival(account);
    if (step === 'wait') return withWait(account);
    if (typeof step !== 'string') return withUsage(account, { tokens: step[0], cost: step[1] });
    return withStart(account, step);
  }, noAccount);

const times = <T>(count: number, step: T): T[] => Array.from({ length: count }, () => step);

const small: AgentBudget = {
  ...{ tokens: 100, cost: 10, totalTokens: 300, totalCost: 30 },
  ...{ restartsWithoutProgress: 3, lifetimeRestarts: 8, rateLimitWaits: 2 },
};

describe('one more start is granted up to the number, and not once more', () => {
  test.each<[Step[], RestartReason, string | undefined, number?]>([
    [[], 'crashed', undefined],
    [times(2, 'crashed'), 'crashed', undefined],
    [times(3, 'crashed'), 'crashed', 'restartsWithoutProgress', 3],
    [times(3, 'process'), 'process', 'restartsWithoutProgress', 3],
    [['crashed', 'process', 'crashed'], 'process', 'restartsWithoutProgress', 3],
    [['process', 'process', 'survival', 'process'], 'process', undefined],
    [['crashed', 'crashed', 'survival', 'crashed'], 'crashed', 'restartsWithoutProgress', 3],
    [[...times(3, 'crashed' as const), 'progress'], 'crashed', undefined],
    [[...times(3, 'crashed' as const), 'ended'], 'crashed', undefined],
    [[...times(3, 'crashed' as const), 'resumed', 'waited'], 'crashed', 'restartsWithoutProgress', 3],
    [times(50, 'resumed'), 'crashed', undefined],
    [times(3, 'crashed'), 'resumed', undefined],
    [times(3, 'crashed'), 'waited', undefined],
    [times(3, 'crashed'), 'retried', undefined],
    [[...times(3, 'crashed' as const), 'retried', 'crashed', 'crashed'], 'crashed', undefined],
    [[[100, 10]], 'crashed', undefined],
    [[[101, 0]], 'crashed', 'tokens', 101],
    [[[0, 10.5]], 'crashed', 'cost', 10.5],
    [
      [
        [60, 0],
        [41, 0],
      ],
      'process',
      'tokens',
      101,
    ],
    [[[101, 11], 'progress'], 'crashed', undefined],
    [[[101, 11]], 'resumed', undefined],
    [[[100, 0], 'progress', [100, 0], 'progress', [100, 0]], 'crashed', undefined],
    [
      [[100, 0], 'progress', [100, 0], 'progress', [100, 0], 'progress', [1, 0]],
      'crashed',
      'totalTokens',
      301,
    ],
    [[[0, 10], 'progress', [0, 10], 'progress', [0, 10], 'progress', [0, 1]], 'retried', 'totalCost', 31],
    [times(7, 'retried'), 'retried', undefined],
    [times(8, 'retried'), 'retried', 'lifetimeRestarts', 8],
    [
      times(8, 'retried' as const).flatMap((step): Step[] => [step, 'progress']),
      'crashed',
      'lifetimeRestarts',
      8,
    ],
    [['wait', 'wait'], 'waited', undefined],
    [['wait', 'wait', 'wait'], 'waited', 'rateLimitWaits', 3],
    [['wait', 'wait', 'progress', 'wait'], 'waited', undefined],
    [['wait', 'wait', 'wait'], 'crashed', undefined],
  ])('%j then %s: %s', (steps, reason, what, spent) => {
    const found = exhaustedBy(reason, wholeBudget(small), spentBy(steps));
    expect(found?.what).toBe(what);
    if (what !== undefined) expect(found?.spent).toBe(spent);
  });

  test('by default five without progress, a thousand in all, and no limit to what is spent', () => {
    const budget = wholeBudget();
    expect(exhaustedBy('crashed', budget, spentBy(times(4, 'crashed')))).toBeUndefined();
    expect(exhaustedBy('crashed', budget, spentBy(times(5, 'crashed')))?.limit).toBe(5);
    const forgiven = (count: number): RunAccount =>
      spentBy(times(count, 'crashed' as const).flatMap((step): Step[] => [step, 'progress']));
    expect(exhaustedBy('crashed', budget, forgiven(999))).toBeUndefined();
    expect(exhaustedBy('crashed', budget, forgiven(1_000))).toEqual({
      ...{ what: 'lifetimeRestarts', spent: 1_000, limit: 1_000 },
    });
    expect(exhaustedBy('crashed', budget, spentBy([[1e15, 1e15]]))).toBeUndefined();
  });
});

describe('a run may be started with a narrower budget than its agent has', () => {
  test.each<[AgentBudget | undefined, AgentBudget | undefined, object]>([
    [undefined, undefined, { budget: undefined }],
    [{ tokens: 5 }, undefined, { budget: { tokens: 5 } }],
    [{ tokens: 5 }, { tokens: 4 }, { budget: { tokens: 4 } }],
    [{ tokens: 5 }, { tokens: 5, cost: 1 }, { budget: { tokens: 5, cost: 1 } }],
    [{ tokens: 5 }, { tokens: 6 }, { wider: 'tokens', limit: 5 }],
    [undefined, { maxRestarts: 5, periodMs: 60_000 }, { budget: { maxRestarts: 5, periodMs: 60_000 } }],
    [undefined, { maxRestarts: 6 }, { wider: 'maxRestarts', limit: 5 }],
    [undefined, { periodMs: 59_999 }, { wider: 'periodMs', limit: 60_000 }],
    [{ maxRestarts: 50 }, { maxRestarts: 6 }, { budget: { maxRestarts: 6 } }],
    [{ onExhausted: 'fail' }, { onExhausted: 'quarantine' }, { budget: { onExhausted: 'quarantine' } }],
    [{ cost: 1 }, { cost: undefined }, { budget: { cost: 1 } }],
  ])('%j with %j: %j', (agents, given, expected) => {
    expect(narrowed(agents, given)).toEqual(expected);
  });
});

const event = (
  state: SessionState,
  type: string,
  data: object,
  seq: number,
  agent?: string,
): SessionState => {
  const stream = 'session/s1';
  const made: LawEvent = {
    stream,
    seq,
    at: 2_000,
    type,
    typeVersion: 1,
    data,
    ...(agent && { meta: { agent } }),
  };
  const next = sessionLaw.evolve(state, made);
  if (next === undefined) throw new Error(`${type} is not lawful`);
  return next;
};

const runOf = (state: SessionState, runId: string): AgentRun => {
  const run = state.agents.open.get(runId);
  if (run === undefined) throw new Error(`${runId} is not open`);
  return run;
};

/** Two runs side by side. */
function twoRuns(): SessionState {
  const { type: _, ...first } = startOf('r1');
  const { type: __, ...second } = startOf('r2');
  return event(event(lives.active().state, 'agent.started', first, 100), 'agent.started', second, 101);
}

const restart = (state: SessionState, runId: string, seq: number): SessionState => {
  const { incarnation } = runOf(state, runId);
  const data = { runId, incarnation: incarnation + 1, reason: 'crashed', charged: true };
  return event(state, 'agent.restarted', data, seq);
};

test('only what a run itself wrote is its progress', () => {
  let state = restart(restart(twoRuns(), 'r1', 102), 'r2', 103);
  state = event(state, 'memory.updated', { key: 'k', value: 1 }, 104, 'r1');
  expect(runOf(state, 'r1').account?.sinceProgress.restarts).toBe(0);
  expect(runOf(state, 'r2').account?.sinceProgress.restarts).toBe(1);
  state = event(state, 'memory.updated', { key: 'k', value: 1 }, 105);
  expect(runOf(state, 'r2').account?.sinceProgress.restarts).toBe(1);
  expect(runOf(state, 'r1').account?.restarts).toBe(1);
});

test('restarts of a version that did not count them count for nothing', () => {
  const data = { runId: 'r1', incarnation: 2, reason: 'crashed' };
  const state = event(twoRuns(), 'agent.restarted', data, 102);
  expect(runOf(state, 'r1')).not.toHaveProperty('account');
});

type Move = readonly ['restart' | 'report' | 'wait' | 'progress' | 'settle', 'r1' | 'r2'];
const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.tuple(
    fc.constantFrom('restart', 'report', 'wait', 'progress', 'settle'),
    fc.constantFrom('r1', 'r2'),
  ) as fc.Arbitrary<Move>,
  { maxLength: 30 },
);

function play(list: readonly Move[]): SessionState {
  let seq = 101;
  return list.reduce((state, [move, runId]) => {
    seq += 1;
    const { incarnation } = runOf(state, runId);
    const at = { runId, incarnation };
    const error = { name: 'Error', message: 'm' };
    if (move === 'restart') return restart(state, runId, seq);
    if (move === 'report') return event(state, 'agent.usageReported', { ...at, tokens: 7, cost: 1 }, seq);
    if (move === 'wait') return event(state, 'agent.rateLimited', { ...at, error, resumesAt: 1 }, seq);
    if (move === 'settle') return event(state, 'agent.settled', at, seq);
    return event(state, 'memory.updated', { key: 'k', value: seq }, seq, runId);
  }, twoRuns());
}

test('whatever its siblings do, the account of a run is what its own events make of it', () => {
  fc.assert(
    fc.property(moves, (list) => {
      const together = play(list);
      for (const runId of ['r1', 'r2'] as const) {
        const alone = play(list.filter(([, whose]) => whose === runId));
        expect(runOf(together, runId).account).toEqual(runOf(alone, runId).account);
      }
    }),
  );
});

test('the total of restarts never falls, and a decision never grants one above it', () => {
  fc.assert(
    fc.property(moves, fc.integer({ min: 0, max: 6 }), (list, lifetimeRestarts) => {
      let before = 0;
      let granted = 0;
      let state = twoRuns();
      const run = { ...runOf(state, 'r1'), budget: { lifetimeRestarts, restartsWithoutProgress: 100 } };
      state = { ...state, agents: { ...state.agents, open: state.agents.open.set('r1', run) } };
      for (const [move] of list) {
        const reason = move === 'restart' ? 'crashed' : move === 'wait' ? 'retried' : 'process';
        const decision = decideAgent(state, { type: 'agent.restart', runId: 'r1', reason });
        if ('refusal' in decision) expect(decision.refusal.code).toBe('BUDGET_EXHAUSTED');
        else {
          granted += 1;
          for (const { type, data } of decision.events)
            state = event(state, type, data as object, 200 + granted);
        }
        const restarts = runOf(state, 'r1').account?.restarts ?? 0;
        expect(restarts).toBeGreaterThanOrEqual(before);
        before = restarts;
      }
      expect(granted).toBeLessThanOrEqual(lifetimeRestarts);
      expect(granted).toBe(Math.min(list.length, lifetimeRestarts));
    }),
  );
});

test('deaths while it only waits are counted apart: ten are one restart, and a life or progress forgives them', () => {
  const dies = (count: number): Step[] => times<Step>(count, 'interrupted');
  const budget = wholeBudget({ lifetimeRestarts: 100 });
  const verdict = (steps: readonly Step[]) => exhaustedBy('interrupted', budget, spentBy(steps))?.what;
  expect(verdict(dies(59))).toBeUndefined();
  expect(verdict(dies(60))).toBe('restartsWithoutProgress');
  expect(verdict([...dies(60), 'survival'])).toBeUndefined();
  expect(verdict([...dies(60), 'progress'])).toBeUndefined();
  expect(verdict([...dies(50), 'progress', ...dies(50)])).toBe('lifetimeRestarts');
  expect(exhaustedBy('process', budget, spentBy(dies(20)))).toBeUndefined();
});
