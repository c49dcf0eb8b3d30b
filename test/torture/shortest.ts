// The shortest list that still fails, found by leaving out ever smaller parts of a failing one.

/** Tries at most `attempts` lists. What it returns fails, when `items` does. */
export function shortest<T>(
  items: readonly T[],
  fails: (some: readonly T[]) => boolean,
  attempts = 400,
): readonly T[] {
  let [found, left] = [items, attempts];
  for (let size = Math.ceil(items.length / 2); size >= 1 && left > 0; ) {
    const before = found.length;
    for (let at = 0; at < found.length && left > 0; left--) {
      const without = found.toSpliced(at, size);
      if (without.length > 0 && fails(without)) found = without;
      else at += size;
    }
    if (size > 1) size = Math.floor(size / 2);
    else if (found.length === before) break;
  }
  return found;
}
