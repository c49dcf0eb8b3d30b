// An AbortSignal whose listeners cannot take the process down: Node throws what they throw as an uncaught exception.
import { toError } from '../base/errors.ts';

type Listener = Parameters<AbortSignal['addEventListener']>[1];
type AddOptions = Parameters<AbortSignal['addEventListener']>[2];
type RemoveOptions = Parameters<AbortSignal['removeEventListener']>[2];

/** Changes `signal` itself, for those who listen from now on; signals that `AbortSignal.any` derives from it are not guarded. */
export function guardedSignal(signal: AbortSignal, onFault: (error: Error) => void): void {
  const guards = new WeakMap<object, (event: Event) => void>();
  const guardOf = (listener: Listener): ((event: Event) => void) => {
    const known = guards.get(listener);
    if (known !== undefined) return known;
    const guard = (event: Event): void => void callListener(listener, signal, event, onFault);
    guards.set(listener, guard);
    return guard;
  };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  let handler: AbortSignal['onabort'] = null;
  Object.defineProperties(signal, {
    addEventListener: {
      value: (type: string, listener: Listener | null, options?: AddOptions) => {
        if (listener !== null) add(type, guardOf(listener), options);
      },
    },
    removeEventListener: {
      value: (type: string, listener: Listener | null, options?: RemoveOptions) => {
        if (listener !== null) remove(type, guards.get(listener) ?? listener, options);
      },
    },
    onabort: {
      get: () => handler,
      set: (next: AbortSignal['onabort']) => {
        handler = next;
      },
    },
  });
  add('abort', (event) => {
    if (typeof handler === 'function') void callListener(handler, signal, event, onFault);
  });
}

/** Calls it as an event target does. A fault of it, also a later one of an async listener, goes to `onFault` alone. */
async function callListener(
  listener: Listener,
  signal: AbortSignal,
  event: Event,
  onFault: (error: Error) => void,
): Promise<void> {
  try {
    if (typeof listener === 'function') await listener.call(signal, event);
    else await listener.handleEvent(event);
  } catch (thrown) {
    tell(onFault, toError(thrown));
  }
}

function tell(onFault: (error: Error) => void, error: Error): void {
  try {
    onFault(error);
  } catch {
    // who listens badly to faults must not be one
  }
}
