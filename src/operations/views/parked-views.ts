// What operations on parked events answer with.
import type { ParkedEvent } from '../../domain/recovery/parked-law.ts';
import type { Repeatable } from './views.ts';

/** What a replay of a session does with some of its events. */
export interface ParkedInfo {
  readonly sessionId: string;
  /** In the order of their seqs. */
  readonly events: readonly ParkedEvent[];
  /** True while nobody can fold the session: another event has to be parked first. */
  readonly blocked: boolean;
}

/** An event was parked, or is not any more. */
export interface ParkingAnswer extends Repeatable {
  readonly sessionId: string;
  /** The seq of the event. */
  readonly event: number;
  /** The seqs of all events of the session that are parked now. */
  readonly parked: readonly number[];
}
