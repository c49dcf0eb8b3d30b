// Tells events of sessions to whoever listens, each once: one that became durable while its incarnation was dying is told by
// the next.

import type { Json } from '../base/json.ts';
import { sessionStream } from '../domain/session/session-law.ts';
import type { Announcement, TransientEvent } from '../entity/announcement.ts';
import type { Journal, StoredEvent } from '../journal/journal.ts';
import type { PubSub } from '../pubsub/pubsub.ts';
import type { ToldSession } from './session-actor.ts';
import { globalTopic } from './topics.ts';

export class ToldEvents {
  readonly #journal: Pick<Journal, 'readFrom'>;
  readonly #pubsub: PubSub<Announcement>;
  /** How far the events of each living session have been told. */
  readonly #seqs = new Map<string, number>();

  constructor(journal: Pick<Journal, 'readFrom'>, pubsub: PubSub<Announcement>) {
    this.#journal = journal;
    this.#pubsub = pubsub;
  }

  tell({ sessionId, stream }: ToldSession, events: readonly StoredEvent[], isJournaled: boolean): void {
    this.note(sessionId, events.at(-1)?.seq ?? 0);
    const announcement: Announcement = isJournaled ? { durable: events } : { volatile: events };
    this.#pubsub.publish(stream, announcement);
    this.#pubsub.publish(globalTopic, announcement);
  }

  /** What is told to whoever listens now, and to nobody later. */
  announce({ stream }: ToldSession, at: number, type: string, data: Json): void {
    const transient = Object.freeze({ stream, at, type, data: data as TransientEvent['data'] });
    for (const topic of [stream, globalTopic]) this.#pubsub.publish(topic, { transient });
  }

  note(sessionId: string, seq: number): void {
    this.#seqs.set(sessionId, seq);
  }

  /** The session has left memory with nothing on its way. */
  forget(sessionId: string): void {
    this.#seqs.delete(sessionId);
  }

  /** True when there are events up to `seq` of which nobody was told; never of a session that was not in memory before. */
  isBehind(sessionId: string, seq: number): boolean {
    return (this.#seqs.get(sessionId) ?? seq) < seq;
  }

  async untold(sessionId: string, seq: number): Promise<readonly StoredEvent[]> {
    const events: StoredEvent[] = [];
    for (let told = this.#seqs.get(sessionId) ?? seq; told < seq; ) {
      const page = await this.#journal.readFrom(sessionStream(sessionId), told, { limit: seq - told });
      events.push(...page.events);
      told = page.events.at(-1)?.seq ?? seq;
    }
    return events;
  }
}
