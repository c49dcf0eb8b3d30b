// The scratchpad of a session: any key is data, newest first, and full when it is full.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Json, plainJson } from '../../src/base/json.ts';
import type { SessionConfig } from '../../src/domain/session/session-config.ts';
import { listItems } from '../../src/domain/session/working-context.ts';
import { json } from '../support/session-arbitraries.ts';
import { SessionLife } from '../support/session-life.ts';
import { openedAt, opening } from '../support/session-states.ts';

function lifeWith(config: Partial<SessionConfig> = {}): SessionLife {
  const life = new SessionLife();
  life.send(opening(config), openedAt);
  return life;
}

const set = (life: SessionLife, key: string, value: Json): ReturnType<SessionLife['send']> =>
  life.send({ type: 'memory.set', key, value }, openedAt);
const remove = (life: SessionLife, key: string): ReturnType<SessionLife['send']> =>
  life.send({ type: 'memory.delete', key }, openedAt);
const keysOf = (life: SessionLife): readonly string[] => listItems(life.state.memory).map(({ key }) => key);

const odd = [
  '__proto__',
  'constructor',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '',
  '1',
  '0',
  '\ud800',
  '日本',
];

describe('the working context', () => {
  test('lists its keys newest first; setting one again makes it the newest', () => {
    const life = lifeWith();
    for (const key of ['a', 'b', 'c']) set(life, key, 1);
    expect(keysOf(life)).toEqual(['c', 'b', 'a']);
    set(life, 'a', 2);
    expect(keysOf(life)).toEqual(['a', 'c', 'b']);
    remove(life, 'c');
    expect(keysOf(life)).toEqual(['a', 'b']);
  });

  test('keeps values as they are, null and empty ones too', () => {
    const life = lifeWith();
    const values: readonly Json[] = [null, '', 0, false, [], {}, plainJson(JSON.parse('{"__proto__":1}'))];
    for (const [i, value] of values.entries()) set(life, `k${i}`, value);
    expect(
      listItems(life.state.memory)
        .map(({ value }) => value)
        .reverse(),
    ).toEqual(values);
  });

  test('takes any text as a key, and has none that was not set', () => {
    const life = lifeWith();
    for (const key of odd) {
      expect(life.state.memory.items.get(key)).toBeUndefined();
      expect(remove(life, key)).toEqual({
        refusal: { code: 'KEY_NOT_FOUND', details: { sessionId: 's1', key } },
      });
    }
    for (const key of odd) set(life, key, key);
    expect(listItems(life.state.memory).map(({ key, value }) => [key, value])).toEqual(
      [...odd].reverse().map((key) => [key, key]),
    );
  });

  test('is full at its number of keys: a new one is refused, a known one may change, a deleted one makes room', () => {
    const life = lifeWith({ maxMemoryKeys: 2 });
    set(life, 'a', 1);
    set(life, 'b', 1);
    const before = life.state;
    expect(set(life, 'c', 1)).toEqual({
      refusal: {
        code: 'AT_CAPACITY',
        details: { sessionId: 's1', what: 'working context', size: 2, limit: 2 },
      },
    });
    expect(life.state).toBe(before);
    expect(set(life, 'a', 2)).not.toHaveProperty('refusal');
    remove(life, 'b');
    expect(set(life, 'c', 1)).not.toHaveProperty('refusal');
    expect(keysOf(life)).toEqual(['c', 'a']);
  });

  test('is full at its number of bytes, to the byte, keys and values as JSON together', () => {
    const life = lifeWith({ maxMemoryBytes: 10 });
    expect(set(life, 'ä', 'ö')).not.toHaveProperty('refusal');
    expect(life.state.memory.bytes).toBe(6);
    expect(set(life, 'kk', 123)).toEqual({
      refusal: {
        code: 'AT_CAPACITY',
        details: { sessionId: 's1', what: 'working context in bytes', size: 11, limit: 10 },
      },
    });
    expect(set(life, 'kk', 12)).not.toHaveProperty('refusal');
    expect(set(life, 'ä', '日')).toMatchObject({ refusal: { details: { size: 11 } } });
    expect(set(life, 'ä', '')).not.toHaveProperty('refusal');
  });

  test('property: behaves as a map in the order of setting, and counts its bytes', () => {
    const step = fc.tuple(fc.constantFrom('a', 'b', ...odd), fc.option(json, { nil: undefined }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const life = lifeWith();
        const model = new Map<string, Json>();
        for (const [key, value] of steps) {
          model.delete(key);
          if (value === undefined) remove(life, key);
          else {
            set(life, key, value);
            model.set(key, value);
          }
        }
        expect(listItems(life.state.memory).map(({ key, value }) => [key, value])).toEqual(
          [...model].reverse(),
        );
        const bytes = [...model].map(([key, value]) => Buffer.byteLength(key + JSON.stringify(value)));
        expect(life.state.memory.bytes).toBe(bytes.reduce((sum, size) => sum + size, 0));
      }),
    );
  });
});
