// Events of sessions as users see them: made once, frozen, and handed to all who hear them.
import { isOwnStream, sessionOf } from '../../domain/session/session-streams.ts';
import type { TransientEvent } from '../../entity/announcement.ts';
import type { StoredEvent } from '../../journal/journal.ts';
import type { DeliveredEvent } from '../../operations/views/views.ts';

/** Undefined for events of streams that belong to no session: they are nobody's. */
export function deliveredEvent(
  { stream, seq, at, type, data }: StoredEvent,
  cursor?: string,
): DeliveredEvent | undefined {
  const sessionId = sessionOf(stream);
  if (sessionId === undefined) return undefined;
  const place = isOwnStream(stream, sessionId) ? { sessionId, seq } : { sessionId, stream, seq };
  if (data === undefined) {
    const erased = { ...place, at, type, data, erased: true };
    return Object.freeze(cursor === undefined ? erased : { ...erased, cursor }) as unknown as DeliveredEvent;
  }
  const event = cursor === undefined ? { ...place, at, type, data } : { ...place, at, type, data, cursor };
  return Object.freeze(event) as DeliveredEvent;
}

export function transientEvent({ stream, at, type, data }: TransientEvent): DeliveredEvent | undefined {
  const sessionId = sessionOf(stream);
  return sessionId === undefined
    ? undefined
    : (Object.freeze({ sessionId, at, type, data }) as DeliveredEvent);
}
