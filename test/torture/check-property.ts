// A property in its long form: how many runs are done is told, and what fails is the shortest that did, as a sentence.
import fc from 'fast-check';
import type { TortureOptions } from './harness.ts';

export async function checkProperty<Ts>(
  { seed, progress }: TortureOptions,
  note: string,
  total: number,
  property: (done: () => void) => fc.IAsyncProperty<Ts> | fc.IProperty<Ts>,
): Promise<readonly string[]> {
  let count = 0;
  const done = (): void => progress(++count, total, note);
  const found = await fc.check(property(done) as fc.IAsyncProperty<Ts>, { numRuns: total, seed });
  if (!found.failed) return [];
  return [`${note}: ${String(found.errorInstance)} after ${fc.stringify(found.counterexample)}`];
}
