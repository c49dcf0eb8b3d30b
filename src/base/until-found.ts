// A call that waits for what others bring about: it looks whenever something has changed, and goes with whoever asked or with the
// system.
import { setMaxListeners } from 'node:events';

export interface Wait {
  /** Calls back when something has changed; returns how to end that. */
  readonly listen: (changed: () => void) => () => void;
  /** The first that is aborted ends it, with its reason. */
  readonly ends: readonly (AbortSignal | undefined)[];
}

/** The first answer of `look`, which answers undefined for as long as there is nothing to say. */
export async function untilFound<Found>(
  { listen, ends }: Wait,
  look: () => Promise<Found | undefined>,
): Promise<Found> {
  const cleanups: (() => void)[] = [];
  try {
    return await new Promise<Found>((resolve, reject) => {
      const lookAgain = (): void =>
        void look().then((found) => found !== undefined && resolve(found), reject);
      for (const signal of ends) {
        if (signal === undefined) continue;
        const abort = (): void => reject(signal.reason);
        // Any number may wait under one signal; Node would warn of more than ten.
        setMaxListeners(0, signal);
        signal.addEventListener('abort', abort, { once: true });
        cleanups.push(() => signal.removeEventListener('abort', abort));
        if (signal.aborted) abort();
      }
      // It is looked for after listening has begun, so that nothing falls in between.
      cleanups.push(listen(lookAgain));
      lookAgain();
    });
  } finally {
    for (const cleanup of cleanups) cleanup();
  }
}
