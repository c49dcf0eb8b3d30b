// The health of the storage as a table: what was met, and what it is then.
import { describe, expect, test } from 'vitest';
import {
  backOffMs,
  healthyStorage,
  type StorageEvent,
  type StorageFault,
  type StorageState,
  stepStorage,
  storageFault,
} from '../../src/journal/store/storage-health.ts';

const stateAfter = (...events: StorageEvent[]): StorageState => events.reduce(stepStorage, healthyStorage);

const failed = (fault: StorageFault): StorageEvent => ({ type: 'failed', fault });
const probeFailed = (fault: StorageFault): StorageEvent => ({ type: 'probeFailed', fault });
const openFailed = (fault: StorageFault): StorageEvent => ({ type: 'openFailed', fault });
const closing: StorageEvent = { type: 'closing' };
const opened = (short = false): StorageEvent => ({ type: 'opened', short });
const eased: StorageEvent = { type: 'eased' };

const table: readonly [string, StorageEvent[], Partial<StorageState>][] = [
  ['a write that failed', [failed('io')], { health: 'reopening', reads: true, writes: 'none' }],
  [
    'a probe that failed',
    [failed('full'), probeFailed('full')],
    { health: 'degraded', reads: true, writes: 'none', failures: 1 },
  ],
  ['closing', [failed('io'), closing], { health: 'reopening', reads: false, writes: 'none' }],
  [
    'an opening that failed',
    [failed('io'), closing, openFailed('io')],
    { health: 'reopening', reads: false, failures: 1 },
  ],
  [
    'a probe without anything open',
    [failed('io'), closing, openFailed('io'), probeFailed('io')],
    { health: 'reopening', reads: false, failures: 2 },
  ],
  [
    'an opening on a full disk that says something else',
    [failed('full'), probeFailed('full'), closing, openFailed('io')],
    { fault: 'full', failures: 2 },
  ],
  ['being opened', [failed('io'), closing, opened()], healthyStorage],
  [
    'being opened out of the reserve',
    [failed('full'), closing, opened(true)],
    { health: 'degraded', reads: true, writes: 'urgent', fault: 'full' },
  ],
  ['space again', [failed('full'), closing, opened(true), eased], healthyStorage],
  [
    'space while nothing was short',
    [failed('full'), probeFailed('full'), eased],
    { health: 'degraded', writes: 'none' },
  ],
  [
    'a full disk while urgent writes were taken',
    [failed('full'), closing, opened(true), failed('full')],
    { health: 'reopening', reads: true, writes: 'none' },
  ],
  ['a directory that is gone', [failed('gone')], { health: 'quarantined', reads: true, writes: 'none' }],
  [
    'damage at the opening',
    [failed('io'), closing, openFailed('corrupt')],
    { health: 'quarantined', reads: false, writes: 'none' },
  ],
  [
    'whatever comes after that',
    [failed('gone'), opened(), eased, closing],
    { health: 'quarantined', reads: true, writes: 'none' },
  ],
];

describe('the health of the storage', () => {
  test.each(table)('after %s', (_, events, expected) => {
    expect(stateAfter(...events)).toMatchObject(expected);
  });

  test.each<StorageFault>(['full', 'io'])('%s is retried for ever, whatever fails', (fault) => {
    const thousand = Array.from({ length: 1_000 }, () => [
      probeFailed(fault),
      closing,
      openFailed(fault),
    ]).flat();
    expect(stateAfter(failed(fault), ...thousand).health).toBe('reopening');
  });

  test('waits twice as long each time, up to a bound that is lower while nothing can be read', () => {
    const backOff = { firstDelayMs: 10, longestDelayMs: 30_000, longestBlindMs: 5_000 };
    const state = (failures: number, reads: boolean): StorageState => ({
      ...healthyStorage,
      failures,
      reads,
    });
    expect([1, 2, 3].map((failures) => backOffMs(state(failures, true), backOff, 0))).toEqual([10, 20, 40]);
    expect(backOffMs(state(100, true), backOff, 0)).toBe(30_000);
    expect(backOffMs(state(100, false), backOff, 0)).toBe(5_000);
    expect(backOffMs(state(100, true), backOff, 1)).toBe(24_000);
  });
});

describe('what a fault is', () => {
  test.each<[unknown, StorageFault]>([
    [
      Object.assign(new Error('IO error: 000005.log: No space left on device'), { code: 'LEVEL_IO_ERROR' }),
      'full',
    ],
    [Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }), 'full'],
    [Object.assign(new Error('Disk quota exceeded'), { code: 'EDQUOT' }), 'full'],
    [new Error('it failed', { cause: Object.assign(new Error('full'), { code: 'ENOSPC' }) }), 'full'],
    [Object.assign(new Error('IO error: Too many open files'), { code: 'LEVEL_IO_ERROR' }), 'io'],
    [Object.assign(new Error('read-only'), { code: 'EROFS' }), 'io'],
    [Object.assign(new Error('bad'), { code: 'LEVEL_CORRUPTION' }), 'corrupt'],
    [
      new Error('it failed', { cause: Object.assign(new Error('bad'), { code: 'LEVEL_CORRUPTION' }) }),
      'corrupt',
    ],
    [Object.assign(new Error('gone'), { code: 'JOURNAL_GONE' }), 'gone'],
    [Object.assign(new Error('taken'), { code: 'JOURNAL_LOCKED' }), 'gone'],
    [undefined, 'io'],
    ['a text', 'io'],
  ])('%s', (error, fault) => {
    expect(storageFault(error)).toBe(fault);
  });
});
