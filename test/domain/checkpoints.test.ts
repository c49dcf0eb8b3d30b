// Checkpoints as the law makes them: of what state, when by themselves, which are kept, and what a rollback makes of a session.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/hash.ts';
import { noCheckpoints } from '../../src/domain/session/checkpoints.ts';
import { hidingRange } from '../../src/domain/session/conversation.ts';
import type { SessionConfig } from '../../src/domain/session/session-config.ts';
import { defaultSessionConfig } from '../../src/domain/session/session-config.ts';
import type { RolledBackData } from '../../src/domain/session/session-events.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { contextOf, initialSession } from '../../src/domain/session/session-state.ts';
import { anyCommands, live, profileOf, smallConfig } from '../support/session-arbitraries.ts';
import { replay, type SessionLife } from '../support/session-life.ts';
import {
  checkpoint,
  lives,
  message,
  openedAt,
  openLife,
  profile,
  reason,
  startOf,
} from '../support/session-states.ts';
import { viewOf } from '../support/session-view.ts';

const never = { checkpointEveryEvents: null, checkpointOn: [] } as const;
const { encode } = sessionLaw;

/** What each checkpoint was made for, and of which version. */
const made = (life: SessionLife): readonly string[] =>
  life.steps
    .filter(({ event }) => event.type === 'checkpoint.created')
    .map(({ event }) => `${(event.data as { reason: string }).reason} of ${event.seq - 1}`);

const say = (life: SessionLife, count: number, at = openedAt): void => {
  for (let i = 0; i < count; i++) life.send(message(`m${i}`), at);
};

describe('a checkpoint', () => {
  test('is of the state before it, which it hashes, and is no use of the session', () => {
    const life = openLife();
    const [before, seq] = [encode(life.state), life.seq];
    const outcome = life.send(checkpoint('manual', { name: 'n', description: 'd' }), openedAt + 50);
    const found = { checkpointId: `c${seq + 1}`, stateHash: sha256(before) };
    expect(outcome).toMatchObject({ reply: { ...found, version: seq } });
    expect(life.state.checkpoints.list).toEqual([
      {
        ...{ ...found, name: 'n', description: 'd', metadata: {}, reason: 'manual', lawVersion: 4 },
        ...{ seq: seq + 1, at: openedAt + 50 },
      },
    ]);
    expect(contextOf(life.state)).toMatchObject({ lastActivityAt: openedAt, updatedAt: openedAt + 50 });
  });

  test('that was asked for stays until it is deleted, and there may be a hundred', () => {
    const life = openLife({ checkpointsKept: 1 });
    for (let i = 0; i < 100; i++) life.send(checkpoint('manual'), openedAt);
    expect(life.send(checkpoint('manual'), openedAt)).toMatchObject({
      refusal: { code: 'AT_CAPACITY', details: { size: 100, limit: 100 } },
    });
    const [first] = life.state.checkpoints.list;
    life.send({ type: 'checkpoint.delete', checkpointId: first?.checkpointId ?? '' }, openedAt);
    expect(life.send(checkpoint('manual'), openedAt)).not.toHaveProperty('refusal');
    expect(life.state.checkpoints.list).toHaveLength(100);
    expect(life.state.checkpoints.list).not.toContain(first);
  });

  test('that came by itself goes when newer ones have come, also when fewer are to be kept', () => {
    const life = openLife({ ...never, checkpointEveryEvents: 2, checkpointsKept: 3 });
    life.send(checkpoint('manual'), openedAt);
    say(life, 20);
    const reasons = life.state.checkpoints.list.map((kept) => kept.reason);
    expect(reasons).toEqual(['manual', 'count', 'count', 'count']);
    const newest = life.state.checkpoints.list.at(-1);
    life.send({ type: 'session.configure', changes: {}, config: { checkpointsKept: 1 } }, openedAt);
    expect(life.state.checkpoints.list.map((kept) => kept.seq).at(-1)).toBeGreaterThanOrEqual(
      newest?.seq ?? 0,
    );
    expect(life.state.checkpoints.list).toHaveLength(2);
  });

  test('costs a session that has none nothing: all share one list', () => {
    const [a, b] = [openLife(), openLife()];
    expect(a.state.checkpoints).toBe(noCheckpoints);
    const back = sessionLaw.decode(encode(b.state));
    expect(back.checkpoints).toBe(noCheckpoints);
    expect(back.conversation.hidden).toBe(initialSession('session/x').conversation.hidden);
  });
});

