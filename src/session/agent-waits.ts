// Those who wait for an agent run to end: they look whenever something of the session becomes durable, and go when the
// sessions do.
import { HoldfastError } from '../base/errors.ts';
import type { Announcement } from '../entity/announcement.ts';
import type { PubSub } from '../pubsub/pubsub.ts';
import type { SessionManager } from './session-manager.ts';
import { sessionTopic } from './topics.ts';

export class AgentWaits {
  readonly #pubsub: PubSub<Announcement>;
  readonly #waiting = new Set<(error: Error) => void>();
  #over: Error | undefined;

  constructor(manager: Pick<SessionManager, 'exited' | 'status'>, pubsub: PubSub<Announcement>) {
    this.#pubsub = pubsub;
    void manager.exited.then(() =>
      this.#end(new HoldfastError('SYSTEM_NOT_SERVING', { status: manager.status })),
    );
  }

  /** The first answer of `look`, which answers undefined for as long as there is nothing to say. */
  async until<Found>(
    sessionId: string,
    signal: AbortSignal | undefined,
    look: () => Promise<Found | undefined>,
  ): Promise<Found> {
    const cleanups: (() => void)[] = [];
    try {
      return await new Promise<Found>((resolve, reject) => {
        const lookAgain = (): void =>
          void look().then((found) => found !== undefined && resolve(found), reject);
        const abort = (): void => reject(signal?.reason);
        signal?.addEventListener('abort', abort);
        this.#waiting.add(reject);
        cleanups.push(() => signal?.removeEventListener('abort', abort));
        cleanups.push(() => this.#waiting.delete(reject));
        // The end is looked for after listening has begun, so that none falls in between.
        cleanups.push(this.#pubsub.subscribe(sessionTopic(sessionId), lookAgain));
        if (this.#over !== undefined) reject(this.#over);
        lookAgain();
      });
    } finally {
      for (const cleanup of cleanups) cleanup();
    }
  }

  #end(error: Error): void {
    this.#over = error;
    for (const reject of this.#waiting) reject(error);
  }
}
