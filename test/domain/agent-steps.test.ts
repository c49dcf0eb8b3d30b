// The law of durable steps: each is finished once, by the incarnation that lives, and what is over is forgotten.
import { describe, expect, test } from 'vitest';
import { workOf } from '../../src/domain/agent/agent-runs.ts';
import { writtenWork } from '../../src/domain/agent/run-work.ts';
import type { SessionCommand } from '../../src/domain/session/session-commands.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import type { SessionLife } from '../support/session-life.ts';
import { openedAt, openLife, startOf } from '../support/session-states.ts';

const run = { runId: 'r', incarnation: 1 };
const at = openedAt + 1;

function lifeWith(...commands: SessionCommand[]): SessionLife {
  const life = openLife();
  for (const command of [startOf('r'), ...commands]) life.send(command, at);
  return life;
}

const complete = (step: string, more: object = {}): SessionCommand => ({
  ...{ type: 'step.complete', ...run, step, result: step },
  ...more,
});

const typesOf = (outcome: ReturnType<SessionLife['send']>): unknown =>
  'refusal' in outcome ? outcome.refusal.code : outcome.events.map(({ type }) => type);

const workIn = (life: SessionLife) => writtenWork('r', workOf(life.state.agents, 'r'));

describe('a finished step', () => {
  test('is recorded once, whoever asks again, and its event must stay readable', () => {
    const life = lifeWith(complete('a'));
    const seq = life.seq;
    expect(typesOf(life.send(complete('a', { result: 2 }), at))).toEqual([]);
    expect(typesOf(life.send({ type: 'effect.start', ...run, step: 'a' }, at))).toEqual([]);
    expect(workIn(life).steps).toEqual([['a', seq]]);
    expect(sessionLaw.refersTo?.(life.state)).toContain(seq);
    expect(JSON.stringify(sessionLaw.encode(life.state))).not.toContain('result');
  });

  test('takes those within it along', () => {
    const life = lifeWith(
      ...[complete('o/x'), complete('o/y'), complete('other')],
      { type: 'timer.set', ...run, step: 'o/t', dueAt: at + 5 },
      complete('o', { inner: true }),
    );
    expect(workIn(life).steps.map(([step]) => step)).toEqual(['other', 'o']);
    expect(workIn(life).timers).toEqual([]);
    expect(life.state.agents.dueAt).toBeNull();
  });

  test('is refused from any incarnation but the one that lives, and when the run is parked', () => {
    const life = lifeWith({ type: 'agent.restart', runId: 'r', reason: 'resumed' });
    expect(typesOf(life.send(complete('a'), at))).toBe('STALE_INCARNATION');
    expect(typesOf(life.send(complete('a', { incarnation: 2 }), at))).toEqual(['step.completed']);
    life.send({ type: 'timer.set', ...run, incarnation: 2, step: 't', dueAt: at + 9 }, at);
    expect(typesOf(life.send({ type: 'run.park', ...run, incarnation: 2, waits: 1 }, at))).toEqual([
      'agent.parked',
    ]);
    expect(typesOf(life.send(complete('b', { incarnation: 2 }), at))).toBe('STALE_INCARNATION');
  });

  test('is forgotten with its run, and of a permanent one with its round', () => {
    const life = lifeWith(complete('a'));
    life.send({ type: 'run.signal', name: 'kept', payload: 1 }, at);
    life.send({ type: 'agent.restart', runId: 'r', reason: 'ended' }, at);
    expect(workIn(life)).toMatchObject({ steps: [], signals: [{ name: 'kept' }] });
    life.send({ type: 'agent.stop', runId: 'r', reason: 'done' }, at);
    expect(life.state.agents.work.size).toBe(0);
    expect(JSON.parse(sessionLaw.encode(life.state))).not.toHaveProperty('work');
  });
});

describe('timers and deadlines', () => {
  test('go off in the order of their time, each once, and only in an active session', () => {
    const life = lifeWith(
      { type: 'timer.set', ...run, step: 'late', dueAt: at + 20 },
      { type: 'wait.start', ...run, step: 'w', signal: 'w', deadlineAt: at + 10 },
      { type: 'timer.set', ...run, step: 'soon', dueAt: at + 5 },
    );
    expect(sessionLaw.nextDeadline(life.state)).toBe(at + 5);
    const due = (now: number): SessionCommand | undefined => sessionLaw.due(life.state, now);
    expect(due(at + 4)).toBeUndefined();
    const fired: unknown[] = [];
    for (let command = due(at + 30); command !== undefined; command = due(at + 30)) {
      fired.push(command);
      life.decide(command, at + 30);
      if (fired.length > 3) break;
    }
    expect(fired).toMatchObject([
      { type: 'timer.fire', step: 'soon', lateMs: 25 },
      { type: 'wait.expire', step: 'w', lateMs: 20 },
      { type: 'timer.fire', step: 'late', lateMs: 10 },
    ]);
    expect(
      typesOf(life.send({ type: 'timer.fire', ...run, step: 'soon', dueAt: at, lateMs: 0 }, at)),
    ).toEqual([]);
  });

  test('of a session whose runs are all parked are what its head says; else it is due at once', () => {
    const life = lifeWith({ type: 'timer.set', ...run, step: 't', dueAt: at + 50 });
    expect(sessionLaw.summarize(life.state).dueAt).toBe(at);
    life.send({ type: 'run.park', ...run, waits: 1 }, at);
    expect(sessionLaw.summarize(life.state).dueAt).toBe(at + 50);
    life.send({ type: 'timer.fire', ...run, step: 't', dueAt: at + 50, lateMs: 0 }, at);
    expect(life.state.agents.open.get('r')).toMatchObject({ status: 'waiting', woken: true });
    expect(sessionLaw.summarize(life.state).dueAt).toBe(at);
  });
});

describe('a run is parked', () => {
  test('only when it knows of all that it waits for, and no effect is open', () => {
    const life = lifeWith({ type: 'wait.start', ...run, step: 'w', signal: 'w', deadlineAt: null });
    expect(typesOf(life.send({ type: 'run.park', ...run, waits: 2 }, at))).toEqual([]);
    life.send({ type: 'effect.start', ...run, step: 'e' }, at);
    expect(typesOf(life.send({ type: 'run.park', ...run, waits: 1 }, at))).toEqual([]);
    life.send(complete('e', { effect: true }), at);
    expect(typesOf(life.send({ type: 'run.park', ...run, waits: 1 }, at))).toEqual(['agent.parked']);
  });
});

describe('limits', () => {
  test('hold for open steps, finished steps and kept signals', () => {
    const life = lifeWith();
    for (let n = 0; n < 1_000; n++)
      life.send({ type: 'timer.set', ...run, step: `t${n}`, dueAt: at + 9_999 }, at);
    expect(typesOf(life.send({ type: 'timer.set', ...run, step: 'more', dueAt: at }, at))).toBe(
      'AT_CAPACITY',
    );
    for (let n = 0; n < 100; n++) life.send({ type: 'run.signal', name: 'x', payload: n }, at);
    expect(typesOf(life.send({ type: 'run.signal', name: 'x', payload: 0 }, at))).toBe('AT_CAPACITY');
  });
});
