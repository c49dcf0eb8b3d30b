// A listener of the user's, wrapped: whatever it throws, now or later, is told to `failed` and to nobody else.
import { toError } from '../base/errors.ts';

export function guardedListener<Message>(
  listener: (message: Message) => unknown,
  failed: (problem: string) => void,
): (message: Message) => void {
  const fail = (error: unknown): void => failed(toError(error).message);
  return (message) => {
    try {
      const result = listener(message);
      // Also what only looks like a promise, as those of other libraries do, may be rejected.
      if (isThenable(result)) Promise.resolve(result).then(undefined, fail);
    } catch (error) {
      fail(error);
    }
  };
}

const isThenable = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
