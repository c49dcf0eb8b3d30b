// When a session changes by itself: to the millisecond, in order, late rather than never, and never unasked.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SessionCommand } from '../../src/domain/session/session-commands.ts';
import { type SessionConfig, strictSessionConfig } from '../../src/domain/session/session-config.ts';
import { statusAt } from '../../src/domain/session/session-deadlines.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import type { StatusChange } from '../../src/domain/session/session-lifecycle.ts';
import { contextOf, statusOf } from '../../src/domain/session/session-state.ts';
import { anyCommands, endlessConfig, live, profileOf, smallConfig } from '../support/session-arbitraries.ts';
import type { SessionLife } from '../support/session-life.ts';
import { lives, openedAt, openLife, reason, stateNames } from '../support/session-states.ts';

const minute = 60_000;
const hour = 60 * minute;
const never = { idleAfterMs: null, dormantAfterMs: null } as const;

/** Status by status, when it was entered and why. */
const way = (life: SessionLife, from = 1): readonly string[] =>
  life.steps
    .slice(from)
    .filter(({ event }) => event.type === 'session.statusChanged')
    .map(({ event: { at, data } }) => {
      const { to, reason: why } = data as StatusChange;
      return `${to} at ${at - openedAt} (${why})`;
    });

describe('a session that is left alone', () => {
  const cases: readonly [string, Partial<SessionConfig>, number, string][] = [
    ['idle', { idleAfterMs: 100, dormantAfterMs: null }, 100, 'idle'],
    ['dormant', { idleAfterMs: null, dormantAfterMs: 100 }, 100, 'dormant'],
    ['dormant, sooner than idle', { idleAfterMs: 200, dormantAfterMs: 100 }, 100, 'dormant'],
    ['dormant, at the same time as idle', { idleAfterMs: 100, dormantAfterMs: 100 }, 100, 'dormant'],
    ['ended for quiet', { ...never, endAfterQuietMs: 100 }, 100, 'terminated'],
    ['ended for age', { ...never, endAfterMs: 100 }, 100, 'terminated'],
    ['ended at its date', { ...never, expiresAt: openedAt + 100 }, 100, 'terminated'],
    ['idle by default', {}, 5 * minute, 'idle'],
    ['dormant by default', { idleAfterMs: null }, 2 * hour, 'dormant'],
  ];

  test.each(cases)('is %s at the millisecond, and not before', (_, config, dueMs, status) => {
    const wokenAt = (ms: number): string => {
      const life = openLife(config);
      life.wake(openedAt + ms);
      return life.status;
    };
    expect([wokenAt(dueMs - 1), wokenAt(dueMs), wokenAt(dueMs + 1)]).toEqual(['active', status, status]);
    expect(sessionLaw.nextDeadline(openLife(config).state)).toBe(openedAt + dueMs);
  });

  test('is never ended, whatever the time, unless its numbers say so', () => {
    const life = openLife();
    life.wake(Number.MAX_SAFE_INTEGER);
    expect(way(life)).toEqual([`idle at ${5 * minute} (quiet)`, `dormant at ${2 * hour} (quiet)`]);
  });

  test('is ended by the strict numbers after half an hour quiet, or an hour old', () => {
    const quiet = openLife(strictSessionConfig);
    quiet.wake(openedAt + 30 * minute);
    expect(way(quiet)).toEqual([
      `idle at ${5 * minute} (quiet)`,
      `terminating at ${30 * minute} (timeout)`,
      `terminated at ${30 * minute} (timeout)`,
    ]);
    const busy = openLife({ ...strictSessionConfig, ...never });
    for (let m = 1; m < 60; m++) busy.send({ type: 'memory.set', key: 'm', value: m }, openedAt + m * minute);
    expect(busy.status).toBe('active');
    busy.wake(openedAt + hour);
    expect(way(busy)).toEqual([`terminating at ${hour} (timeout)`, `terminated at ${hour} (timeout)`]);
  });
});

describe('when several deadlines are overdue', () => {
  const overdue = (config: Partial<SessionConfig>): readonly string[] => {
    const life = openLife(config);
    life.wake(openedAt + 1_000);
    return way(life);
  };

  test('the earlier comes first, quiet ones with the time at which they fell due', () => {
    expect(overdue({ idleAfterMs: 10, dormantAfterMs: 20, endAfterMs: 30 })).toEqual([
      'idle at 10 (quiet)',
      'dormant at 20 (quiet)',
      'terminating at 1000 (timeout)',
      'terminated at 1000 (timeout)',
    ]);
  });

  test('at one time, idle comes before dormant, and both are told', () => {
    expect(overdue({ idleAfterMs: 10, dormantAfterMs: 10 })).toEqual([
      'idle at 10 (quiet)',
      'dormant at 10 (quiet)',
    ]);
  });

  test('what would fall quiet after its end, or with it, is ended as it is', () => {
    expect(overdue({ idleAfterMs: 10, dormantAfterMs: 30, endAfterMs: 30 })).toEqual([
      'idle at 10 (quiet)',
      'terminating at 1000 (timeout)',
      'terminated at 1000 (timeout)',
    ]);
    expect(overdue({ idleAfterMs: 31, dormantAfterMs: null, endAfterQuietMs: 30 })).toHaveLength(2);
  });

  test('the earliest end counts', () => {
    const ends = { endAfterQuietMs: 300, endAfterMs: 200, expiresAt: openedAt + 100 };
    for (const config of [ends, { ...ends, endAfterMs: 100, expiresAt: null }, { endAfterQuietMs: 100 }]) {
      expect(sessionLaw.summarize(openLife(config).state).dueAt).toBe(openedAt + 100);
    }
  });

  test('a command that comes too late for its session is refused by the status of its time', () => {
    const life = openLife({ endAfterMs: 100 });
    const outcome = life.send({ type: 'memory.set', key: 'k', value: 1 }, openedAt + 100);
    expect(outcome).toMatchObject({
      refusal: { code: 'SESSION_NOT_ACTIVE', details: { status: 'terminated' } },
    });
  });
});

