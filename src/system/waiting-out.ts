// Agents do not hear of an outage: what they call waits until it is over. Crashing would heal nothing, and cost their session
// a restart.
import type { Journal } from '../journal/journal.ts';
import { isOutage } from '../journal/outage.ts';

/** Runs the call again for as long as an outage refuses it, which then has changed nothing, and the signal is not aborted. */
export async function waitingOut<T>(
  journal: Pick<Journal, 'outage'>,
  signal: AbortSignal | undefined,
  call: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const { outage } = journal;
      if (!isOutage(error) || outage === undefined) throw error;
      await overOrAborted(outage.over, signal);
    }
  }
}

/** Rejects with the signal's reason. */
function overOrAborted(over: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    void over.then(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
  });
}
