// A damaged list of parked events becomes the condition of its session: nobody can say what is to be left out of its replay, so that
// nobody folds it until the list can be read again, or somebody accepts what can be read of it.
import type { Telemetry } from '../../base/telemetry.ts';
import { parkedStream } from '../../domain/recovery/parked-law.ts';
import type { StoreReport } from '../../journal/store/store-report.ts';
import type { Conditions } from '../conditions/conditions.ts';
import type { ParkedEvents } from './parked-events.ts';

const prefix = parkedStream('');

const damagedList = 'its list of parked events is damaged';
/** What is left of it reads as if it were all: that it is not is known by this alone, once the opening that found it is past. */
const lostList = 'the end of its list of parked events is lost';

/** What the opening of the store found to be gone of such lists is held against them. */
export function noteLostParkings(parked: ParkedEvents, { lost }: Pick<StoreReport, 'lost'>): void {
  for (const { stream, found, witnessed } of lost)
    if (stream.startsWith(prefix))
      parked.lost(stream.slice(prefix.length), `the events from ${found + 1} to ${witnessed} are gone`);
}

/** Resolves when each has its condition. One that is quarantined for something else keeps that, and hears this when it is retried. */
export async function quarantineParkings(
  conditions: Conditions,
  parked: ParkedEvents,
  telemetry: Telemetry,
): Promise<void> {
  for (const { sessionId, reason, error } of conditions.list('quarantined'))
    if (reason === lostList) parked.lost(sessionId, error?.message ?? lostList);
  for (const { sessionId, error } of parked.damaged) {
    if (conditions.find(sessionId)?.condition === 'quarantined') continue;
    const reason = parked.isLost(sessionId) ? lostList : damagedList;
    telemetry('session.quarantined', { sessionId, reason, restarts: 0, problem: error.message });
    await conditions.set(sessionId, { condition: 'quarantined', reason, error });
  }
}
