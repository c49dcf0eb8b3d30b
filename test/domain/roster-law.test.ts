// The law of the roster: against its model by random lives, and each of its promises by itself.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RosterCommand } from '../../src/domain/roster/roster-commands.ts';
import { rosterLaw, rosterStream } from '../../src/domain/roster/roster-law.ts';
import { rosterLimits } from '../../src/domain/roster/roster-state.ts';
import { LawLife } from '../support/law-life.ts';
import { liveRoster, rosterSteps } from '../support/roster-model.ts';

const join = (sessionId: string, role: string, leaseMs: number | null = null): RosterCommand => ({
  ...{ type: 'roster.join', sessionId, role, leaseMs: leaseMs ?? 1, resting: false },
  liveness: leaseMs === null ? 'supervised' : 'lease',
});
const assign = (role: string | null, more: { strict?: boolean; except?: string[] } = {}): RosterCommand => ({
  ...{ type: 'roster.assign', task: null, title: 'w', by: 's', role, strict: false, except: [], ...more },
});

const begun = () => new LawLife(rosterLaw, rosterStream);

test('whatever is asked of the roster, it comes to what the model comes to', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(rosterSteps, (steps) => {
      for (const { type } of liveRoster(steps).events) seen.add(type);
    }),
    { numRuns: 200 },
  );
  expect(seen.size).toBe(8);
});

test('work goes to the role first, then to any that is idle, longest idle first, then to nobody', () => {
  const life = begun();
  for (const [id, role] of [
    ['a', 'tester'],
    ['b', 'writer'],
    ['c', 'tester'],
  ] as const)
    life.send(join(id, role), 1);
  const got = () => (life.send(assign('tester'), 2) as { member: string | null }).member;
  expect([got(), got(), got(), got()]).toEqual(['a', 'c', 'b', null]);
  life.send({ type: 'roster.free', sessionId: 'c', assignment: null, outcome: 'completed' }, 3);
  life.send({ type: 'roster.free', sessionId: 'a', assignment: null, outcome: 'completed' }, 3);
  expect(got()).toBe('c');
  expect(life.send(assign('writer', { strict: true }), 4)).toMatchObject({ member: null });
  expect(life.send(assign('none', { except: ['a'] }), 4)).toMatchObject({ member: null });
});

test('whoever is not heard of within its lease is dead, also when that is noticed late, and may join again', () => {
  const life = begun();
  life.send(join('a', 'tester', 100), 0);
  life.send(join('b', 'tester'), 0);
  life.send(assign('tester'), 1);
  life.send({ type: 'roster.beat', sessionId: 'a' }, 90);
  expect(life.law.nextDeadline(life.state)).toBe(190);
  life.passTime(9_000);
  expect(life.state.dead).toMatchObject([{ sessionId: 'a', diedAt: 9_000 }]);
  expect(life.state.departures).toMatchObject([{ sessionId: 'a', isEnd: true, work: { title: 'w' } }]);
  expect(life.send({ type: 'roster.beat', sessionId: 'a' }, 9_001)).toBe('NOT_ON_ROSTER');
  expect(life.send(join('a', 'tester', 100), 9_002)).toMatchObject({ joined: true });
  expect(life.state.dead).toEqual([]);
});

test('neither the members nor the memory of the dead grow without end', () => {
  const life = begun();
  for (let n = 0; n < rosterLimits.dead + 5; n++) {
    life.send(join(`s${n}`, 'r'), 1);
    life.send({ type: 'roster.leave', sessionId: `s${n}`, reason: 'r', isEnd: true }, 1);
    life.send({ type: 'roster.clear', departure: life.events.length }, 1);
  }
  expect([life.state.dead.length, life.state.departures.length]).toEqual([rosterLimits.dead, 0]);
  const { members } = life.state;
  const full = {
    ...life.state,
    members: new Proxy(members, {
      get: (of, name) =>
        name === 'size'
          ? rosterLimits.members
          : typeof Reflect.get(of, name, of) === 'function'
            ? (Reflect.get(of, name, of) as () => unknown).bind(of)
            : Reflect.get(of, name, of),
    }),
  };
  expect(life.law.decide(full, join('one more', 'r'), 1, 1)).toMatchObject({
    refusal: { code: 'ROSTER_FULL' },
  });
});

test('the rows of the idle stay small, however often members come and go', () => {
  const life = begun();
  for (const id of ['a', 'b', 'c']) life.send(join(id, 'r', 1_000), 0);
  for (let n = 0; n < 1_000; n++) {
    const { member } = life.send(assign('r'), n) as { member: string };
    life.send({ type: 'roster.free', sessionId: member, assignment: null, outcome: 'completed' }, n);
    for (const id of ['a', 'b', 'c']) life.send({ type: 'roster.beat', sessionId: id }, n);
  }
  const { idle, leases, idleByRole } = life.state;
  for (const heap of [idle, leases, idleByRole.get('r')]) expect(heap?.size).toBeLessThan(80);
});
