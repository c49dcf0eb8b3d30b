// How a life ends: once, with its reason, also where it could not start; and with nothing left where that was asked for.
import { describe, expect, test } from 'vitest';
import type { StatusChange } from '../../src/domain/session/session-lifecycle.ts';
import { contextOf } from '../../src/domain/session/session-state.ts';
import { SessionLife } from '../support/session-life.ts';
import { lives, openedAt, opening, openLife, type StateName } from '../support/session-states.ts';

const later = openedAt + 10;

const eventsSince = (life: SessionLife, seq: number): readonly (readonly [string, unknown])[] =>
  life.steps.slice(seq).map(({ event }) => [event.type, event.data]);

const edgesOf = (life: SessionLife): readonly string[] =>
  life.steps
    .filter(({ event }) => event.type === 'session.statusChanged')
    .map(({ event }) => event.data as StatusChange)
    .map(({ from, to }) => `${from} > ${to}`);

describe('terminating', () => {
  test('is an edge with the reason given, and finishing it another, with the event of the end', () => {
    const life = openLife();
    const { seq } = life;
    life.send({ type: 'session.terminate', reason: 'done here', cleanup: false }, later);
    life.wake(later);
    expect(eventsSince(life, seq)).toEqual([
      [
        'session.statusChanged',
        {
          ...{ from: 'active', to: 'terminating', reason: 'done here' },
          ...{ cause: 'session.terminate', cleanup: false },
        },
      ],
      [
        'session.statusChanged',
        {
          ...{ from: 'terminating', to: 'terminated', reason: 'done here' },
          ...{ cause: 'session.finishTermination' },
        },
      ],
      ['session.terminated', { reason: 'done here' }],
    ]);
    expect(contextOf(life.state)).toMatchObject({ reason: 'done here', error: null, updatedAt: later });
  });

  test.each(['terminating', 'terminated', 'archived', 'deleted'] as const)(
    'again, when %s, succeeds, says how it stands and changes nothing',
    (name) => {
      const life = lives[name]();
      const [before, seq] = [life.state, life.seq];
      for (const cleanup of [false, true]) {
        const command = { type: 'session.terminate', reason: 'again', cleanup } as const;
        expect(life.decide(command, later)).toEqual({ events: [], reply: { status: name } });
      }
      expect(life.state).toBe(before);
      expect(life.seq).toBe(seq);
    },
  );

  test('a session of which only a tombstone is left succeeds too', () => {
    const state = lives.deleted();
    const command = { type: 'session.finishTermination' } as const;
    expect(state.decide(command, later)).toEqual({ events: [], reply: { status: 'deleted' } });
  });

  test('that was interrupted is due at once, whenever the session is looked at again', () => {
    const life = lives.terminating();
    expect(life.wake(openedAt).map(({ type }) => type)).toEqual(['session.finishTermination']);
    expect(life.wake(later)).toEqual([]);
    expect(life.status).toBe('terminated');
  });
});

describe('terminating with cleanup', () => {
  test.each(['active', 'idle', 'paused', 'dormant', 'dormantPaused'] satisfies StateName[])(
    'leads from %s through every status to deleted, in one decision',
    (name) => {
      const life = lives[name]();
      const { seq, status } = life;
      life.send({ type: 'session.terminate', reason: 'gone', cleanup: true }, openedAt);
      const outcome = life.decide({ type: 'session.finishTermination' }, later);
      expect(outcome).toMatchObject({ reply: { status: 'deleted' } });
      expect(edgesOf(life).slice(-4)).toEqual([
        `${status} > terminating`,
        'terminating > terminated',
        'terminated > archived',
        'archived > deleted',
      ]);
      expect(eventsSince(life, seq).map(([type]) => type)).toContain('session.terminated');
      expect(life.status).toBe('deleted');
    },
  );

  test('is not undone by a second call that asks for none', () => {
    const life = openLife();
    life.send({ type: 'session.terminate', reason: 'gone', cleanup: true }, openedAt);
    life.decide({ type: 'session.terminate', reason: 'kept', cleanup: false }, openedAt);
    life.wake(later);
    expect(life.status).toBe('deleted');
  });

  test('is forgotten by the next life', () => {
    const life = openLife();
    life.send({ type: 'session.terminate', reason: 'gone', cleanup: true }, openedAt);
    life.wake(openedAt);
    const { profile } = openLife().state;
    const lists = { files: [], fileIndex: [], memory: [] };
    const data = { savedAt: openedAt, savedSeq: 3, createdAt: openedAt, profile, ...lists };
    life.send({ type: 'session.restore', data, messages: [] }, later);
    life.send({ type: 'session.terminate', reason: 'kept', cleanup: false }, later);
    life.wake(later);
    expect(life.status).toBe('terminated');
  });
});

describe('deleting', () => {
  test('what is terminated passes through archived, and what is archived does not repeat it', () => {
    const ways = (['terminated', 'archived'] as const).map((name) => {
      const life = lives[name]();
      const { seq } = life;
      life.send({ type: 'session.delete', reason: 'old' }, later);
      return eventsSince(life, seq).map(([, data]) => (data as StatusChange).from);
    });
    expect(ways).toEqual([['terminated', 'archived'], ['archived']]);
  });
});

describe('a session that could not be started', () => {
  const failed = (): SessionLife => {
    const life = new SessionLife();
    life.send({ ...opening(), startError: 'no model' } as Parameters<SessionLife['send']>[0], openedAt);
    return life;
  };

  test('is terminated at once, and both its events say why', () => {
    const life = failed();
    expect(eventsSince(life, 0)).toEqual([
      [
        'session.statusChanged',
        {
          ...{ from: 'initializing', to: 'terminated', reason: 'startFailed' },
          ...{ cause: 'session.create', error: 'no model' },
        },
      ],
      ['session.terminated', { reason: 'startFailed', error: 'no model' }],
    ]);
    expect(contextOf(life.state)).toMatchObject({
      reason: 'startFailed',
      error: 'no model',
      createdAt: null,
    });
  });

  test('keeps its id, takes no content, is due never, and can be filed away, deleted and ended again', () => {
    const life = failed();
    expect(life.decide(opening(), later)).toMatchObject({ refusal: { code: 'SESSION_EXISTS' } });
    const set = { type: 'memory.set', key: 'k', value: 1 } as const;
    expect(life.decide(set, later)).toMatchObject({ refusal: { code: 'SESSION_NOT_ACTIVE' } });
    expect(life.wake(Number.MAX_SAFE_INTEGER)).toEqual([]);
    expect(life.decide({ type: 'session.terminate', reason: 'x', cleanup: true }, later)).toEqual({
      events: [],
      reply: { status: 'terminated' },
    });
    life.send({ type: 'session.archive', reason: 'x' }, later);
    life.send({ type: 'session.delete', reason: 'x' }, later);
    expect(life.status).toBe('deleted');
  });
});
