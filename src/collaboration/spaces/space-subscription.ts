// The events of a stream, each once and in order, for one who hears them. Pub/sub brings them; where a seq is missing, the journal
// has it.
import { HoldfastError, toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import type { Announcement } from '../../entity/announcement.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import type { PubSub } from '../../pubsub/pubsub.ts';

export interface SpaceSubscriptionOptions {
  readonly journal: Pick<Journal, 'head' | 'readFrom'>;
  readonly pubsub: PubSub<Announcement>;
  readonly telemetry: Telemetry;
  readonly stream: string;
  readonly hear: (event: StoredEvent) => void;
}

export class SpaceSubscription {
  readonly #options: SpaceSubscriptionOptions;
  #last = 0;
  /** The newest that is known to be there. */
  #known = 0;
  /** What is announced while the journal is read waits for what was before it. */
  #isReading = true;
  #isOver = false;
  #stop: (() => void) | undefined;

  constructor(options: SpaceSubscriptionOptions) {
    this.#options = options;
  }

  /** From behind a cursor, or from now. */
  async begin(after: string | undefined): Promise<void> {
    const { journal, pubsub, stream } = this.#options;
    this.#stop = pubsub.subscribe(stream, (announcement) => this.#take(announcement));
    try {
      const head = await journal.head(stream);
      const seq = head?.seq ?? 0;
      this.#last = after === undefined ? seq : placeOf(after, seq);
      this.#known = Math.max(this.#known, seq);
      await this.#readOn();
    } catch (error) {
      this.end();
      throw error;
    }
  }

  /** The newest seq that was heard. */
  get last(): number {
    return this.#last;
  }

  end(): void {
    this.#isOver = true;
    this.#stop?.();
  }

  #take(announcement: Announcement): void {
    if ('transient' in announcement) return;
    const events = 'durable' in announcement ? announcement.durable : announcement.volatile;
    for (const event of events) {
      this.#known = Math.max(this.#known, event.seq);
      if (this.#isReading || event.seq <= this.#last) continue;
      if (event.seq === this.#last + 1) this.#hear(event);
      else this.#fill(event.seq);
    }
  }

  #fill(found: number): void {
    const { telemetry, stream } = this.#options;
    telemetry('space.gapFilled', { stream, expected: this.#last + 1, found });
    this.#isReading = true;
    // What could not be read is read when the next event is announced.
    this.#readOn().catch((error: unknown) =>
      telemetry('subscriber.failed', { topic: stream, problem: toError(error).message }),
    );
  }

  async #readOn(): Promise<void> {
    const { journal, stream } = this.#options;
    try {
      while (this.#last < this.#known && !this.#isOver) {
        const { events } = await journal.readFrom(stream, this.#last);
        if (events.length === 0) return;
        for (const event of events) this.#hear(event);
      }
    } finally {
      this.#isReading = false;
    }
  }

  /** What a listener throws, now or later, is its own. */
  #hear(event: StoredEvent): void {
    if (this.#isOver || event.seq <= this.#last) return;
    const { telemetry, stream, hear } = this.#options;
    this.#last = event.seq;
    try {
      hear(event);
    } catch (error) {
      telemetry('subscriber.failed', { topic: stream, problem: toError(error).message });
    }
  }
}

/** Throws `INVALID_CURSOR` for what is no place up to the newest. */
export function placeOf(after: string, newest: number): number {
  if (!/^\d{1,15}$/.test(after) || Number(after) > newest)
    throw new HoldfastError('INVALID_CURSOR', { value: after });
  return Number(after);
}
