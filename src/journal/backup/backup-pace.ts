// How fast a backup may go: so many bytes a second, and a turn of the event loop for everybody else after each step.
import { setImmediate } from 'node:timers/promises';
import { type Clock, delay } from '../../base/clock.ts';

export interface Pace {
  /** Resolves when it may go on after so many bytes. */
  after(bytes: number): Promise<void>;
}

/** One second's worth may be used at once; `signal` ends it with its reason. */
export function paced(clock: Clock, bytesPerSecond: number, signal?: AbortSignal): Pace {
  let last = clock.now();
  let allowance = bytesPerSecond;
  return {
    async after(bytes) {
      const now = clock.now();
      allowance = Math.min(bytesPerSecond, allowance + ((now - last) / 1000) * bytesPerSecond) - bytes;
      last = now;
      if (allowance < 0) {
        const waitMs = Math.ceil((-allowance / bytesPerSecond) * 1000);
        await Promise.race([delay(clock, waitMs), aborted(signal)]);
      }
      await setImmediate();
      signal?.throwIfAborted();
    },
  };
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve();
    signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}

export const unpaced: Pace = { after: async () => void (await setImmediate()) };
