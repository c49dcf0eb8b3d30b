// Several streams read from the journal as one: each dense and in its own order, among each other by their times.
import type { Journal, StoredEvent } from '../journal/journal.ts';
import type { Seqs } from './stream-cursor.ts';

const pageEvents = 256;

/** An event, and the newest seq of each stream once it was seen. */
interface Replayed {
  readonly event: StoredEvent;
  readonly seqs: Seqs;
}

/** The events behind one place, up to another, page by page. */
export async function* replayStreams(
  journal: Pick<Journal, 'readFrom'>,
  streams: readonly string[],
  after: Seqs,
  through: Seqs,
): AsyncGenerator<readonly Replayed[], undefined, undefined> {
  const lanes = streams.map((stream, i) => new Lane(journal, stream, after[i] ?? 0, through[i] ?? 0));
  for (;;) {
    for (const lane of lanes) await lane.fill();
    const page: Replayed[] = [];
    for (let lane = earliest(lanes); lane !== undefined; lane = earliest(lanes)) {
      const event = lane.take();
      page.push({ event, seqs: lanes.map(({ seq }) => seq) });
    }
    if (page.length === 0) return;
    yield page;
  }
}

/** Whose next event is the oldest; undefined at the end, and while one of them must be read first. */
function earliest(lanes: readonly Lane[]): Lane | undefined {
  let first: Lane | undefined;
  for (const lane of lanes) {
    if (lane.mustRead) return undefined;
    if (lane.at < (first?.at ?? Number.POSITIVE_INFINITY)) first = lane;
  }
  return first;
}

class Lane {
  readonly #journal: Pick<Journal, 'readFrom'>;
  readonly #stream: string;
  readonly #through: number;
  #chain: string | undefined;
  #page: readonly StoredEvent[] = [];
  #next = 0;
  /** The newest event that was taken. */
  seq: number;

  constructor(journal: Pick<Journal, 'readFrom'>, stream: string, after: number, through: number) {
    this.#journal = journal;
    this.#stream = stream;
    this.#through = through;
    this.seq = after;
  }

  get mustRead(): boolean {
    return this.#next === this.#page.length && this.seq < this.#through;
  }

  /** The time of the next event, infinite when there is none. */
  get at(): number {
    return this.#page[this.#next]?.at ?? Number.POSITIVE_INFINITY;
  }

  take(): StoredEvent {
    const event = this.#page[this.#next] as StoredEvent;
    this.#next += 1;
    this.seq = event.seq;
    return event;
  }

  async fill(): Promise<void> {
    if (!this.mustRead) return;
    const limit = Math.min(pageEvents, this.#through - this.seq);
    const known = this.#chain === undefined ? { limit } : { limit, chain: this.#chain };
    const { events, chain } = await this.#journal.readFrom(this.#stream, this.seq, known);
    this.#page = events;
    this.#next = 0;
    this.#chain = chain;
  }
}
