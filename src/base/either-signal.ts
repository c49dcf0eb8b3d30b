// One signal for two, which lets go of both when nobody needs it any more. What `AbortSignal.any` makes leaves something
// behind in each of its sources for as long as that lives, and an agent's signal lives through all of its calls.

export interface EitherSignal {
  readonly signal: AbortSignal;
  /** It is not aborted any more by either of them. */
  release(): void;
}

/** Aborted when one of them is, with its reason. */
export function eitherSignal(first: AbortSignal, second: AbortSignal): EitherSignal {
  if (first === second) return { signal: first, release: () => {} };
  const controller = new AbortController();
  const sources = [first, second].map((source) => ({
    source,
    abort: (): void => controller.abort(source.reason),
  }));
  const release = (): void => {
    for (const { source, abort } of sources) source.removeEventListener('abort', abort);
  };
  for (const { source, abort } of sources) {
    if (source.aborted) abort();
    else source.addEventListener('abort', abort, { once: true });
  }
  if (controller.signal.aborted) release();
  return { signal: controller.signal, release };
}
