// Watches the sessions that hold something here or stand on the roster: when one ends or is quarantined, whoever asked is told, and
// told again until it was seen to. What nobody heard is found when the process starts.
import type { Clock } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { sessionStream } from '../domain/session-law.ts';
import type { SessionStatus } from '../domain/session-lifecycle.ts';
import type { Announcement } from '../entity/announcement.ts';
import type { Journal, StoredEvent } from '../journal/journal.ts';
import type { PubSub } from '../pubsub/pubsub.ts';

/** Why a session is not to be reckoned with any more. */
export interface SessionEnd {
  readonly how: 'ended' | 'quarantined';
  readonly reason: string;
}

export interface SessionWatchOptions {
  readonly journal: Pick<Journal, 'head'>;
  readonly pubsub: PubSub<Announcement>;
  /** Where all sessions are told of. */
  readonly topic: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly isQuarantined: (sessionId: string) => boolean;
  /** False for a session that has nothing here. */
  readonly concerns: (sessionId: string) => boolean;
  readonly ended: (sessionId: string, end: SessionEnd) => Promise<void>;
  /** It takes no work any more, or takes it again. */
  readonly rests: (sessionId: string, isResting: boolean) => Promise<void>;
  /** Something was done in it. */
  readonly seen: (sessionId: string) => void;
  /** Events of its tasks. */
  readonly tasks: (events: readonly StoredEvent[]) => void;
}

/** What could not be seen to is tried again after so long. */
const againMs = 5_000;
const [ofSession, ofCondition, ofTasks] = ['session/', 'condition/', 'tasks/'];

const over: ReadonlySet<string> = new Set<SessionStatus>(['terminated', 'archived', 'deleted']);
const resting: ReadonlySet<string> = new Set<SessionStatus>(['paused', 'terminating', 'initializing']);

export const isOver = (status: string): boolean => over.has(status);
export const isResting = (status: string): boolean => resting.has(status);

export class SessionWatch {
  readonly #options: SessionWatchOptions;
  readonly #cancels = new Set<() => void>();
  #stop: (() => void) | undefined;
  #isClosed = false;

  constructor(options: SessionWatchOptions) {
    this.#options = options;
  }

  /** Where nothing is held and nobody is on the roster nobody listens. */
  listen(): void {
    if (this.#isClosed) return;
    const { pubsub, topic } = this.#options;
    this.#stop ??= pubsub.subscribe(topic, (announcement) => {
      if ('transient' in announcement) return;
      this.#hear('durable' in announcement ? announcement.durable : announcement.volatile);
    });
  }

  /** Looks at sessions of which nothing was heard while the process was away. */
  async check(sessionIds: Iterable<string>): Promise<void> {
    for (const sessionId of sessionIds) {
      const end = await this.endOf(sessionId);
      if (this.#isClosed) return;
      if (end !== undefined) await this.#insist(sessionId, () => this.#options.ended(sessionId, end));
    }
  }

  /** Why it is not to be reckoned with; undefined for one that lives. */
  async endOf(sessionId: string): Promise<SessionEnd | undefined> {
    const { journal, isQuarantined } = this.#options;
    const head = await journal.head(sessionStream(sessionId));
    if (head === undefined || over.has(head.status))
      return { how: 'ended', reason: `the session is ${head?.status ?? 'gone'}` };
    return isQuarantined(sessionId)
      ? { how: 'quarantined', reason: 'the session is quarantined' }
      : undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#stop?.();
    for (const cancel of this.#cancels) cancel();
  }

  /** All of them are of one stream. */
  #hear(events: readonly StoredEvent[]): void {
    const stream = events[0]?.stream ?? '';
    if (stream.startsWith(ofTasks)) this.#options.tasks(events);
    else if (stream.startsWith(ofSession)) this.#hearSession(stream.slice(ofSession.length), events);
    else if (stream.startsWith(ofCondition)) this.#hearCondition(stream.slice(ofCondition.length), events);
  }

  #hearSession(sessionId: string, events: readonly StoredEvent[]): void {
    const { concerns, ended, rests, seen } = this.#options;
    if (!concerns(sessionId)) return;
    const to = events.findLast(({ type }) => type === 'session.statusChanged')?.data as
      | { readonly to: SessionStatus; readonly resumeTo?: string }
      | undefined;
    if (to === undefined) seen(sessionId);
    else if (over.has(to.to)) {
      const end: SessionEnd = { how: 'ended', reason: `the session is ${to.to}` };
      void this.#insist(sessionId, () => ended(sessionId, end));
    } else {
      const isAtRest = resting.has(to.to) || to.resumeTo === 'paused';
      void this.#insist(sessionId, () => rests(sessionId, isAtRest));
    }
  }

  #hearCondition(sessionId: string, events: readonly StoredEvent[]): void {
    const { concerns, ended } = this.#options;
    const isSet = events.some(
      ({ type, data }) =>
        type === 'condition.set' && (data as { readonly condition?: string }).condition === 'quarantined',
    );
    if (!isSet || !concerns(sessionId)) return;
    const end: SessionEnd = { how: 'quarantined', reason: 'the session is quarantined' };
    void this.#insist(sessionId, () => ended(sessionId, end));
  }

  async #insist(sessionId: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (this.#isClosed) return;
      const { clock, telemetry } = this.#options;
      telemetry('coordination.failed', { sessionId, problem: toError(error).message });
      const cancel = clock.schedule(againMs, () => {
        this.#cancels.delete(cancel);
        void this.#insist(sessionId, act);
      });
      this.#cancels.add(cancel);
    }
  }
}
