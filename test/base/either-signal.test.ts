// One signal for two: aborted by either, and gone without a trace when it is not needed any more.
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { eitherSignal } from '../../src/base/either-signal.ts';

describe('a signal for two', () => {
  test.each([0, 1])('is aborted by either of them, with its reason', (which) => {
    const controllers = [new AbortController(), new AbortController()] as const;
    const { signal } = eitherSignal(controllers[0].signal, controllers[1].signal);
    expect(signal.aborted).toBe(false);
    controllers[which]?.abort('the reason');
    expect(signal.reason).toBe('the reason');
  });

  test.each([0, 1])('is aborted from the start when one of them is', (which) => {
    const signals = [new AbortController().signal, new AbortController().signal];
    signals[which] = AbortSignal.abort('long ago');
    const [first, second] = signals as [AbortSignal, AbortSignal];
    expect(eitherSignal(first, second).signal.reason).toBe('long ago');
    for (const each of signals) expect(getEventListeners(each, 'abort')).toEqual([]);
  });

  test('leaves nothing in them once it is released', () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const { signal, release } = eitherSignal(first.signal, second.signal);
    release();
    for (const each of [first, second]) {
      expect(getEventListeners(each.signal, 'abort')).toEqual([]);
      each.abort();
    }
    expect(signal.aborted).toBe(false);
  });

  test('of one and the same is that one', () => {
    const { signal } = new AbortController();
    expect(eitherSignal(signal, signal).signal).toBe(signal);
  });
});
