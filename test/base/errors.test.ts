// The one error: recognised by its code, complete as data, and never the cause of another error.
import { describe, expect, test } from 'vitest';
import { errorCatalogue } from '../../src/base/error-catalogue.ts';
import {
  assertNever,
  attempt,
  type ErrorCode,
  HoldfastError,
  textOf,
  toError,
} from '../../src/base/errors.ts';

describe('an error of the house', () => {
  test('says what its code says, filled from its details', () => {
    const error = new HoldfastError('SESSION_NOT_ACTIVE', {
      sessionId: 's1',
      status: 'ended',
      command: 'message.send',
    });
    expect(error.message).toBe('The session s1 is ended and does not take message.send');
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'HoldfastError', code: 'SESSION_NOT_ACTIVE', retryable: false });
  });

  test('can be made of every code without details', () => {
    for (const code of Object.keys(errorCatalogue) as ErrorCode[]) {
      const error = new HoldfastError(code);
      expect(error.retryable).toBe(errorCatalogue[code].retryable);
      expect(error.message).not.toMatch(/[{}]|undefined/);
    }
  });

  test('can be made of details that are no JSON', () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    const odd = [cycle, 1n, Symbol('s'), () => 1, Object.create(null), new Map(), null, Number.NaN];
    for (const value of odd) {
      const error = new HoldfastError('INVALID_ID', { value, problem: value });
      expect(error.message.length).toBeGreaterThan(10);
    }
  });

  test('shows no more than the beginning of a long text', () => {
    const { message } = new HoldfastError('INVALID_ID', { value: 'x'.repeat(10_000), problem: 'long' });
    expect(message.length).toBeLessThan(300);
  });

  test('is data for logs and wires without its cause, and keeps the cause in the process', () => {
    const cause = new Error('secret');
    const error = new HoldfastError(
      'OVERLOADED',
      { stream: 'session/a', size: 3, retryAfterMs: 20 },
      { cause },
    );
    expect(error.cause).toBe(cause);
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: 'OVERLOADED',
      message: 'Too much waits for session/a: 3, try again in 20 ms',
      retryable: true,
      details: { stream: 'session/a', size: 3, retryAfterMs: 20 },
    });
  });

  test('is recognised by its brand and code, also from another copy of the library', () => {
    const error = new HoldfastError('INVALID_ID');
    const copied = { [Symbol.for('holdfast.error')]: true, code: 'INVALID_ID' };
    for (const one of [error, copied]) {
      expect(HoldfastError.is(one)).toBe(true);
      expect(HoldfastError.is(one, 'INVALID_ID')).toBe(true);
      expect(HoldfastError.is(one, 'OVERLOADED')).toBe(false);
    }
    for (const other of [new Error('x'), { code: 'INVALID_ID' }, null, undefined, 'INVALID_ID', 1]) {
      expect(HoldfastError.is(other)).toBe(false);
    }
  });
});

describe('attempt', () => {
  test('gives the value, or the error of the house, as data', async () => {
    expect(await attempt(Promise.resolve(1))).toEqual({ ok: true, value: 1 });
    const error = new HoldfastError('OVERLOADED');
    expect(await attempt(Promise.reject(error))).toEqual({ ok: false, error });
  });

  test('throws on what is a mistake in the program', async () => {
    await expect(attempt(Promise.reject(new TypeError('mistake')))).rejects.toThrow(TypeError);
  });
});

describe('anything that was thrown', () => {
  test('is an Error afterwards, and the same one if it was one', () => {
    const error = new Error('x');
    expect(toError(error)).toBe(error);
    expect(toError('text').message).toBe('text');
    expect(toError(undefined).message).toBe('undefined');
    const hostile = {
      toString() {
        throw new Error('again');
      },
    };
    for (const thrown of [Object.create(null), hostile, Symbol('s')])
      expect(toError(thrown)).toBeInstanceOf(Error);
    const unreadable = Object.defineProperty(new Error(), 'message', { get: hostile.toString });
    const disguised = new Proxy(new Error('x'), { getPrototypeOf: hostile.toString });
    for (const thrown of [unreadable, disguised]) expect(toError(thrown).message).toEqual(expect.any(String));
    expect(textOf(Object.create(null))).toBe('an object without a text');
  });

  test('that nobody thought of ends a switch', () => {
    expect(() => assertNever('new' as never)).toThrow(TypeError);
  });
});