describe('falling quiet', () => {
  test('does not count as activity, and waking does', () => {
    const life = openLife({ idleAfterMs: 100, dormantAfterMs: 200 });
    life.wake(openedAt + 150);
    expect(contextOf(life.state)).toMatchObject({ lastActivityAt: openedAt, updatedAt: openedAt + 100 });
    life.wake(openedAt + 500);
    expect(contextOf(life.state)).toMatchObject({ lastActivityAt: openedAt, updatedAt: openedAt + 200 });
    life.send({ type: 'memory.set', key: 'k', value: 1 }, openedAt + 600);
    expect(life.status).toBe('active');
    expect(contextOf(life.state).lastActivityAt).toBe(openedAt + 600);
    expect(life.wake(openedAt + 699)).toEqual([]);
    expect(life.wake(openedAt + 700)).toHaveLength(1);
  });

  test.each([
    ['waking what is awake', { type: 'session.wake', reason }],
    ['unpinning what is not pinned', { type: 'message.unpin', seq: 3 }],
  ] satisfies [string, SessionCommand][])(
    'is not put off by a command that changes nothing: %s',
    (_, command) => {
      const life = openLife({ idleAfterMs: 100 });
      life.send(command, openedAt + 99);
      life.wake(openedAt + 100);
      expect(life.status).toBe('idle');
    },
  );

  test('is not for a paused session, which still ends', () => {
    const life = openLife({ idleAfterMs: 10, dormantAfterMs: 20, endAfterQuietMs: 1_000 });
    life.send({ type: 'session.pause', reason }, openedAt + 5);
    expect(life.wake(openedAt + 1_004)).toEqual([]);
    life.wake(openedAt + 1_005);
    expect(life.status).toBe('terminated');
  });

  test('needs no waking: it stands in no head, and the list derives it', () => {
    const life = openLife({ idleAfterMs: 100, dormantAfterMs: 200 });
    const { dueAt, summary, status } = sessionLaw.summarize(life.state);
    expect({ dueAt, status }).toEqual({ dueAt: null, status: 'active' });
    const quiet = summary as Parameters<typeof statusAt>[1];
    const at = (ms: number) => statusAt('active', quiet, openedAt + ms);
    expect([99, 100, 199, 200].map(at)).toEqual(['active', 'idle', 'idle', 'dormant']);
  });
});

describe('what is due', () => {
  test.each(stateNames)('when %s, after a hundred years', (name) => {
    const life = lives[name]();
    const due = life.wake(openedAt + 100 * 365 * 24 * hour).map((command) => command.type);
    const expected: Partial<Record<typeof name, readonly string[]>> = {
      active: ['session.fallQuiet', 'session.fallQuiet'],
      idle: ['session.fallQuiet'],
      terminating: ['session.finishTermination'],
    };
    expect(due).toEqual(expected[name] ?? []);
  });

  test('property: the status that a list derives is the one that the due commands lead to', () => {
    fc.assert(
      fc.property(profileOf(endlessConfig), anyCommands, fc.nat(20_000), (profile, commands, ms) => {
        const { life, now } = live(
          profile,
          commands.filter(({ command }) => command.type !== 'session.restore'),
        );
        const { status, summary } = sessionLaw.summarize(life.state);
        const derived = statusAt(statusOf(life.state), summary as Parameters<typeof statusAt>[1], now + ms);
        expect(status).toBe(statusOf(life.state));
        life.wake(now + ms);
        const ends = life.state.agents.open.size > 0 ? ['terminating'] : ['terminated', 'deleted'];
        if (status === 'terminating') expect([...ends, 'terminated', 'deleted']).toContain(life.status);
        else expect(life.status).toBe(derived);
      }),
      { numRuns: 300 },
    );
  });

  test('property: nothing is due before the next deadline, and at it something is', () => {
    fc.assert(
      fc.property(profileOf(smallConfig), anyCommands, (profile, commands) => {
        const { life, now } = live(profile, commands);
        life.wake(now);
        const next = sessionLaw.nextDeadline(life.state);
        // What is left of a deleted session is removed by its store, not by its law.
        if (life.status === 'deleted') return;
        expect(life.wake(next === null ? Number.MAX_SAFE_INTEGER : next - 1)).toEqual([]);
        if (next !== null) expect(life.wake(next).length).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });

  test('property: however late it is looked at, a session falls quiet at the same times', () => {
    fc.assert(
      fc.property(profileOf(endlessConfig), fc.array(fc.nat(2_000), { maxLength: 8 }), (profile, looks) => {
        const [often, once] = [live(profile, []), live(profile, [])];
        for (const ms of [...looks, 20_000].sort((a, b) => a - b)) often.life.wake(openedAt + ms);
        once.life.wake(openedAt + 20_000);
        expect(way(often.life)).toEqual(way(once.life));
      }),
    );
  });
});
