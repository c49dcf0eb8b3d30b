// The law of a condition: what replaces what, what changes nothing, and that what a head tells is all that is shown.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ConditionCommand,
  type ConditionKind,
  type ConditionState,
  conditionLaw,
  conditionOfHead,
  conditionStream,
} from '../../src/domain/recovery/condition-law.ts';
import { decideCommand } from '../../src/entity/decide.ts';
import { conditionCommands } from '../support/condition-arbitraries.ts';

const stream = conditionStream('s1');

const set = (condition: ConditionKind, more: object = {}, askedAt = 5): ConditionCommand => ({
  type: 'condition.set',
  ...{ condition, reason: 'because', error: null, restarts: 0, askedAt },
  ...more,
});
const clear = (condition?: ConditionKind, askedAt = 9): ConditionCommand => ({
  type: 'condition.clear',
  ...(condition !== undefined && { condition }),
  ...{ reason: 'healed', askedAt },
});

/** The types of the events and the reply of the last command, and the state after all of them. */
function run(...commands: readonly ConditionCommand[]) {
  let state: ConditionState = conditionLaw.initial(stream);
  let types: readonly string[] = [];
  let reply: unknown;
  for (const [index, command] of commands.entries()) {
    const decided = decideCommand(
      conditionLaw,
      stream,
      { state, seq: index, at: 1_000 },
      command,
      {},
      2 ** 20,
    );
    if ('refusal' in decided) throw new Error(decided.refusal.code);
    types = decided.events.map(({ draft }) => draft.event.type);
    reply = decided.reply;
    state = decided.events.at(-1)?.state ?? state;
  }
  return { types, reply, state };
}

describe('the law of a condition', () => {
  test('has none to begin with, and after its stream was removed', () => {
    for (const state of [conditionLaw.initial(stream), conditionLaw.tombstone(stream)]) {
      expect(state).toEqual({ sessionId: 's1', current: null, changedAt: 0 });
      expect(conditionLaw.summarize(state)).toEqual({ status: 'clear', dueAt: null, summary: {} });
    }
  });

  test('sets a condition from when it was asked for', () => {
    const { types, reply, state } = run(set('recovering', { restarts: 2 }, 77));
    expect(types).toEqual(['condition.set']);
    expect(reply).toEqual({ condition: 'recovering' });
    expect(state.current).toEqual({
      ...{ condition: 'recovering', reason: 'because', error: null, restarts: 2, since: 77 },
    });
  });

  test('changes nothing when what is set is set again with the same data', () => {
    const error = { name: 'E', message: 'm', code: 'C' };
    const again = run(set('recovering', { error }, 5), set('recovering', { error: { ...error } }, 6));
    expect(again.types).toEqual([]);
    expect(again.reply).toEqual({ condition: 'recovering' });
  });

  test.each([
    { reason: 'other' },
    { restarts: 1 },
    { error: { name: 'E', message: 'm', code: 'D' } },
    { error: { name: 'E', message: 'n', code: 'C' } },
    { error: { name: 'F', message: 'm', code: 'C' } },
    { error: { name: 'E', message: 'm' } },
    { error: null },
  ])('keeps what is new in %j, and since when the condition stands', (change) => {
    const first = set('recovering', { error: { name: 'E', message: 'm', code: 'C' } }, 5);
    const { types, state } = run(first, { ...first, ...change, askedAt: 8 } as ConditionCommand);
    expect(types).toEqual(['condition.set']);
    expect(state.current).toMatchObject({ ...change, since: 5 });
  });

  test('lets quarantined replace recovering, from then on', () => {
    const { state } = run(set('recovering', {}, 5), set('quarantined', {}, 8));
    expect(state.current).toMatchObject({ condition: 'quarantined', since: 8 });
  });

  test('never lets recovering replace quarantined, and says what stands', () => {
    const { types, reply, state } = run(set('quarantined'), set('recovering'));
    expect(types).toEqual([]);
    expect(reply).toEqual({ condition: 'quarantined' });
    expect(state.current?.condition).toBe('quarantined');
    const forged = { stream, seq: 2, at: 1, type: 'condition.set', typeVersion: 1, data: set('recovering') };
    expect(conditionLaw.evolve(state, forged)).toBeUndefined();
  });

  test.each([
    ['recovering', undefined, null],
    ['recovering', 'recovering', null],
    ['quarantined', undefined, null],
    ['recovering', 'quarantined', 'recovering'],
    ['quarantined', 'recovering', 'quarantined'],
  ] as const)('that is %s and told to clear %s is then %s', (condition, cleared, stands) => {
    const { types, reply, state } = run(set(condition), clear(cleared));
    expect(types).toEqual(stands === null ? ['condition.cleared'] : []);
    expect(reply).toEqual({ condition: stands });
    expect(state.current?.condition ?? null).toBe(stands);
  });

  test('answers that there is nothing to clear', () => {
    expect(run(clear())).toMatchObject({ types: [], reply: { condition: null } });
    expect(run(set('recovering'), clear(), clear())).toMatchObject({ types: [], reply: { condition: null } });
  });

  test('takes no event that does not follow', () => {
    const { state } = run(set('recovering'));
    const event = { stream, seq: 2, at: 1, typeVersion: 1 };
    const data = { condition: 'quarantined', reason: '' };
    expect(conditionLaw.evolve(state, { ...event, type: 'condition.cleared', data })).toBeUndefined();
    expect(conditionLaw.evolve(state, { ...event, type: 'session.created', data })).toBeUndefined();
    expect(conditionLaw.explain(state, { type: 'condition.cleared', data })).toEqual({
      code: 'INVALID_TRANSITION',
      details: { sessionId: 's1', from: 'recovering', to: 'condition.cleared', hint: expect.any(String) },
    });
  });

  test('never goes back in time, whenever it was asked for', () => {
    const { state } = run(set('recovering', {}, 50), clear(undefined, 40), set('quarantined', {}, 30));
    expect(state).toMatchObject({ changedAt: 50, current: { since: 50 } });
  });

  test('tells all that is shown of it in the head, and reads it back from a snapshot', () => {
    fc.assert(
      fc.property(conditionCommands, (commands) => {
        const { state } = run(...commands);
        const head = JSON.parse(JSON.stringify(conditionLaw.summarize(state)));
        expect(conditionOfHead(head) ?? null).toEqual(state.current);
        expect(conditionLaw.decode(conditionLaw.encode(state))).toEqual(state);
      }),
    );
  });

  test('knows no condition of a head with any other status', () => {
    for (const status of ['clear', 'deleted', 'active', 'toString'])
      expect(conditionOfHead({ status, summary: null })).toBeUndefined();
  });
});
