// Pages and feed entries with their events in the shape of today. What is of today already passes as it is, uncopied.
import { HoldfastError } from '../base/errors.ts';
import type { EventPlace, FeedEntry, ReadPage, StoredEvent } from './journal.ts';

/** Gives back the event itself when there is nothing to change. */
export type EventUpcast = (event: StoredEvent) => StoredEvent;

export function upcastPage(page: ReadPage, upcast: EventUpcast): ReadPage {
  const events = upcastAll(page.events, upcast);
  return events === page.events ? page : { ...page, events };
}

/** An event that cannot be brought up must not stop the feed of all other streams: it is named, and its own stream says why. */
export function upcastEntries(
  entries: readonly FeedEntry[],
  upcast: EventUpcast,
  skipped: (error: HoldfastError) => void,
): readonly FeedEntry[] {
  return entries.map((entry) => {
    const left: EventPlace[] = [];
    const events = upcastAll(entry.events, upcast, (event, error) => {
      skipped(error);
      left.push({ stream: event.stream, seq: event.seq });
    });
    if (events === entry.events) return entry;
    const damaged = [...(entry.damaged ?? []), ...left];
    return { ...entry, events, ...(damaged.length > 0 && { damaged }) };
  });
}

/** The list itself when nothing in it changes. Without `leave` the first that cannot be brought up throws. */
function upcastAll(
  events: readonly StoredEvent[],
  upcast: EventUpcast,
  leave?: (event: StoredEvent, error: HoldfastError) => void,
): readonly StoredEvent[] {
  let changed: StoredEvent[] | undefined;
  for (const [index, event] of events.entries()) {
    const next = upcastOr(event, upcast, leave);
    if (next === event) changed?.push(event);
    else {
      changed ??= events.slice(0, index);
      if (next !== undefined) changed.push(next);
    }
  }
  return changed ?? events;
}

function upcastOr(
  event: StoredEvent,
  upcast: EventUpcast,
  leave: ((event: StoredEvent, error: HoldfastError) => void) | undefined,
): StoredEvent | undefined {
  try {
    return upcast(event);
  } catch (error) {
    if (leave === undefined || !HoldfastError.is(error)) throw error;
    leave(event, error);
    return undefined;
  }
}
