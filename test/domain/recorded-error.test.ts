// What the journal keeps of an error, whatever was thrown.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundedText, recordedError } from '../../src/domain/recorded-error.ts';

describe('what is kept of an error', () => {
  test('is its name, its message and its code', () => {
    expect(recordedError(Object.assign(new RangeError('far'), { code: 'E_FAR' }))).toEqual({
      ...{ name: 'RangeError', message: 'far', code: 'E_FAR' },
    });
    expect(recordedError(Object.assign(new Error('m'), { code: 28 })).code).toBe('28');
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
    expect(recordedError(thrown)).toEqual(expected);
  });

  test('is something also of an error that cannot be looked at', () => {
    const hostile = new Proxy(new Error('m'), {
      get() {
        throw new Error('do not look');
      },
    });
    expect(recordedError(hostile)).toEqual({ name: 'Error', message: 'an object without a text' });
  });

  test('is at most 1,000 characters of its message and 100 of its name and code', () => {
    const kept = recordedError(
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
