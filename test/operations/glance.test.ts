// What is taken at a glance is what the schema would have made of it; everything else is left to the schema.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { glanceOf } from '../../src/operations/glance.ts';
import { type OperationName, operations } from '../../src/operations/registry.ts';

const names = Object.keys(operations) as OperationName[];
const glanced = names.filter((name) => glanceOf(operations[name].input) !== undefined);

const value = fc.oneof(
  fc.constantFrom('a', '', 'user', 'system', '-a', 'a'.repeat(64), 'a'.repeat(65), 'ü', '__proto__'),
  fc.string(),
  fc.jsonValue(),
  fc.constant(undefined),
);
const member = fc.constantFrom('sessionId', 'role', 'content', 'reason', 'pinned', '__proto__', 'x');
const input = fc.oneof(
  { weight: 5, arbitrary: fc.dictionary(member, value, { maxKeys: 4 }) },
  {
    weight: 5,
    arbitrary: fc.record({ sessionId: value, role: value, content: value }, { requiredKeys: [] }),
  },
  { weight: 1, arbitrary: fc.anything() },
);

describe('an input', () => {
  test('is taken as the schema takes it, or left to the schema', () => {
    fc.assert(
      fc.property(fc.constantFrom(...glanced), input, (name, given) => {
        const schema: z.ZodType = operations[name].input;
        const taken = glanceOf(schema)?.(given);
        if (taken !== undefined) expect(schema.safeParse(given)).toEqual({ success: true, data: taken });
      }),
      { numRuns: 2_000 },
    );
  });

  test('of an id, and of a plain message, is taken', () => {
    const message = { sessionId: 'a', role: 'user', content: 'hello' };
    expect(glanceOf(operations['messages.send'].input)?.(message)).toEqual(message);
    expect(glanceOf(operations['sessions.get'].input)?.({ sessionId: 'a' })).toEqual({ sessionId: 'a' });
  });

  test('is a copy: what the caller changes afterwards is his own', () => {
    const given = { sessionId: 'a' };
    expect(glanceOf(operations['sessions.get'].input)?.(given)).not.toBe(given);
  });

  test.each([
    ['with more than must be there', { sessionId: 'a', role: 'user', content: 'b', pinned: true }],
    ['with a role that there is not', { sessionId: 'a', role: 'nobody', content: 'b' }],
    ['with an id that is none', { sessionId: '-', role: 'user', content: 'b' }],
    ['with parts for its text', { sessionId: 'a', role: 'user', content: [] }],
    [
      'of a class',
      new (class {
        sessionId = 'a';
        role = 'user';
        content = 'b';
      })(),
    ],
    [
      'that throws',
      Object.defineProperty({ sessionId: 'a', role: 'user' }, 'content', {
        enumerable: true,
        get() {
          throw new Error('no');
        },
      }),
    ],
  ])('%s is left to the schema', (_, given) => {
    expect(glanceOf(operations['messages.send'].input)?.(given)).toBeUndefined();
  });
});

test('an operation that fills in what is missing is left to its schema', () => {
  expect(glanceOf(operations['sessions.pause'].input)).toBeUndefined();
  expect(glanceOf(z.string())).toBeUndefined();
});
