// Of which class an error is, and how long one that was told to come back waits.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { errorOf, wireError } from '../../src/actor/worker/worker-protocol.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { classifyError, errorClasses, rateLimitWait, recordedFailure } from '../../src/domain/error-class.ts';

const now = Date.UTC(2026, 0, 1);
const withMembers = (members: object, error = new Error('m')): Error => Object.assign(error, members);

describe('the class of an error', () => {
  test.each<[string, unknown, (typeof errorClasses)[number]]>([
    ['a status 429', withMembers({ status: 429 }), 'rateLimited'],
    ['a status code 429', withMembers({ statusCode: 429 }), 'rateLimited'],
    ['429 in a response', withMembers({ response: { status: 429 } }), 'rateLimited'],
    ['RATE_LIMITED', withMembers({ code: 'RATE_LIMITED' }), 'rateLimited'],
    ['a Retry-After with 503', withMembers({ status: 503, headers: { 'retry-after': '2' } }), 'rateLimited'],
    ['503', withMembers({ status: 503 }), 'transient'],
    ['408', withMembers({ status: 408 }), 'transient'],
    ['a reset connection', withMembers({ code: 'ECONNRESET' }), 'transient'],
    ['a timeout', withMembers({ code: 'ETIMEDOUT' }), 'transient'],
    [
      'fetch that failed',
      new TypeError('fetch failed', { cause: withMembers({ code: 'ECONNREFUSED' }) }),
      'transient',
    ],
    ['a refusal that passes', new HoldfastError('OVERLOADED', { retryAfterMs: 1 }), 'transient'],
    ['a refusal that stays', new HoldfastError('AGENT_NOT_REGISTERED', { agent: 'a' }), 'fatal'],
    ['its own timeout', new HoldfastError('AGENT_TIMEOUT'), 'unknown'],
    ['an exit', new HoldfastError('AGENT_EXITED'), 'unknown'],
    ['a TypeError', new TypeError('m'), 'fatal'],
    ['a ReferenceError', new ReferenceError('m'), 'fatal'],
    ['a full heap', new HoldfastError('AGENT_OUT_OF_MEMORY'), 'outOfMemory'],
    ['a full heap in a worker', withMembers({ code: 'ERR_WORKER_OUT_OF_MEMORY' }), 'outOfMemory'],
    ['400', withMembers({ status: 400 }), 'unknown'],
    ['an error', new Error('m'), 'unknown'],
    ['a text', 'm', 'unknown'],
    ['nothing', undefined, 'unknown'],
  ])('%s: %s is %s', (_, thrown, expected) => {
    expect(classifyError(recordedFailure(thrown, now))).toBe(expected);
  });

  test('is one of them, and looking never throws, whatever was thrown', () => {
    fc.assert(
      fc.property(fc.anything(), (thrown) => {
        expect(errorClasses).toContain(classifyError(recordedFailure(thrown, now)));
      }),
    );
    const hostile = new Proxy(new Error('m'), {
      get: () => {
        throw new Error('no');
      },
    });
    expect(classifyError(recordedFailure(hostile, now))).toBe('unknown');
  });
});

test('an error of an agent in a thread of its own is of the same class', () => {
  const thrown = [
    withMembers({ status: 429, headers: { 'retry-after': '3' } }),
    new TypeError('fetch failed', { cause: withMembers({ code: 'ECONNREFUSED' }) }),
    new HoldfastError('OVERLOADED', { retryAfterMs: 1 }),
    new ReferenceError('m'),
  ];
  for (const error of thrown)
    expect(recordedFailure(errorOf(wireError(error)), now)).toEqual(recordedFailure(error, now));
});

describe('when to come back', () => {
  test.each<[string, object, number | undefined]>([
    ['retryAfterMs', { retryAfterMs: 1_500 }, 1_500],
    ['details.retryAfterMs', { details: { retryAfterMs: 7 } }, 7],
    ['retryAfter in seconds', { retryAfter: 1.5 }, 1_500],
    ['a header as a record', { headers: { 'retry-after': '3' } }, 3_000],
    ['a header of fetch', { response: { headers: new Headers({ 'Retry-After': '4' }) } }, 4_000],
    ['a header in ms first', { headers: { 'retry-after-ms': '20', 'retry-after': '3' } }, 20],
    ['a date', { headers: { 'retry-after': new Date(now + 5_000).toUTCString() } }, 5_000],
    ['a date that has passed', { retryAfter: new Date(now - 5_000).toUTCString() }, 0],
    ['nonsense', { retryAfter: 'soon', retryAfterMs: -1 }, undefined],
    ['no number', { retryAfterMs: Number.NaN }, undefined],
  ])('%s', (_, members, expected) => {
    expect(recordedFailure(withMembers(members), now).retryAfterMs).toBe(expected);
  });

  test.each([
    [2_000, 0, 0, 2_000],
    [2_000, 9, 1, 2_500],
    [undefined, 0, 0, 1_000],
    [undefined, 3, 0, 8_000],
    [undefined, 40, 0, 600_000],
    [86_400_000, 0, 0, 600_000],
    [86_400_000, 0, 1, 750_000],
    [0, 5, 1, 0],
  ])('told %s, after %i waits, with chance %d: %i ms', (told, waits, chance, expected) => {
    expect(rateLimitWait(told, waits, chance)).toBe(expected);
  });
});
