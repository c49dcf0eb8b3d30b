// How large what a journal on LevelDB takes may be, where nobody says otherwise.
import type { JournalLimits } from './journal.ts';

export const defaultLimits: JournalLimits = {
  keyBytes: 1024,
  valueBytes: 16 * 1024 * 1024,
  batchBytes: 32 * 1024 * 1024,
};
