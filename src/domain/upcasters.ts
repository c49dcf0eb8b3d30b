// Events of earlier versions in the shape of today, made on the way from the journal to everybody. Records and hashes stay as they are.
import { HoldfastError, toError } from '../base/errors.ts';
import { deepFreeze } from '../base/json.ts';
import type { LawEvent } from './law.ts';

/** Takes the data of one version of an event to the next: a pure function. */
type Upcaster = (data: unknown) => unknown;

/**
 * By the type of an event: the first takes data of version 1 to version 2, the second that of 2 to 3, and so on. A type
 * that is not named is at version 1. None is ever taken away: what it reads is in stores for good.
 */
export type Upcasters = Readonly<Record<string, readonly Upcaster[]>>;

/**
 * Of all laws, and of the events that agents publish. Whoever raises the version of an event adds to its list and to the
 * `eventVersions` of its law; where state holds what is in the event, the law's version is raised too.
 */
export const upcasters: Upcasters = {};

/** Gives back the event itself when it is of today. Throws `VERSION_TOO_NEW` and `UPCAST_FAILED`. */
export type Upcast = <Event extends LawEvent>(event: Event) => Event;

/** `noted` hears of each event that was brought up. */
export function upcastWith(chains: Upcasters, noted?: (event: LawEvent) => void): Upcast {
  const known: ReadonlyMap<string, readonly Upcaster[]> = new Map(Object.entries(chains));
  return (event) => {
    const { type, typeVersion } = event;
    const chain = known.size === 0 ? undefined : known.get(type);
    const current = chain === undefined ? 1 : chain.length + 1;
    if (typeVersion === current) return event;
    if (typeVersion > current) throw tooNew(event, current);
    noted?.(event);
    return broughtUp(event, chain ?? [], current);
  };
}

/** An erased payload stays one. */
function broughtUp<Event extends LawEvent>(event: Event, chain: readonly Upcaster[], current: number): Event {
  const { data, typeVersion } = event;
  if (data === undefined) return Object.freeze({ ...event, typeVersion: current });
  try {
    const next = chain.slice(typeVersion - 1).reduce<unknown>((earlier, upcaster) => upcaster(earlier), data);
    return Object.freeze({ ...event, typeVersion: current, data: deepFreeze(next) });
  } catch (thrown) {
    const cause = toError(thrown);
    const { stream, seq, type } = event;
    const details = { stream, seq, type, found: typeVersion, supported: current, problem: cause.message };
    throw new HoldfastError('UPCAST_FAILED', details, { cause });
  }
}

function tooNew({ stream, seq, type, typeVersion: found }: LawEvent, supported: number): HoldfastError {
  return new HoldfastError('VERSION_TOO_NEW', { stream, seq, what: `event ${type}`, found, supported });
}

/** What is read by everything that reads stored events. */
export const upcast: Upcast = upcastWith(upcasters);
