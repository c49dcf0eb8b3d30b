// Several sorted lists read as one, item by item: a page over all statuses looks at as many sessions as it shows.
import { compareTo, type SessionNode, type SessionOrder, sortKey } from './session-index.ts';
import type { Before, SortedList } from './sorted-list.ts';

interface Reading {
  readonly nodes: Iterator<SessionNode>;
  node: SessionNode;
}

/** Names ascending, times descending, from the place on. */
export function* merged(
  lists: readonly SortedList<SessionNode>[],
  order: SessionOrder,
  isBefore: Before<SessionNode>,
): Generator<SessionNode> {
  const direction = order === 'name' ? 1 : -1;
  const readings = lists.flatMap((list): Reading[] => {
    const nodes = order === 'name' ? list.upward(isBefore) : list.downward(isBefore);
    const first = nodes.next();
    return first.done ? [] : [{ nodes, node: first.value }];
  });
  for (let next = firstOf(readings, order, direction); next !== undefined; ) {
    yield next.node;
    const following = next.nodes.next();
    if (following.done) readings.splice(readings.indexOf(next), 1);
    else next.node = following.value;
    next = firstOf(readings, order, direction);
  }
}

function firstOf(readings: readonly Reading[], order: SessionOrder, direction: 1 | -1): Reading | undefined {
  let first = readings[0];
  for (const reading of readings) {
    if (first === undefined || reading === first) continue;
    if (compareTo(reading.node.row, sortKey(first.node.row, order), order) * direction < 0) first = reading;
  }
  return first;
}
