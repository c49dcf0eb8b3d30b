// The shortest list of commands that still fails, found by leaving out ever smaller parts of one that does.

/** Tries at most `attempts` lists. `fails` says how one fails, or undefined. */
export async function shrink<T, F>(
  items: readonly T[],
  failure: F,
  fails: (some: readonly T[]) => Promise<F | undefined>,
  attempts = 200,
): Promise<F> {
  let [found, how, left] = [items, failure, attempts];
  for (let size = Math.ceil(items.length / 2); size >= 1 && left > 0; ) {
    const before = found.length;
    for (let at = 0; at < found.length && left > 0; left--) {
      const without = found.toSpliced(at, size);
      const failed = without.length === 0 ? undefined : await fails(without);
      if (failed === undefined) at += size;
      else [found, how] = [without, failed];
    }
    if (size > 1) size = Math.floor(size / 2);
    else if (found.length === before) break;
  }
  return how;
}
