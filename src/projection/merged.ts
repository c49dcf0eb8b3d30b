// Several sorted lists read as one, item by item: a page over all statuses looks at as many sessions as it shows.
import type { SessionEntry } from './session-entry.ts';
import { compareTo, type SessionOrder, sortKey } from './session-index.ts';
import type { Before, SortedList } from './sorted-list.ts';

interface Reading {
  readonly entries: Iterator<SessionEntry>;
  entry: SessionEntry;
}

/** Names ascending, times descending, from the place on. */
export function* merged(
  lists: readonly SortedList<SessionEntry>[],
  order: SessionOrder,
  isBefore: Before<SessionEntry>,
): Generator<SessionEntry> {
  const direction = order === 'name' ? 1 : -1;
  const readings = lists.flatMap((list): Reading[] => {
    const entries = order === 'name' ? list.upward(isBefore) : list.downward(isBefore);
    const first = entries.next();
    return first.done ? [] : [{ entries, entry: first.value }];
  });
  for (let next = firstOf(readings, order, direction); next !== undefined; ) {
    yield next.entry;
    const following = next.entries.next();
    if (following.done) readings.splice(readings.indexOf(next), 1);
    else next.entry = following.value;
    next = firstOf(readings, order, direction);
  }
}

function firstOf(readings: readonly Reading[], order: SessionOrder, direction: 1 | -1): Reading | undefined {
  let first = readings[0];
  for (const reading of readings) {
    if (first === undefined || reading === first) continue;
    if (compareTo(reading.entry, sortKey(first.entry, order), order) * direction < 0) first = reading;
  }
  return first;
}
