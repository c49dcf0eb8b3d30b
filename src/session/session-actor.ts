// A living session: its root actor, the context actor below it, and the entity whose durable states the context actor
// takes on. A command goes straight to the entity; the root supervises and relays nothing.

import { type HostedActor, hostActor, type Inspect, rootLogic } from '../actor/actor-host.ts';
import { adopt } from '../actor/adopting-logic.ts';
import type { Exit, SupervisedChild } from '../actor/child-spec.ts';
import type { Clock } from '../base/clock.ts';
import { HoldfastError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { SessionCommand } from '../domain/session-commands.ts';
import { sessionLaw, sessionStream } from '../domain/session-law.ts';
import { sessionMachine } from '../domain/session-lifecycle.ts';
import type { SessionState } from '../domain/session-state.ts';
import type { Answer, CommandMeta } from '../entity/command-meta.ts';
import { Entity } from '../entity/entity.ts';
import type { Journal, StoredEvent } from '../journal/journal.ts';

export interface SessionActorOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly mailboxSize: number;
  readonly inspect?: Inspect;
  /** Events of a session became durable; `state` is the state after the last of them. */
  readonly tell: (sessionId: string, events: readonly StoredEvent[], state: SessionState) => void;
}

const sessionRoot = rootLogic('session', 'context', sessionMachine);

export class SessionActor implements SupervisedChild {
  readonly sessionId: string;
  readonly exited: Promise<Exit>;
  readonly #entity: Entity<SessionState, SessionCommand>;
  readonly #host: HostedActor;
  readonly #end: (exit: Exit) => void;

  /** Reads the session from its journal and starts its actors. */
  static async start(
    options: SessionActorOptions,
    sessionId: string,
    incarnation: number,
  ): Promise<SessionActor> {
    const actors: SessionActor[] = [];
    const entity = await Entity.hydrate<SessionState, SessionCommand>({
      ...options,
      law: sessionLaw,
      stream: sessionStream(sessionId),
      incarnation,
      become: (event, state) => actors[0]?.become(event, state),
      tell: (events, state) => options.tell(sessionId, events, state),
      crash: (error) => actors[0]?.crash(error),
    });
    const actor = new SessionActor(options, sessionId, entity);
    actors.push(actor);
    return actor;
  }

  private constructor(
    { inspect }: SessionActorOptions,
    sessionId: string,
    entity: Entity<SessionState, SessionCommand>,
  ) {
    this.sessionId = sessionId;
    this.#entity = entity;
    const { promise, resolve } = deferred<Exit>();
    this.exited = promise;
    this.#end = resolve;
    const snapshot = entity.durable.lifecycle;
    this.#host = hostActor(sessionRoot, {
      id: `session:${sessionId}`,
      childId: 'context',
      snapshot,
      ...(inspect && { inspect }),
    });
    void this.#host.exited.then((exit) => this.#rootEnded(exit));
  }

  /** The durable state: what everybody but the decisions sees. */
  get state(): SessionState {
    return this.#entity.durable;
  }

  get seq(): number {
    return this.#entity.seq;
  }

  get isQuiet(): boolean {
    return this.#entity.isQuiet;
  }

  /** The XState actors, for inspection and tests. */
  get actors(): Pick<HostedActor, 'root' | 'child'> {
    return this.#host;
  }

  send(command: SessionCommand, meta?: CommandMeta): Promise<Answer> {
    return this.#entity.send(command, meta);
  }

  wake(): void {
    this.#entity.wake();
  }

  hasProgressed(): boolean {
    return this.#entity.progressed;
  }

  /** Answers what was sent, keeps a snapshot, then stops the actors. */
  async stop(): Promise<void> {
    await this.#entity.settle();
    this.#entity.abandon(new Error('the session was stopped'));
    await this.#entity.snapshot();
    this.#host.stop();
    await this.exited;
  }

  become(event: StoredEvent, state: SessionState): void {
    adopt(this.#host.child, event, state.lifecycle);
  }

  /** Ends this incarnation; its supervisor decides about the next. */
  crash(error: Error): void {
    this.#entity.abandon(error);
    this.#host.stop();
    // A journal that is gone is nobody's crash: no restart would help, and none is charged.
    const ofJournal = HoldfastError.is(error, 'JOURNAL_UNAVAILABLE');
    this.#end(ofJournal ? { reason: 'shutdown' } : { reason: 'crash', error });
  }

  #rootEnded(exit: Exit): void {
    this.#entity.abandon(exit.reason === 'crash' ? exit.error : new Error('its actor has ended'));
    this.#host.stop();
    this.#end(exit);
  }
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
