// Those who wait for an agent run to end: they look whenever something of the session becomes durable, and go when the
// sessions do.
import { HoldfastError } from '../../base/errors.ts';
import { untilFound } from '../../base/until-found.ts';
import type { Announcement } from '../../entity/announcement.ts';
import type { PubSub } from '../../pubsub/pubsub.ts';
import type { SessionManager } from '../session-manager.ts';
import { sessionTopic } from '../topics.ts';

export class AgentWaits {
  readonly #pubsub: PubSub<Announcement>;
  readonly #over = new AbortController();

  constructor(manager: Pick<SessionManager, 'exited' | 'status'>, pubsub: PubSub<Announcement>) {
    this.#pubsub = pubsub;
    void manager.exited.then(() =>
      this.#over.abort(new HoldfastError('SYSTEM_NOT_SERVING', { status: manager.status })),
    );
  }

  /** The first answer of `look`, which answers undefined for as long as there is nothing to say. */
  until<Found>(
    sessionId: string,
    signal: AbortSignal | undefined,
    look: () => Promise<Found | undefined>,
  ): Promise<Found> {
    const listen = (changed: () => void) => this.#pubsub.subscribe(sessionTopic(sessionId), changed);
    return untilFound({ listen, ends: [signal, this.#over.signal] }, look);
  }
}
