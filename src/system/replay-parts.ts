// What stands between stored sessions and whoever folds them, put together before any is served.
import { performance } from 'node:perf_hooks';
import { type Clock, systemClock } from '../base/clock.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { StoredEvent } from '../journal/journal.ts';
import type { LevelJournal } from '../journal/level-journal.ts';
import { replayingWith } from '../journal/replay-guard.ts';
import type { RoutedJournal } from '../journal/routed-journal.ts';
import { ParkedEvents } from '../recovery/parked/parked-events.ts';
import type { RecoveryOptions } from '../recovery/recovery-strategy.ts';
import type { ProbeLimits } from '../recovery/trial/probe.ts';
import { ReplayKeeper } from '../recovery/trial/replay-keeper.ts';
import { ReplayNotes } from '../recovery/trial/replay-notes.ts';
import { SessionTrials } from '../recovery/trial/session-trials.ts';
import type { ReplayParts } from '../session/handlers/handler-context.ts';

export interface GuardedSystem {
  readonly journal: RoutedJournal;
  readonly records: Pick<LevelJournal, 'readRecords'>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly tell: (sessionId: string, events: readonly StoredEvent[]) => void;
  /** The directory of the store, when it has one. */
  readonly directory: string | undefined;
  readonly options: RecoveryOptions;
}

export async function guardReplays(system: GuardedSystem): Promise<ReplayParts> {
  const { journal, records, telemetry, directory, options } = system;
  const limits = limitsOf(options);
  const parked = await ParkedEvents.load(system);
  const notes = directory === undefined ? undefined : ReplayNotes.open(directory, telemetry);
  const trials = new SessionTrials({ journal, records, limits });
  const isBusy = busyMeter(() => journal.backlogBytes);
  const keeper = new ReplayKeeper({ ...system, parked, trials, notes, isBusy });
  journal.guardBy(keeper);
  return { parked, trials, keeper };
}

/** The same for whoever looks at a store that nobody serves: what is parked is left out, and nobody is held back. */
export async function replayOffline(journal: RoutedJournal): Promise<void> {
  const quiet = { clock: systemClock, telemetry: () => {}, tell: () => {} };
  const parked = await ParkedEvents.load({ ...quiet, journal });
  journal.guardBy(replayingWith((stream) => parked.find(stream)));
}

/** Half of the time, or while something waits for the disk. */
function busyMeter(backlogBytes: () => number): () => boolean {
  let before = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization > 0.5 || backlogBytes() > 0;
  };
}

const limitsOf = ({ trials }: RecoveryOptions): ProbeLimits => ({
  stallMs: trials?.stallMs ?? 5_000,
  memoryMb: trials?.memoryMb ?? 1_024,
});
