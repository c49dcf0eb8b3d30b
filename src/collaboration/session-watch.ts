// Watches the sessions that hold something here or stand on the roster: when one ends or is quarantined, whoever asked is told, and
// told again until it was seen to. What nobody heard is found when the process starts.
import type { Clock } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { sessionStream } from '../domain/session/session-law.ts';
import type { SessionStatus } from '../domain/session/session-lifecycle.ts';
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
  /** By session, the newest event of its rest that is not seen to yet. */
  readonly #restedAt = new Map<string, number>();
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
      if (end !== undefined) await this.#end(sessionId, end);
    }
  }

  /** Like {@link check}; also whether those that live rest, where the process died before that was told. */
  async catchUp(sessionIds: Iterable<string>): Promise<void> {
    for (const sessionId of sessionIds) {
      await this.check([sessionId]);
      const head = await this.#options.journal.head(sessionStream(sessionId));
      if (this.#isClosed) return;
      // What a dormant one is to wake to its head does not say; a newer event is being told already.
      const isKnown = head !== undefined && !over.has(head.status) && head.status !== 'dormant';
      if (isKnown && !this.#restedAt.has(sessionId))
        await this.#rest(sessionId, resting.has(head.status), head.seq);
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
    const { concerns, seen } = this.#options;
    if (!concerns(sessionId)) return;
    const event = events.findLast(({ type }) => type === 'session.statusChanged');
    if (event === undefined) {
      seen(sessionId);
      return;
    }
    const { to, resumeTo } = event.data as { readonly to: SessionStatus; readonly resumeTo?: string };
    if (over.has(to)) {
      this.#restedAt.delete(sessionId);
      void this.#end(sessionId, { how: 'ended', reason: `the session is ${to}` });
    } else void this.#rest(sessionId, resting.has(to) || resumeTo === 'paused', event.seq);
  }

  /** What could not be told in time is not told behind what came later. */
  #rest(sessionId: string, isAtRest: boolean, seq: number): Promise<void> {
    this.#restedAt.set(sessionId, seq);
    const isNewest = (): boolean => this.#restedAt.get(sessionId) === seq;
    return this.#insist(sessionId, async () => {
      if (!isNewest()) return;
      await this.#options.rests(sessionId, isAtRest);
      if (isNewest()) this.#restedAt.delete(sessionId);
    });
  }

  #hearCondition(sessionId: string, events: readonly StoredEvent[]): void {
    const { concerns } = this.#options;
    const isSet = events.some(
      ({ type, data }) =>
        type === 'condition.set' && (data as { readonly condition?: string }).condition === 'quarantined',
    );
    if (!isSet || !concerns(sessionId)) return;
    void this.#end(sessionId, { how: 'quarantined', reason: 'the session is quarantined' });
  }

  /** By the next try it may be back. */
  #end(sessionId: string, end: SessionEnd): Promise<void> {
    const ended = (): Promise<void> => this.#options.ended(sessionId, end);
    return this.#insist(sessionId, ended, () => this.check([sessionId]));
  }

  async #insist(sessionId: string, act: () => Promise<void>, again = act): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (this.#isClosed) return;
      const { clock, telemetry } = this.#options;
      telemetry('coordination.failed', { sessionId, problem: toError(error).message });
      const cancel = clock.schedule(againMs, () => {
        this.#cancels.delete(cancel);
        void this.#insist(sessionId, again);
      });
      this.#cancels.add(cancel);
    }
  }
}
