// How a call ended, as a value to compare: its code when it was refused, `answered` when not, `waiting` when it has not yet.
import { setImmediate } from 'node:timers';
import type { ManualClock } from '../../src/testing/manual-clock.ts';

export function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'answered',
    (error: unknown) => String((error as { code?: unknown }).code ?? error),
  );
}

/** The error that a call was refused with. */
export async function errorOf(
  call: Promise<unknown>,
): Promise<{ code: string; details: Record<string, unknown> }> {
  try {
    await call;
  } catch (error) {
    return error as { code: string; details: Record<string, unknown> };
  }
  throw new Error('the call was answered');
}

/** All that can be done without a disk that is held back or a clock that stands still has been done. */
export async function quiet(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Says at any time how a call stands, without waiting for it. */
export function watch(call: Promise<unknown>): { readonly outcome: string } {
  const watched = { outcome: 'waiting' };
  codeOf(call).then((outcome) => {
    watched.outcome = outcome;
  });
  return watched;
}

/** Lets time pass until the call has ended. */
export async function whileTimePasses<T>(clock: ManualClock, call: Promise<T>, stepMs = 1_000): Promise<T> {
  const watched = watch(call);
  for (let step = 0; watched.outcome === 'waiting'; step++) {
    if (step > 10_000) throw new Error('the call did not end, however much time passed');
    await clock.advance(stepMs);
  }
  return call;
}
