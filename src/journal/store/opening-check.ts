// After the open: is everything there that was witnessed, and can what changed last be proven? What is not is named, stream
// by stream.

import { toError } from '../../base/errors.ts';
import { headFrom } from '../head/head.ts';
import type { Head } from '../journal.ts';
import { keys, prefixRange, seqOf, streamOf } from '../keys.ts';
import type { Store } from '../level-store.ts';
import { pageOf, readRange } from '../read-range.ts';
import { unseal } from '../sealed.ts';
import { eachHead, type LookAtHead } from './head-tally.ts';
import type { DamagedHistory, LostHistory } from './store-report.ts';
import type { Witnessed, WitnessedHead } from './witness-files.ts';

/** Records that are verified at an opening, the newest streams first; the rest is the scrub's. */
const mostRecords = 20_000;
const streamsAtOnce = 128;

/** Each is read by itself, since a record may be large. */
const tailsAtOnce = 32;
const tailBytes = 128 * 1024;
/** Longer ones are read in pages. */
const recordsOfOneStream = 16;

interface Changed {
  readonly stream: string;
  readonly first: number;
}

/** The records that are to be verified: from `first` on. */
interface Tail {
  readonly head: Head;
  readonly first: number;
}

const tailOf = (head: Head, first: number): Tail => ({ head, first: Math.max(first, head.firstSeq) });

function holds(head: Head, first: number, found: readonly string[]): boolean {
  if (found.length === 0 || found.length !== head.seq - first + 1) return false;
  try {
    return pageOf(head, first, found, undefined).end;
  } catch {
    return false;
  }
}

export interface OpeningFindings {
  readonly lost: readonly LostHistory[];
  readonly damaged: readonly DamagedHistory[];
  readonly checkedStreams: number;
}

/**
 * `isRepaired`: then every stream is verified, from its first record to its last. Throws what LevelDB says when it cannot read
 * at all: a database of which a block is damaged cannot be compacted any more, and soon takes no writes. `look` is shown every
 * head.
 */
export function checkOpening(
  db: Store,
  witnessed: Witnessed,
  isRepaired: boolean,
  look: LookAtHead = () => {},
): Promise<OpeningFindings> {
  return new OpeningCheck(db, witnessed).run(isRepaired, look);
}

class OpeningCheck {
  readonly #db: Store;
  readonly #witnessed: Witnessed;
  readonly #lost: LostHistory[] = [];
  readonly #damaged: DamagedHistory[] = [];
  /** Streams of the tail whose head was not met yet. */
  readonly #expected: Set<string>;
  #nextBase = 0;
  #checked = 0;

  constructor(db: Store, witnessed: Witnessed) {
    this.#db = db;
    this.#witnessed = witnessed;
    this.#expected = new Set(witnessed.tail.keys());
  }

  async run(isRepaired: boolean, look: LookAtHead): Promise<OpeningFindings> {
    await this.#checkFeed();
    await eachHead(this.#db, (key, stored) => {
      look(key, stored);
      const head = this.#checkHead(streamOf(key), unseal(key, stored));
      return isRepaired && head !== undefined ? this.#verify(head, head.firstSeq) : undefined;
    });
    this.#missBaseUpTo(undefined);
    for (const stream of this.#expected) this.#miss(stream, 0, this.#witnessed.tail.get(stream)?.last ?? 0);
    if (!isRepaired) await this.#verifyChanged();
    return { lost: this.#lost, damaged: this.#damaged, checkedStreams: this.#checked };
  }

  async #checkFeed(): Promise<void> {
    const { position } = this.#witnessed;
    const [last] = await this.#db.keys({ ...prefixRange('f!'), reverse: true, limit: 1 }).all();
    const end = last === undefined ? 0 : seqOf(last);
    if (end < position) this.#damage('feed', position, `it ends at ${end}`);
  }

  /** The head, when nothing is missing before it. */
  #checkHead(stream: string, text: string | undefined): Head | undefined {
    this.#checked += 1;
    const base = this.#baseOf(stream);
    this.#expected.delete(stream);
    if (text === undefined) {
      this.#damage(stream, 'head', 'it does not match its checksum');
      return undefined;
    }
    const head = headFrom(stream, text);
    const witnessed = Math.max(base?.seq ?? 0, this.#witnessed.tail.get(stream)?.last ?? 0);
    if (head.seq < witnessed) this.#miss(stream, head.seq, witnessed);
    else if (base?.seq === head.seq && !head.chain.startsWith(base.chain))
      this.#damage(stream, head.seq, 'it is not the record that was witnessed');
    else return head;
    return undefined;
  }