describe('by itself a checkpoint comes', () => {
  test('with the command that comes after so many events, before its own', () => {
    const life = openLife({ ...never, checkpointEveryEvents: 10 });
    say(life, 12);
    expect(made(life)).toEqual(['count of 10']);
    expect(life.steps.slice(10, 12).map(({ event }) => event.type)).toEqual([
      'checkpoint.created',
      'message.sent',
    ]);
  });

  test('so long after the last, and only once something has changed', () => {
    const life = openLife({ ...never, checkpointEveryMs: 1_000, idleAfterMs: null, dormantAfterMs: null });
    life.send(message('early'), openedAt + 999);
    expect(made(life)).toEqual([]);
    life.send(message('late'), openedAt + 1_000);
    life.send(message('at once'), openedAt + 1_999);
    expect(made(life)).toEqual([`interval of 6`]);
    life.send(message('again'), openedAt + 2_000);
    expect(made(life)).toEqual(['interval of 6', 'interval of 9']);
    life.send({ type: 'message.unpin', seq: 99 }, openedAt + 90_000);
    expect(made(life)).toHaveLength(2);
  });

  test.each([
    [60, 30_000],
    [12, 120_000],
    [1, 300_000],
  ])('adaptive: of %d events as early as after %d ms', (events, ms) => {
    const quiet = { idleAfterMs: null, dormantAfterMs: null };
    const life = openLife({ ...never, ...quiet, checkpointEveryMs: 'adaptive' });
    say(life, Math.max(0, events - life.seq));
    life.send(message('before'), openedAt + ms - 1);
    expect(made(life)).toEqual([]);
    life.send(message('now'), openedAt + ms);
    expect(made(life)).toHaveLength(1);
  });

  const hibernate = { type: 'session.hibernate', reason } as const;
  const pause = { type: 'session.pause', reason } as const;

  test('before a session is paused or hibernated, where it changed since the last', () => {
    const life = openLife();
    life.send(pause, openedAt);
    life.send(pause, openedAt);
    life.send(hibernate, openedAt);
    life.send(message('woken? no'), openedAt);
    expect(made(life)).toEqual(['pause of 5', 'hibernate of 7']);
    expect(life.steps.slice(5).map(({ event }) => event.type)).toEqual([
      ...['checkpoint.created', 'session.statusChanged', 'checkpoint.created', 'session.statusChanged'],
    ]);
    const unasked = openLife({ checkpointOn: ['shutdown'] });
    unasked.send(pause, openedAt);
    expect(made(unasked)).toEqual([]);
  });

  test('before a shutdown where that is wanted, once', () => {
    const life = openLife({ checkpointOn: ['shutdown'] });
    for (let i = 0; i < 2; i++) life.send(checkpoint('shutdown'), openedAt);
    expect(made(life)).toEqual(['shutdown of 5']);
    const unasked = openLife();
    expect(unasked.send(checkpoint('shutdown'), openedAt)).toMatchObject({ events: [] });
  });

  test('never of what is not journaled, of a session that ends, or because time has passed', () => {
    const busy = { checkpointEveryEvents: 1, idleAfterMs: 10 } as const;
    const volatile = openLife(busy);
    const unjournaled = lives.initializing();
    const config: SessionConfig = { ...defaultSessionConfig, ...busy };
    unjournaled.send(
      { type: 'session.create', profile: { ...profile, config, durability: 'none' } },
      openedAt,
    );
    say(unjournaled, 5);
    expect(made(unjournaled)).toEqual([]);
    volatile.wake(openedAt + 10);
    expect(volatile.status).toBe('idle');
    expect(volatile.steps.at(-2)?.event.type).not.toBe('checkpoint.created');
    const seq = volatile.seq;
    volatile.send({ type: 'session.terminate', reason, cleanup: false }, openedAt + 11);
    volatile.send({ type: 'session.finishTermination' }, openedAt + 11);
    expect(made(volatile).at(-1)).toMatch(new RegExp(`of ${seq}$`));
    expect(volatile.status).toBe('terminated');
  });

  test('at the numbers that hold for a session of an older version, which names none', () => {
    const life = openLife();
    const events = life.recorded().map((event) => {
      if (event.type !== 'session.created') return event;
      const { checkpointEveryEvents: _, checkpointEveryMs: __, ...rest } = profile.config;
      const { checkpointOn: ___, checkpointsKept: ____, ...config } = rest;
      return { ...event, data: { ...profile, config } };
    });
    const older = replay(sessionLaw, sessionLaw.initial(life.stream), events);
    expect(encode(older)).toBe(encode(life.state));
  });
});

