// The law of a condition: what replaces what, what changes nothing, and that what a head tells is all that is shown.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  boundedText,
  type ConditionCommand,
  type ConditionKind,
  type ConditionState,
  conditionError,
  conditionLaw,
  conditionOfHead,
  conditionStream,
} from '../../src/domain/condition-law.ts';
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
      details: { sessionId: 's1', from: 'recovering', to: 'condition.cleared' },
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

describe('what is kept of an error', () => {
  test('is its name, its message and its code', () => {
    expect(conditionError(Object.assign(new RangeError('far'), { code: 'E_FAR' }))).toEqual({
      ...{ name: 'RangeError', message: 'far', code: 'E_FAR' },
    });
    expect(conditionError(Object.assign(new Error('m'), { code: 28 })).code).toBe('28');
  });

  test.each([
    ['text', { name: 'Error', message: 'text' }],
    [undefined, { name: 'Error', message: 'undefined' }],
    [{}, { name: 'Error', message: '[object Object]' }],
    [Object.create(null), { name: 'Error', message: 'an object without a text' }],
    [
      { name: {}, message: [], code: null },
      { name: 'Error', message: '[object Object]' },
    ],
    [
      { name: 'N', message: '' },
      { name: 'N', message: '' },
    ],
  ])('is something also of %j', (thrown, expected) => {
    expect(conditionError(thrown)).toEqual(expected);
  });

  test('is something also of an error that cannot be looked at', () => {
    const hostile = new Proxy(new Error('m'), {
      get() {
        throw new Error('do not look');
      },
    });
    expect(conditionError(hostile)).toEqual({ name: 'Error', message: 'an object without a text' });
  });

  test('is at most 1,000 characters of its message and 100 of its name and code', () => {
    const kept = conditionError(
      Object.assign(new Error('m'.repeat(2_000)), { name: 'n'.repeat(200), code: 'c'.repeat(200) }),
    );
    expect([kept.message.length, kept.name.length, kept.code?.length]).toEqual([1_000, 100, 100]);
  });

  test('is well-formed Unicode, wherever it is cut', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.array(fc.nat(0xffff)),
        fc.nat(12),
        (text, units, limit) => {
          const whole = text + String.fromCharCode(...units);
          const bounded = boundedText(whole, limit + 1);
          expect(/\p{Cs}/u.test(bounded)).toBe(false);
          expect(bounded.length).toBeLessThanOrEqual(limit + 1);
          if (whole.length > limit + 1) expect(bounded.endsWith('…')).toBe(true);
          else expect(bounded).toBe(whole.replace(/\p{Cs}/gu, '\uFFFD'));
        },
      ),
    );
    expect(boundedText('ab😀cd', 4)).toBe('ab…');
  });
});
