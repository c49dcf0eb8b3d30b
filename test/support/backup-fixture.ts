// A directory for backups of a journal in memory, and what a test does to them.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BackupOptions, makeBackup } from '../../src/journal/backup/backup.ts';
import type { BackupFacts } from '../../src/journal/backup/backup-manifest.ts';
import type { Journal } from '../../src/journal/journal.ts';
import type { LevelJournal } from '../../src/journal/level-journal.ts';
import { commit, drafts, snapshotAt } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { type MemoryJournal, memoryJournal } from './memory-journal.ts';

export interface BackupScene extends MemoryJournal {
  readonly root: string;
  /** Where the backups are. */
  readonly directory: string;
  readonly journal: LevelJournal;
  backUp(options?: Partial<BackupOptions>): Promise<BackupFacts>;
  end(): Promise<void>;
}

export async function backupScene(): Promise<BackupScene> {
  const root = await mkdtemp(join(tmpdir(), 'holdfast-backup-'));
  const directory = join(root, 'backups');
  const store = memoryJournal();
  const journal = await store.open();
  const telemetry: BackupOptions['telemetry'] = (name, data = {}) => void store.reports.push({ name, data });
  return {
    ...store,
    root,
    directory,
    journal,
    backUp: (options = {}) =>
      makeBackup({ journal, directory, clock: store.clock, telemetry, cause: 'manual', ...options }),
    async end() {
      await journal.close();
      await rm(root, { recursive: true });
    },
  };
}

/** Streams of a few events each, with a snapshot, a receipt and a small value. */
export async function fill(journal: Journal, streams: number, events = 5): Promise<void> {
  for (let n = 0; n < streams; n++) {
    const of = `session/s${n}`;
    const receipts = [{ key: 'key', value: `of ${of}` }];
    const head = await commit(journal, null, drafts(1, events, of), { of, receipts });
    await journal.putSnapshot(of, snapshotAt(head, events));
  }
  await journal.kv.batch([{ key: 'small', value: { n: 1 } }]);
}

/** All keys and values but the epoch, which each opening counts up. */
export async function contentOf(journal: LevelJournal): Promise<readonly (readonly [string, string])[]> {
  const entries = await journal.inspect((db) => db.iterator().all());
  return entries.filter(([key]) => key !== 'm!epoch' && key !== 'm!store');
}

export const filesOf = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder)).toSorted();

/** Changes the bytes of a file. */
export async function damage(path: string, change: (bytes: Buffer) => Buffer): Promise<void> {
  await writeFile(path, change(Buffer.from(await readFile(path))));
}
