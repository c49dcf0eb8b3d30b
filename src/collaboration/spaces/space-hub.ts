// The listeners of one space: its events are put into their order once for all of them, and each is handed over as it is. Who
// comes from a cursor reads up to the others first.
import type { SpaceEvent } from '../../operations/views/space-views.ts';
import { Topic } from '../../pubsub/topic.ts';
import { placeOf, SpaceSubscription, type SpaceSubscriptionOptions } from './space-subscription.ts';

export interface SpaceHubOptions extends Omit<SpaceSubscriptionOptions, 'hear'> {
  readonly show: (event: Parameters<SpaceSubscriptionOptions['hear']>[0]) => SpaceEvent;
  /** Nobody listens any more. */
  readonly left: () => void;
}

export interface Hearing {
  readonly sessionId: string;
  /** The cursor behind which it begins; now without it. */
  readonly after: string | undefined;
  readonly hear: (event: SpaceEvent) => void;
}

export class SpaceHub {
  readonly #options: SpaceHubOptions;
  readonly #sequence: SpaceSubscription;
  readonly #topic: Topic<SpaceEvent>;
  /** How to end those of a session. */
  readonly #bySession = new Map<string, Set<() => void>>();
  readonly #begun: Promise<void>;
  /** Those that listen and those that are about to. */
  #count = 0;

  constructor(options: SpaceHubOptions) {
    const { telemetry, stream, show } = options;
    this.#options = options;
    this.#topic = new Topic((problem) => telemetry('subscriber.failed', { topic: stream, problem }));
    this.#sequence = new SpaceSubscription({ ...options, hear: (event) => this.#tell(show(event)) });
    this.#begun = this.#sequence.begin(undefined);
    this.#begun.catch(() => undefined);
  }

  /** Resolves when it listens, with how to end that. */
  async join(hearing: Hearing): Promise<() => void> {
    this.#count += 1;
    try {
      await this.#begun;
      if (hearing.after !== undefined) await this.#catchUp(hearing, hearing.after);
      return this.#attach(hearing);
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  #attach({ sessionId, hear }: Hearing): () => void {
    const stop = this.#topic.join(hear);
    const ofSession = this.#bySession.get(sessionId) ?? new Set();
    this.#bySession.set(sessionId, ofSession);
    const end = (): void => {
      stop();
      if (!ofSession.delete(end)) return;
      if (ofSession.size === 0 && this.#bySession.get(sessionId) === ofSession)
        this.#bySession.delete(sessionId);
      this.#leave();
    };
    ofSession.add(end);
    return end;
  }

  /** What came while it read is read too: when it returns there is nothing between it and the others. */
  async #catchUp({ hear }: Hearing, after: string): Promise<void> {
    const { journal, stream, show, telemetry } = this.#options;
    const own = new Topic<SpaceEvent>((problem) =>
      telemetry('subscriber.failed', { topic: stream, problem }),
    );
    own.join(hear);
    for (let last = placeOf(after, this.#sequence.last); last < this.#sequence.last; ) {
      const { events } = await journal.readFrom(stream, last);
      const missed = events.filter(({ seq }) => seq <= this.#sequence.last);
      if (missed.length === 0) return;
      for (const event of missed) own.publish(show(event));
      last = missed.at(-1)?.seq ?? last;
    }
  }

  #tell(event: SpaceEvent): void {
    this.#topic.publish(event);
    if (event.type === 'space.left') this.#endOf(this.#bySession.get(event.data.sessionId));
    if (event.type === 'space.deleted') for (const ends of [...this.#bySession.values()]) this.#endOf(ends);
  }

  #endOf(ends: ReadonlySet<() => void> | undefined): void {
    for (const end of [...(ends ?? [])]) end();
  }

  #leave(): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    this.#sequence.end();
    this.#options.left();
  }
}
