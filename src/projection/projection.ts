// The port of a read model that is made from heads and events and can be made again at any time. It keeps nothing on the
// disk: its truth is the journal.
import type { FeedEntry, Head } from '../journal/journal.ts';

export interface Projection {
  readonly name: string;
  /** Of the shape of the heads that it reads: raised when they tell it more than before. */
  readonly version: number;
  /** Streams of other kinds are none of its business. */
  readonly prefix: string;
  readonly rows: number;
  /** Rows that lack facts, because the head that they were made from was written by another version. */
  readonly incomplete: number;
  /**
   * Takes in heads, in any order and beside {@link apply}: what it already knows better stays. Answers with the streams
   * whose heads are of another version, to be read again.
   */
  load(heads: readonly Head[]): readonly string[];
  /**
   * Takes in what happened; entries that it has seen change nothing. Answers with the streams of which events are
   * missing in the feed, because they were trimmed, removed or damaged: they too are to be read again.
   */
  apply(entries: readonly FeedEntry[]): readonly string[];
  /** Sets what it knows of a stream of which no feed tells; undefined for one that is gone. */
  place(stream: string, head: Head | undefined): void;
  /** Makes what it knows of a stream anew from the stream itself. Rejects when that cannot be read. */
  reread(stream: string): Promise<void>;
  /** From now on it is the one that is asked: called once, after it was built. */
  serve(): void;
  /** Forgets everything: another one has taken over, or it was not finished. */
  reset(): void;
}
