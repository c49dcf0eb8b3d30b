// What connects sessions with each other, as a part of the system: their trees, and the relay that carries over what one's life
// means for others.
import type { SupervisedChild } from '../../actor/child-spec.ts';
import { resting } from '../../actor/service.ts';
import { type Clock, delay } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { IdSource } from '../../base/ids.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import { mailStream } from '../../domain/tree/mail-law.ts';
import { treeStream } from '../../domain/tree/tree-law.ts';
import { type Announcement, whenDurable } from '../../entity/announcement.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import type { Handlers, Invoke } from '../../operations/bind.ts';
import type { PubSub } from '../../pubsub/pubsub.ts';
import { Mail } from './mail.ts';
import { type MailOperation, mailHandlers } from './mail-handlers.ts';
import { Relay } from './relay.ts';
import {
  creatingInTrees,
  type TreeHandlerContext,
  type TreeOperation,
  treeHandlers,
} from './tree-handlers.ts';
import { type TreeSession, Trees } from './trees.ts';

export interface SessionLinksOptions {
  readonly journal: Journal;
  readonly pubsub: PubSub<Announcement>;
  /** Where all that becomes durable is told. */
  readonly topic: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly newId: IdSource;
  readonly mailboxSize: number;
  /** Throws `SESSION_NOT_FOUND`. */
  readonly session: (sessionId: string) => Promise<TreeSession>;
  readonly invoke: Invoke;
}

/** So long whoever deletes a session waits for what it has sent to be on its way. */
const longestWaitMs = 5_000;

const onStatus =
  (changed: () => void) =>
  (announcement: Announcement): void => {
    if ('transient' in announcement) return;
    const events = 'durable' in announcement ? announcement.durable : announcement.volatile;
    if (events.some(({ type }) => type === 'session.statusChanged')) changed();
  };

export class SessionLinks {
  readonly handlers: Handlers<TreeOperation | MailOperation>;
  readonly #mail: Mail;
  readonly #trees: Trees;
  readonly #relay: Relay;
  readonly #context: TreeHandlerContext & Pick<SessionLinksOptions, 'telemetry'>;
  readonly #closing = new AbortController();

  constructor(options: SessionLinksOptions) {
    const { pubsub, topic } = options;
    const tell =
      (streamOf: (id: string) => string) =>
      (id: string, events: readonly StoredEvent[]): void => {
        pubsub.publish(streamOf(id), { durable: events });
        pubsub.publish(topic, { durable: events });
      };
    this.#trees = new Trees({ ...options, tell: tell(treeStream) });
    this.#mail = new Mail({ ...options, tell: tell(mailStream) });
    this.#relay = new Relay({
      ...options,
      onGrowth: (wake) => pubsub.subscribe(topic, whenDurable(wake)),
      routes: [this.#trees, this.#mail],
    });
    this.#context = {
      ...{ ...options, trees: this.#trees, relay: this.#relay },
      closing: this.#closing.signal,
      listen: (id, changed) => pubsub.subscribe(treeStream(id), changed),
    };
    this.handlers = {
      ...treeHandlers(this.#context),
      ...mailHandlers({
        ...{ ...this.#context, mail: this.#mail },
        listen: (id, changed) => pubsub.subscribe(mailStream(id), changed),
        listenToStatus: (id, changed) => pubsub.subscribe(sessionStream(id), onStatus(changed)),
      }),
    };
  }

  /** Creating sessions where some are opened under others. */
  creating(create: Handlers<'sessions.create'>['sessions.create']): Handlers<'sessions.create'> {
    return { 'sessions.create': creatingInTrees(create, this.#context) };
  }

  async start(): Promise<SupervisedChild> {
    await this.#trees.adopt();
    await this.#relay.start();
    void this.#removeOrphans();
    return { ...resting('links', () => this.#stop()), tree: () => this.#trees.host.tree() };
  }

  /** Of a session that is deleted no mail is kept, once what it had sent is on its way: whoever deletes it waits a while for that. */
  async forget(sessionId: string): Promise<void> {
    const removed = this.#removeMail(sessionId);
    await Promise.race([removed, delay(this.#context.clock, longestWaitMs)]);
    removed.catch((error: unknown) => this.#notRemoved(error));
  }

  async #removeMail(sessionId: string): Promise<void> {
    await this.#relay.catchUp((lane) => this.#mail.isFrom(sessionId, lane));
    // What is not on its way by then the next start sends on, and removes.
    if (this.#closing.signal.aborted || !(await this.#mail.isOrphan(sessionId))) return;
    await this.#mail.host.remove(sessionId);
  }

  /** Mail of sessions that were deleted by a process that died before it was done. */
  async #removeOrphans(): Promise<void> {
    try {
      const orphans = await this.#mail.orphans();
      for (const sessionId of orphans) if (!this.#closing.signal.aborted) await this.forget(sessionId);
    } catch (error) {
      this.#notRemoved(error);
    }
  }

  /** The next start looks again. */
  #notRemoved(error: unknown): void {
    if (!this.#closing.signal.aborted)
      this.#context.telemetry('mail.notRemoved', { problem: toError(error).message });
  }

  async #stop(): Promise<void> {
    this.#closing.abort(new HoldfastError('SYSTEM_NOT_SERVING', { status: 'draining' }));
    await this.#relay.stop();
    await Promise.all([this.#trees.host.close(), this.#mail.host.close()]);
  }
}
