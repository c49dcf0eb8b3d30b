// The published suite of the journal port, on a disk in memory and on LevelDB in a directory.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LevelJournal } from '../../src/journal/level-journal.ts';
import { openLevelJournal } from '../../src/journal/open-level-journal.ts';
import { faultyLevel } from '../../src/testing/faulty-level.ts';
import { journalConformance } from '../../src/testing/journal-conformance.ts';

describe('the journal in memory', () => {
  journalConformance({ describe, test, expect }, async () => {
    const disk = faultyLevel();
    return { open: () => LevelJournal.open({ open: disk.open }), destroy: async () => {} };
  });
});

describe('the journal in a directory', () => {
  journalConformance({ describe, test, expect }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-journal-'));
    return {
      open: () => openLevelJournal(directory),
      destroy: () => rm(directory, { recursive: true }),
    };
  });
});
