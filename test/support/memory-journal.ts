// A journal on a disk in memory that fails on command, with a clock that stands still and all that it reports.
import { LevelJournal, type LevelJournalOptions } from '../../src/journal/level-journal.ts';
import { type FaultyLevel, faultyLevel } from '../../src/testing/faulty-level.ts';
import { type ManualClock, manualClock } from '../../src/testing/manual-clock.ts';

export interface MemoryJournal {
  readonly disk: FaultyLevel;
  readonly clock: ManualClock;
  readonly reports: { readonly name: string; readonly data: Readonly<Record<string, unknown>> }[];
  readonly open: (options?: Partial<LevelJournalOptions>) => Promise<LevelJournal>;
}

export function memoryJournal(): MemoryJournal {
  const disk = faultyLevel();
  const clock = manualClock();
  const reports: MemoryJournal['reports'] = [];
  const telemetry: LevelJournalOptions['telemetry'] = (name, data = {}) => {
    reports.push({ name, data });
  };
  const open = (options: Partial<LevelJournalOptions> = {}): Promise<LevelJournal> =>
    LevelJournal.open({ open: disk.open, clock, telemetry, chance: () => 0, ...options });
  return { disk, clock, reports, open };
}
