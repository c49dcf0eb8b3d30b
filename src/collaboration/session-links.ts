// What connects sessions with each other, as a part of the system: their trees, and the relay that carries over what one's life
// means for others.
import type { SupervisedChild } from '../actor/child-spec.ts';
import { resting } from '../actor/service.ts';
import type { Clock } from '../base/clock.ts';
import { HoldfastError } from '../base/errors.ts';
import type { IdSource } from '../base/ids.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { treeStream } from '../domain/tree-law.ts';
import { type Announcement, whenDurable } from '../entity/announcement.ts';
import type { Journal, StoredEvent } from '../journal/journal.ts';
import type { Handlers, Invoke } from '../operations/bind.ts';
import type { PubSub } from '../pubsub/pubsub.ts';
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

export class SessionLinks {
  readonly handlers: Handlers<TreeOperation>;
  readonly #trees: Trees;
  readonly #relay: Relay;
  readonly #context: TreeHandlerContext;
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
    this.#relay = new Relay({
      ...options,
      onGrowth: (wake) => pubsub.subscribe(topic, whenDurable(wake)),
      routes: [this.#trees],
    });
    this.#context = {
      ...{ ...options, trees: this.#trees, relay: this.#relay },
      closing: this.#closing.signal,
      listen: (id, changed) => pubsub.subscribe(treeStream(id), changed),
    };
    this.handlers = treeHandlers(this.#context);
  }

  /** Creating sessions where some are opened under others. */
  creating(create: Handlers<'sessions.create'>['sessions.create']): Handlers<'sessions.create'> {
    return { 'sessions.create': creatingInTrees(create, this.#context) };
  }

  async start(): Promise<SupervisedChild> {
    await this.#trees.adopt();
    await this.#relay.start();
    return { ...resting('links', () => this.#stop()), tree: () => this.#trees.host.tree() };
  }

  async #stop(): Promise<void> {
    this.#closing.abort(new HoldfastError('SYSTEM_NOT_SERVING', { status: 'draining' }));
    await this.#relay.stop();
    await this.#trees.host.close();
  }
}
