// Who is here and who holds what, as a part of the system: roster and locks, the watch over the sessions in both, and the operations
// on them.
import type { SupervisedChild } from '../actor/child-spec.ts';
import { resting } from '../actor/service.ts';
import type { Clock } from '../base/clock.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { ConflictPolicy } from '../domain/lock/conflicts.ts';
import type { Announcement } from '../entity/announcement.ts';
import type { Journal, StoredEvent } from '../journal/journal.ts';
import type { Handlers, Invoke } from '../operations/bind.ts';
import type { PubSub } from '../pubsub/pubsub.ts';
import { keyedBySession } from './acting-session.ts';
import { type LockOperation, lockHandlers } from './locks/lock-handlers.ts';
import { Locks } from './locks/locks.ts';
import { Roster } from './roster/roster.ts';
import { type RosterOperation, rosterHandlers } from './roster/roster-handlers.ts';
import { isOver, isResting, type SessionEnd, SessionWatch } from './session-watch.ts';
import type { TasksSession } from './tasks/session-tasks.ts';

export interface CoordinationOptions {
  readonly journal: Journal;
  readonly pubsub: PubSub<Announcement>;
  /** Where all that becomes durable is told. */
  readonly topic: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly mailboxSize: number;
  readonly policy: ConflictPolicy;
  /** Throws `SESSION_NOT_FOUND`. */
  readonly session: (sessionId: string) => Promise<TasksSession>;
  readonly isQuarantined: (sessionId: string) => boolean;
  readonly invoke: Invoke;
}

export class Coordination {
  readonly handlers: Handlers<LockOperation | RosterOperation>;
  readonly #options: CoordinationOptions;
  readonly #locks: Locks;
  readonly #roster: Roster;
  readonly #watch: SessionWatch;

  constructor(options: CoordinationOptions) {
    this.#options = options;
    const { pubsub, topic, policy, clock } = options;
    const publish = (durable: readonly StoredEvent[]): void => pubsub.publish(topic, { durable });
    this.#locks = new Locks({ ...options, publish });
    this.#roster = new Roster({
      ...{ ...options, publish, strategies: policy.strategies },
      releaseLocks: (...ended) => this.#locks.endSession(...ended),
    });
    this.#watch = this.#watching();
    const shared = { clock, endOf: (sessionId: string) => this.#watch.endOf(sessionId) };
    this.handlers = keyedBySession({
      ...lockHandlers({
        ...{ ...shared, locks: this.#locks, strategies: policy.strategies },
        admit: async (sessionId) => void (await this.#admit(sessionId)),
      }),
      ...rosterHandlers({
        ...{ ...shared, roster: this.#roster, admit: (sessionId) => this.#admit(sessionId) },
        locksOf: (sessionId) => this.#locks.heldBy(sessionId),
      }),
    });
  }

  /** The alarms of leases and locks are set; sessions that ended while nobody listened are seen to behind what serves already. */
  async begin(): Promise<SupervisedChild> {
    const holders = await this.#locks.begin().catch((error) => this.#leaveOut(error));
    const members = await this.#roster.begin().catch((error) => this.#leaveOut(error));
    if (holders.length + members.length > 0) {
      this.#watch.listen();
      void this.#catchUp([...new Set([...holders, ...members])]);
    }
    return resting('coordination', () => this.close());
  }

  /** What is damaged refuses whoever asks for it, and keeps nobody else from being served. */
  #leaveOut(error: unknown): readonly string[] {
    if (!HoldfastError.is(error, 'JOURNAL_CORRUPT')) throw error;
    this.#options.telemetry('coordination.failed', { problem: error.message });
    return [];
  }

  async close(): Promise<void> {
    this.#watch.close();
    await Promise.all([this.#locks.close(), this.#roster.close()]);
  }

  #watching(): SessionWatch {
    const [locks, roster] = [this.#locks, this.#roster];
    return new SessionWatch({
      ...this.#options,
      concerns: (sessionId) =>
        locks.concerns(sessionId) || roster.concerns(sessionId) || roster.hasTasksOf(sessionId),
      ended: (sessionId, end) => this.#ended(sessionId, end),
      rests: async (sessionId, resting) => {
        if (roster.concerns(sessionId)) await roster.rest(sessionId, resting);
      },
      seen: (sessionId) => roster.seen(sessionId),
      tasks: (events) => roster.followTasks(events),
    });
  }

  async #ended(sessionId: string, { how, reason }: SessionEnd): Promise<void> {
    await this.#locks.endSession(sessionId, reason);
    if (this.#roster.concerns(sessionId))
      await this.#roster.send({ type: 'roster.leave', sessionId, reason, isEnd: how === 'quarantined' });
    if (how === 'ended' && this.#roster.hasTasksOf(sessionId)) await this.#roster.freeTasksOf(sessionId);
  }

  async #admit(sessionId: string): Promise<{ readonly isResting: boolean }> {
    this.#watch.listen();
    const { status, refusal } = await this.#options.session(sessionId);
    if (refusal !== undefined) throw refusal;
    if (isOver(status) || status === 'terminating')
      throw new HoldfastError('SESSION_NOT_ACTIVE', { sessionId, status, command: 'coordination' });
    return { isResting: isResting(status) };
  }

  async #catchUp(sessionIds: readonly string[]): Promise<void> {
    try {
      await this.#watch.catchUp(sessionIds);
      await this.#roster.reconcile(
        async (sessionId) => (await this.#watch.endOf(sessionId))?.how === 'ended',
      );
    } catch (error) {
      this.#options.telemetry('coordination.failed', { problem: toError(error).message });
    }
  }
}
