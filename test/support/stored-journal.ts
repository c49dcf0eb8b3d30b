// A journal on real files for one test, with what a test does to them while nobody has it open.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LevelJournal } from '../../src/journal/level-journal.ts';
import { type OpenLevelJournalOptions, openLevelJournal } from '../../src/journal/open-level-journal.ts';
import { type Marker, markerFile, textOfMarker } from '../../src/journal/store/store-marker.ts';
import { commit, drafts } from '../../src/testing/journal-conformance/journal-fixture.ts';

export class StoredJournal {
  readonly location: string;

  static async make(): Promise<StoredJournal> {
    return new StoredJournal(await mkdtemp(join(tmpdir(), 'holdfast-stored-')));
  }

  private constructor(location: string) {
    this.location = location;
  }

  path(...names: readonly string[]): string {
    return join(this.location, ...names);
  }

  open(options: OpenLevelJournalOptions = {}): Promise<LevelJournal> {
    return openLevelJournal(this.location, options);
  }

  /** Appends events up to `last` to each stream, in an opening of its own. */
  async write(last: number, ...streams: readonly string[]): Promise<void> {
    const journal = await this.open();
    for (const of of streams) {
      const head = await journal.head(of);
      await commit(journal, head?.version ?? null, drafts((head?.seq ?? 0) + 1, last, of), { of });
    }
    await journal.close();
  }

  /** What the marker says, without its checksum: that is made anew by {@link writeMarker}. */
  async marker(): Promise<Marker> {
    const { checksum: _, ...marker } = JSON.parse(await readFile(this.path(markerFile), 'utf8'));
    return marker;
  }

  writeMarker(marker: Marker): Promise<void> {
    return writeFile(this.path(markerFile), textOfMarker(marker));
  }

  /** Takes the graceful flag away: now it is as a kill has left it. */
  async forgetClose(): Promise<void> {
    const { closed: _, ...marker } = await this.marker();
    await this.writeMarker(marker);
  }

  /** The paths of the files in the database, or in another folder, whose names match. */
  async files(pattern: RegExp, folder = 'store'): Promise<string[]> {
    const names = (await readdir(this.path(folder))).filter((name) => pattern.test(name)).sort();
    return names.map((name) => this.path(folder, name));
  }

  async file(pattern: RegExp, folder = 'store'): Promise<string> {
    const found = (await this.files(pattern, folder)).at(-1);
    if (found === undefined) throw new Error(`nothing in ${folder} matches ${pattern}`);
    return found;
  }

  remove(): Promise<void> {
    return rm(this.location, { recursive: true });
  }
}

/** Flips one bit of the file. */
export async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  const index = at < 0 ? bytes.length + at : at;
  bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index);
  await writeFile(path, bytes);
}