describe('a rollback', () => {
  const rollback = (life: SessionLife, to: number, at: number): void => {
    expect(life.send(life.rollbackTo(to), at)).not.toHaveProperty('refusal');
  };

  test('makes the session what it was, but for its numbers, and can be rolled back itself', () => {
    const life = openLife();
    const [to, then] = [life.seq, viewOf(life.state)];
    life.send(message('regretted'), openedAt + 10);
    life.send({ type: 'memory.set', key: 'goal', value: 'sell' }, openedAt + 10);
    life.send({ type: 'session.configure', changes: { name: 'beta' } }, openedAt + 10);
    const regretted = viewOf(life.state);
    rollback(life, to, openedAt + 20);
    const entries = contextOf(life.state).entries;
    expect(entries).toBe(3);
    const numbers = { openedAt: openedAt + 20, updatedAt: openedAt + 20, lastActivityAt: openedAt + 20 };
    const context = { ...(then.context as object), ...numbers, entries, reason: 'requested' };
    const { hidden, checkpoints, context: now, ...again } = viewOf(life.state);
    expect({ ...again, context: now }).toEqual({ ...without(then), context });
    expect(hidden).toEqual([[to, life.seq]]);
    const undo = life.state.checkpoints.list.at(-1);
    expect([undo?.reason, checkpoints]).toEqual(['rollback', life.state.checkpoints]);
    rollback(life, (undo?.seq ?? 0) - 1, openedAt + 30);
    const back = viewOf(life.state);
    expect(without(back, 'context')).toEqual(without(regretted, 'context'));
    expect(life.messages().map(({ data }) => data.content)).toEqual(['hello', 'regretted']);
    life.send(message('on'), openedAt + 40);
    expect(contextOf(life.state)).toMatchObject({ entries: 4, messages: 3 });
  });

  const without = (view: Readonly<Record<string, unknown>>, ...names: string[]): object => {
    const left = { ...view };
    for (const name of ['hidden', 'checkpoints', ...names]) delete left[name];
    return left;
  };

  test.each(['idle', 'paused', 'dormant', 'dormantPaused'] as const)(
    'leads to active by lawful edges when %s',
    (name) => {
      const life = lives[name]();
      rollback(life, 4, openedAt);
      expect(life.status).toBe('active');
      const edges = life.steps
        .map(({ event }) => event)
        .filter(({ type }) => type === 'session.statusChanged')
        .map(({ data }) => data as { from: string; to: string });
      for (const [i, { from }] of edges.slice(1).entries()) expect(from).toBe(edges[i]?.to);
      expect(edges.at(-1)).toMatchObject({ to: 'active', cause: 'session.rollback' });
    },
  );

  test('stops the agents that run, and starts none that ran then', () => {
    const life = openLife();
    life.send(startOf('r1'), openedAt);
    const to = life.seq;
    life.send({ type: 'agent.complete', runId: 'r1', incarnation: 1, result: null }, openedAt);
    life.send(startOf('r2'), openedAt);
    rollback(life, to, openedAt + 1);
    expect(life.state.agents.open.size).toBe(0);
    const ended = life.state.agents.ended.map(({ runId, status }) => `${runId} ${status}`);
    expect(ended).toEqual(['r1 completed', 'r2 stopped']);
    expect(sessionLaw.fence?.(life.state, { run: 'r2', incarnation: 1 })).toMatchObject({
      code: 'STALE_INCARNATION',
    });
  });

  test('keeps the bytes of what it went back to in its event', () => {
    const life = openLife();
    const text = encode(life.state);
    const to = life.seq;
    say(life, 3);
    rollback(life, to, openedAt + 1);
    const data = life.recorded().at(-1)?.data as RolledBackData;
    expect([data.state, data.stateHash]).toEqual([text, sha256(text)]);
  });

  test('over an older rollback hides both as one, and what was cleared or restored between stays hidden too', () => {
    const life = openLife();
    const first = life.seq;
    say(life, 2);
    rollback(life, first, openedAt);
    const second = life.seq;
    say(life, 2);
    rollback(life, second, openedAt);
    expect(life.state.conversation.hidden).toEqual([[first, life.seq]]);
    say(life, 1);
    rollback(life, first, openedAt);
    expect(life.state.conversation.hidden).toEqual([[first, life.seq]]);
    life.send({ type: 'conversation.clear' }, openedAt);
    expect(life.state.conversation.hidden).toHaveLength(1);
    expect(hidingRange(life.state.conversation, first + 1)).toBeDefined();
    expect(hidingRange(life.state.conversation, first)).toBeUndefined();
  });

  test('keeps a session from being ended by an age that it had', () => {
    const life = openLife({ endAfterMs: 1_000, idleAfterMs: null, dormantAfterMs: null });
    rollback(life, 4, openedAt + 900);
    expect(life.wake(openedAt + 1_899)).toEqual([]);
    expect(life.wake(openedAt + 1_900).length).toBeGreaterThan(0);
  });

  test('too large for one event is refused, and changes nothing', () => {
    const life = openLife({ messageWindowBytes: 4_000_000 }, { valueBytes: 40_000 });
    for (let i = 0; i < 10; i++) life.send(message('x'.repeat(5_000)), openedAt);
    const [before, seq] = [life.state, life.seq];
    expect(life.send(life.rollbackTo(seq), openedAt)).toMatchObject({ refusal: { code: 'TOO_LARGE' } });
    expect([life.state, life.seq]).toEqual([before, seq]);
  });

  test('is not lawful in an ending, nor before agents are stopped, nor to a version that has not been', () => {
    const life = openLife();
    rollback(life, 3, openedAt);
    const event = life.recorded().at(-1);
    if (event === undefined) throw new Error('Nothing was rolled back');
    for (const name of ['terminating', 'terminated', 'archived', 'paused'] as const)
      expect(sessionLaw.evolve(lives[name]().state, event)).toBeUndefined();
    const working = openLife();
    working.send(startOf('r1'), openedAt);
    expect(sessionLaw.evolve(working.state, event)).toBeUndefined();
    expect(sessionLaw.evolve(openLife().state, { ...event, seq: 3 })).toBeUndefined();
    expect(sessionLaw.evolve(openLife().state, event)).toBeDefined();
  });
});

test('property: every checkpoint hashes the state before it, and is kept by the rules', () => {
  fc.assert(
    fc.property(profileOf(smallConfig), anyCommands, (given, commands) => {
      const { life } = live(given, commands);
      for (const { event } of life.steps) {
        if (event.type !== 'checkpoint.created') continue;
        const { stateHash, checkpointId } = event.data as { stateHash: string; checkpointId: string };
        expect(stateHash).toBe(sha256(encode(life.at(event.seq - 1))));
        expect(checkpointId).toBe(`c${event.seq}`);
      }
      const { list, lastSeq } = life.state.checkpoints;
      const automatic = list.filter((kept) => kept.reason !== 'manual');
      expect(automatic.length).toBeLessThanOrEqual(life.state.profile.config.checkpointsKept);
      expect(lastSeq).toBeLessThanOrEqual(life.seq);
      expect(list.map(({ seq }) => seq)).toEqual(list.map(({ seq }) => seq).sort((a, b) => a - b));
    }),
  );
});
