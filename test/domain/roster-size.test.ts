// A large roster: what one change, and reading all of it, costs is counted in entries that are put into maps and sets.
import { expect, test, vi } from 'vitest';
import type { RosterCommand } from '../../src/domain/roster/roster-commands.ts';
import { rosterLaw, rosterStream } from '../../src/domain/roster/roster-law.ts';
import { LawLife } from '../support/law-life.ts';

const members = 1_000;

function entriesPut(job: () => unknown): number {
  const spies = [vi.spyOn(Map.prototype, 'set'), vi.spyOn(Set.prototype, 'add')];
  try {
    job();
    return spies.reduce((sum, { mock }) => sum + mock.calls.length, 0);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

const join = (sessionId: string): RosterCommand => ({
  ...{ type: 'roster.join', sessionId, role: 'r', leaseMs: 1, liveness: 'supervised', resting: false },
});

const give = (taskId: string): RosterCommand => ({
  ...{ type: 'roster.assign', task: { sessionId: 's', taskId }, title: 'w', by: 's', role: null },
  ...{ strict: false, except: [] },
});

/** All members but the last have a task of one session. */
function crowded() {
  const life = new LawLife(rosterLaw, rosterStream);
  for (let i = 0; i < members; i++) life.send(join(`m${i}`), i);
  for (let i = 1; i < members; i++) life.send(give(`t${i}`), members + i);
  return life;
}

test('a task more of a session that has given out a thousand copies few of them, and so does one less', () => {
  const life = crowded();
  const given = entriesPut(() => life.send(give('last'), 3 * members));
  expect(life.state.tasksOf.get('s')?.size).toBe(members);
  const free = { type: 'roster.free', sessionId: 'm7', assignment: null, outcome: 'completed' } as const;
  const freed = entriesPut(() => life.send(free, 3 * members + 1));
  expect(life.state.tasksOf.get('s')?.size).toBe(members - 1);
  expect(Math.max(given, freed)).toBeLessThan(members / 2);
});

test('it is read in one go through its members, and is what it was', () => {
  const { state } = crowded();
  const text = rosterLaw.encode(state);
  let read = state;
  const put = entriesPut(() => {
    read = rosterLaw.decode(text);
  });
  expect(put).toBeLessThan(10 * members);
  expect(new Map(read.tasksOf.get('s')?.entries())).toEqual(new Map(state.tasksOf.get('s')?.entries()));
  expect(read.byTask).toEqual(state.byTask);
});
