// A place in a list that is in the order of names: the name of the last that was shown, behind that of the list, so that what another
// list has handed out is known.
import { HoldfastError } from '../base/errors.ts';

type NamedList = 'anchors' | 'entries' | 'forks' | 'locks' | 'roster' | 'sharing' | 'spaces' | 'spaceMembers';

export const listCursor = (list: NamedList, place: string): string => `${list}:${place}`;

/** The place; undefined for the start. Throws `INVALID_CURSOR`. */
export function placeIn(list: NamedList, cursor: string | undefined): string | undefined {
  if (cursor === undefined || cursor.startsWith(`${list}:`)) return cursor?.slice(list.length + 1);
  throw new HoldfastError('INVALID_CURSOR', { value: cursor });
}
