// The files of a backup, streamed from one snapshot of an open store: writers go on, and what they write is not in it. A group
// commit is one atomic batch, so that every snapshot holds whole commits: all that was answered before it was taken.
import { HoldfastError } from '../../base/errors.ts';
import { decodeHead } from '../head/head.ts';
import { largeSteps } from '../head/head-page.ts';
import { keys, seqOf, streamOf } from '../keys.ts';
import type { Store } from '../level-store.ts';
import { unseal } from '../sealed.ts';
import { isEnveloped, keyIdOf } from '../store/value-envelope.ts';
import type { BackupFile } from './backup-file.ts';
import { BackupFileWriter } from './backup-file.ts';
import { type Entry, encodeFrame } from './backup-frame.ts';
import type { BackupFacts, DamagedStream } from './backup-manifest.ts';
import type { Pace } from './backup-pace.ts';

export interface BackupWriting {
  readonly folder: string;
  readonly gzip: boolean;
  /** A file takes no further record beyond so many bytes. */
  readonly segmentBytes: number;
  readonly pace: Pace;
  readonly progress: (records: number, bytes: number) => void;
}

export type BackupContent = Pick<
  BackupFacts,
  | 'feedPosition'
  | 'epoch'
  | 'streams'
  | 'events'
  | 'records'
  | 'bytes'
  | 'files'
  | 'streamsFile'
  | 'damaged'
  | 'envelope'
>;

const entriesPerStep = 1000;
const progressEvery = 100_000;

export async function writeBackupFiles(db: Store, writing: BackupWriting): Promise<BackupContent> {
  const snapshot = db.snapshot();
  try {
    const range = { snapshot, keyEncoding: 'buffer', valueEncoding: 'buffer', ...largeSteps } as const;
    const iterator = db.iterator<Buffer, Buffer>(range);
    const draft = await BackupDraft.begin(writing, textIn(db));
    try {
      for (;;) {
        const step = await iterator.nextv(entriesPerStep);
        if (step.length === 0) break;
        let bytes = 0;
        for (const [key, value] of step) bytes += await draft.add({ key, value });
        await writing.pace.after(bytes);
      }
      return await draft.end();
    } finally {
      await draft.close();
      await iterator.close();
    }
  } finally {
    await snapshot.close();
  }
}

class BackupDraft {
  readonly #writing: BackupWriting;
  readonly #files: BackupFile[] = [];
  readonly #damaged: DamagedStream[] = [];
  readonly #text: (value: Buffer) => string;
  readonly #streamLines: BackupFileWriter;
  /** Of the envelopes that were met; undefined where there is none. */
  #keyIds: Set<string> | undefined;
  #segment: BackupFileWriter | undefined;
  #counts = { streams: 0, events: 0, records: 0, bytes: 0 };
  #feedPosition = 0;
  #epoch = 0;

  static async begin(writing: BackupWriting, text: (value: Buffer) => string): Promise<BackupDraft> {
    const { folder, gzip } = writing;
    return new BackupDraft(writing, text, await BackupFileWriter.create(folder, 'streams.jsonl', gzip));
  }

  private constructor(
    writing: BackupWriting,
    text: (value: Buffer) => string,
    streamLines: BackupFileWriter,
  ) {
    this.#writing = writing;
    this.#text = text;
    this.#streamLines = streamLines;
  }

  async add(entry: Entry): Promise<number> {
    const { segmentBytes, progress } = this.#writing;
    if ((this.#segment?.rawBytes ?? 0) >= segmentBytes) await this.#endSegment();
    this.#segment ??= await this.#nextSegment();
    await this.#segment.write(encodeFrame(entry));
    const bytes = entry.key.length + entry.value.length;
    this.#counts.records += 1;
    this.#counts.bytes += bytes;
    await this.#note(entry);
    if (this.#counts.records % progressEvery === 0) progress(this.#counts.records, this.#counts.bytes);
    return bytes;
  }

  async end(): Promise<BackupContent> {
    await this.#endSegment();
    const streamsFile = await this.#streamLines.end();
    this.#writing.progress(this.#counts.records, this.#counts.bytes);
    return {
      ...this.#counts,
      feedPosition: this.#feedPosition,
      epoch: this.#epoch,
      files: this.#files,
      streamsFile,
      damaged: this.#damaged,
      ...(this.#keyIds && { envelope: { keyIds: [...this.#keyIds] } }),
    };
  }

  /** Whatever happened, no file stays open. */
  async close(): Promise<void> {
    for (const file of [this.#segment, this.#streamLines]) await file?.close().catch(() => undefined);
  }

  #nextSegment(): Promise<BackupFileWriter> {
    const name = `records-${String(this.#files.length + 1).padStart(5, '0')}.bin`;
    return BackupFileWriter.create(this.#writing.folder, name, this.#writing.gzip);
  }

  async #endSegment(): Promise<void> {
    if (this.#segment !== undefined) this.#files.push(await this.#segment.end());
    this.#segment = undefined;
  }

  /** What the manifest tells of: heads, the end of the feed, the epoch. */
  async #note({ key, value }: Entry): Promise<void> {
    if (isEnveloped(value)) {
      this.#keyIds ??= new Set();
      const keyId = keyIdOf(value);
      if (keyId !== undefined) this.#keyIds.add(keyId);
    }
    const kind = key[0];
    if (kind === letters.feed) this.#feedPosition = seqOf(key.toString());
    else if (kind === letters.head) await this.#noteHead(key.toString(), this.#text(value));
    else if (kind === letters.meta && key.toString() === keys.epoch)
      this.#epoch = Number(unseal(keys.epoch, this.#text(value)) ?? 0);
  }

  async #noteHead(key: string, value: string): Promise<void> {
    const stream = streamOf(key);
    this.#counts.streams += 1;
    try {
      const { seq, firstSeq, chain } = decodeHead(stream, value);
      this.#counts.events += seq - firstSeq + 1;
      await this.#streamLines.write(Buffer.from(`${JSON.stringify({ stream, seq, firstSeq, chain })}\n`));
    } catch (error) {
      if (!HoldfastError.is(error, 'JOURNAL_CORRUPT')) throw error;
      this.#damaged.push({ stream, problem: error.message });
    }
  }
}

/** Read as the database reads its values. */
function textIn(db: Store): (value: Buffer) => string {
  const encoding = db.valueEncoding();
  if (encoding.format === 'utf8') return (value) => value.toString();
  return (value) => encoding.decode(value) as string;
}

const letters = {
  feed: keys.feed(0).charCodeAt(0),
  head: keys.head('').charCodeAt(0),
  meta: keys.epoch.charCodeAt(0),
};
