// What must be done and may be refused for a while is tried again, with growing pauses, until it is done or refused for good.
import type { Clock } from '../base/clock.ts';
import { HoldfastError } from '../base/errors.ts';

const firstRetryMs = 10;
const longestRetryMs = 5_000;

/** Throws what is refused for good, and the reason of `signal`. */
export async function insist<T>(clock: Clock, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures++) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!(HoldfastError.is(error) && error.retryable)) throw error;
      await pause(clock, signal, Math.min(firstRetryMs * 2 ** failures, longestRetryMs));
    }
  }
}

function pause(clock: Clock, signal: AbortSignal, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.schedule(ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
}
