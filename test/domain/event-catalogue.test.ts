// What agents may publish: known types, all that is required, nothing else, and every value of its type.
import { describe, expect, test } from 'vitest';
import { type Json, plainJson } from '../../src/base/json.ts';
import { checkEvent, isTransient, publishableEvents } from '../../src/domain/event-catalogue.ts';
import { openedAt, openLife } from '../support/session-states.ts';

type Data = { readonly [key: string]: Json };

const samples: Readonly<Record<string, readonly [right: Json, wrong: readonly Json[]]>> = {
  string: ['', [null, 1, true, {}, []]],
  number: [0, [null, '1', true, {}, []]],
  boolean: [false, [null, 0, '', {}, []]],
  array: [[], [null, 0, '', {}, false]],
  any: [null, []],
};

const sample = (type: string): Json => samples[type]?.[0] ?? null;
const dataOf = (fields: Readonly<Record<string, string>>): Data =>
  Object.fromEntries(Object.entries(fields).map(([field, type]) => [field, sample(type)]));

const shapes = Object.entries(publishableEvents).map(([type, { required, optional }]) => ({
  type,
  required: required as Readonly<Record<string, string>>,
  optional: optional as Readonly<Record<string, string>>,
}));

describe.each(shapes)('$type', ({ type, required, optional }) => {
  test('takes what is required, with and without what is optional', () => {
    expect(checkEvent(type, dataOf(required))).toBeUndefined();
    expect(checkEvent(type, dataOf({ ...required, ...optional }))).toBeUndefined();
  });

  test('names the field that is missing', () => {
    for (const field of Object.keys(required)) {
      const { [field]: _, ...rest } = dataOf({ ...required, ...optional });
      expect(checkEvent(type, rest)).toEqual({ code: 'MISSING_EVENT_FIELD', details: { type, field } });
    }
  });

  test('names the field whose value is of another type, and both types', () => {
    for (const [field, expected] of Object.entries({ ...required, ...optional })) {
      for (const value of samples[expected]?.[1] ?? []) {
        const found = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
        expect(checkEvent(type, { ...dataOf(required), [field]: value })).toEqual({
          code: 'INVALID_EVENT_FIELD',
          details: { type, field, problem: `it is ${found}, not ${expected}` },
        });
      }
    }
  });

  test.each(['surplus', '', 'constructor', 'toString', '__proto__', 'entry', 'size'])(
    'has no field named "%s"',
    (field) => {
      const data = plainJson(
        JSON.parse(
          JSON.stringify(dataOf(required))
            .replace('{', `{${JSON.stringify(field)}:"x",`)
            .replace(',}', '}'),
        ),
      ) as Data;
      expect(Object.keys(data)).toContain(field);
      expect(checkEvent(type, data)).toEqual({
        code: 'INVALID_EVENT_FIELD',
        details: { type, field, problem: 'the event has no such field' },
      });
    },
  );
});

describe('the catalogue', () => {
  test.each(['nothing', '', 'toString', '__proto__', 'session.statusChanged', 'message.sent', 'xstate.stop'])(
    'does not know the type "%s"',
    (type) => {
      const refusal = { code: 'UNKNOWN_EVENT_TYPE', details: { value: type } };
      expect(checkEvent(type, {})).toEqual(refusal);
      const outcome = openLife().send({ type: 'event.publish', event: type, data: {} }, openedAt);
      expect(outcome).toEqual({ refusal });
    },
  );

  test.each(shapes)('keeps $type in the journal, or never', ({ type, required }) => {
    const life = openLife();
    const [before, seq] = [life.state, life.seq];
    const outcome = life.send({ type: 'event.publish', event: type, data: dataOf(required) }, openedAt);
    if (isTransient(type as keyof typeof publishableEvents)) {
      expect(outcome).toHaveProperty('refusal');
      expect(life.state).toBe(before);
    } else {
      expect(life.steps.slice(seq).map(({ event }) => event.type)).toEqual([type]);
      expect(life.steps.at(-1)?.event.data).toMatchObject(dataOf(required));
    }
  });

  test('streams tokens and the moods of agents without keeping them, and keeps everything else', () => {
    const transient = shapes
      .map(({ type }) => type)
      .filter((type) => isTransient(type as keyof typeof publishableEvents));
    expect(transient).toEqual(['llm.chunkStreamed', 'agent.statusChanged', 'agent.streamed']);
  });
});