  /** Both come in the order of the streams. */
  #baseOf(stream: string): WitnessedHead | undefined {
    this.#missBaseUpTo(stream);
    const next = this.#witnessed.base[this.#nextBase];
    if (next?.stream !== stream) return undefined;
    this.#nextBase += 1;
    return next;
  }

  #missBaseUpTo(stream: string | undefined): void {
    const { base, tail } = this.#witnessed;
    for (let next = base[this.#nextBase]; next !== undefined; next = base[this.#nextBase]) {
      if (stream !== undefined && next.stream >= stream) return;
      this.#miss(next.stream, 0, Math.max(next.seq, tail.get(next.stream)?.last ?? 0));
      this.#expected.delete(next.stream);
      this.#nextBase += 1;
    }
  }

  #miss(stream: string, found: number, witnessed: number): void {
    this.#lost.push({ stream, found, witnessed });
  }

  #damage(stream: string, seq: number | string, problem: string): void {
    this.#damaged.push({ stream, seq, problem });
  }

  async #verifyChanged(): Promise<void> {
    const known = new Set([...this.#lost, ...this.#damaged].map(({ stream }) => stream));
    const changed = this.#lastChanged().filter(({ stream }) => !known.has(stream));
    for (let from = 0; from < changed.length; from += streamsAtOnce)
      await this.#verifyStreams(changed.slice(from, from + streamsAtOnce));
  }

  /** The newest first, as many as have the records that an opening verifies. */
  #lastChanged(): readonly Changed[] {
    const changed: Changed[] = [];
    let left = mostRecords;
    for (const [stream, { first, last }] of [...this.#witnessed.tail].reverse()) {
      if (left <= 0) break;
      left -= last - first + 1;
      changed.push({ stream, first });
    }
    return changed;
  }

  /** What does not hold is looked at once more, by itself, and named. */
  async #verifyStreams(changed: readonly Changed[]): Promise<void> {
    const heads = await this.#db.getMany(changed.map(({ stream }) => keys.head(stream)));
    const tails = changed.flatMap(({ stream, first }, n) => {
      const text = unseal(keys.head(stream), heads[n] ?? '');
      return text === undefined ? [] : [tailOf(headFrom(stream, text), first)];
    });
    for (let from = 0; from < tails.length; from += tailsAtOnce)
      await Promise.all(tails.slice(from, from + tailsAtOnce).map((tail) => this.#verifyTail(tail)));
  }

  async #verifyTail({ head, first }: Tail): Promise<void> {
    if (!holds(head, first, await this.#readTail(head, first))) await this.#verify(head, first);
  }

  /** The few records of a short tail, with the one behind it, which must not be there; bounded in bytes. */
  async #readTail({ stream, seq }: Head, first: number): Promise<readonly string[]> {
    const count = seq - first + 2;
    if (count < 2 || count > recordsOfOneStream) return [];
    const range = { gte: keys.event(stream, first), lte: keys.event(stream, seq + 1) };
    const iterator = this.#db.iterator({ ...range, highWaterMarkBytes: tailBytes } as typeof range);
    try {
      return (await iterator.nextv(count)).map(([, value]) => value);
    } finally {
      await iterator.close();
    }
  }

  /** The records from `first` up to the head, and none behind it. */
  async #verify(head: Head, first: number): Promise<void> {
    const { stream, seq } = head;
    if (head.firstSeq > seq) return;
    try {
      let after = Math.max(first, head.firstSeq) - 1;
      for (let chain: string | undefined; ; ) {
        const page = await readRange(this.#db, stream, after, head, chain === undefined ? {} : { chain });
        if (page.end) break;
        after += page.events.length;
        chain = page.chain;
      }
      if ((await this.#db.get(keys.event(stream, seq + 1))) !== undefined)
        this.#damage(stream, seq + 1, 'the head does not know of it');
    } catch (thrown) {
      const error = toError(thrown) as Error & {
        readonly code?: string;
        readonly details?: Partial<DamagedHistory>;
      };
      if (error.code?.startsWith('LEVEL_')) throw error;
      if (error.code === 'VERSION_TOO_NEW') return;
      this.#damage(stream, error.details?.seq ?? seq, error.details?.problem ?? error.message);
    }
  }
}
