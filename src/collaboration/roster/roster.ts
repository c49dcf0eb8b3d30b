// The roster as a part of the system: its one entity, members that wait for work, and what is left to do for those who are gone.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import { type ConflictStrategies, strategyFor } from '../../domain/lock/conflicts.ts';
import type { AssignWork, RosterCommand } from '../../domain/roster/roster-commands.ts';
import type { RosterEventData, WorkOfTask } from '../../domain/roster/roster-events.ts';
import { rosterId, rosterLaw, rosterStream } from '../../domain/roster/roster-law.ts';
import {
  type AssignedWork,
  type Departure,
  listMembers,
  type Member,
  type RosterState,
  taskKey,
} from '../../domain/roster/roster-state.ts';
import type { Answer } from '../../entity/command-meta.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import type { Call, Invoke } from '../../operations/bind.ts';
import { EntityHost } from '../entity-host.ts';
import { insist } from '../insistence.ts';
import { RosterWork, workEndOf } from './roster-work.ts';

export interface RosterOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly mailboxSize: number;
  readonly strategies: ConflictStrategies;
  readonly invoke: Invoke;
  readonly publish: (events: readonly StoredEvent[]) => void;
  /** Whoever died holds no locks any more: none but those with which it was heard of since. */
  readonly releaseLocks: (sessionId: string, reason: string, heardUntil: number) => Promise<void>;
}

/** What is left of the dead that could not be seen to is tried again after so long. */
const againMs = 5_000;

export class Roster {
  readonly work: RosterWork;
  readonly #options: RosterOptions;
  readonly #host: EntityHost<RosterState, RosterCommand>;
  readonly #closing = new AbortController();
  /** Members that wait for work. */
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #departing = new Set<number>();
  readonly #seen = new Map<string, number>();
  readonly #beating = new Set<string>();
  #cancelAgain: (() => void) | undefined;

  constructor(options: RosterOptions) {
    this.#options = options;
    this.work = new RosterWork(options.invoke);
    this.#host = new EntityHost({
      ...options,
      law: rosterLaw,
      tell: (_, events, state) => this.#tell(events, state),
    });
  }

  /** The members of a roster that is stored; the alarm of the earliest lease is set. */
  async begin(): Promise<readonly string[]> {
    const head = await this.#options.journal.head(rosterStream);
    if (head === undefined) return [];
    this.#host.adopt(head);
    const state = await this.read();
    this.#seeOff(state);
    return listMembers(state).map(({ sessionId }) => sessionId);
  }

  async read(): Promise<RosterState> {
    return (await this.#host.read(rosterId)).state;
  }

  concerns(sessionId: string): boolean {
    return this.#host.peek(rosterId)?.members.has(sessionId) ?? false;
  }

  /** True for a session of which a member has a task. */
  hasTasksOf(sessionId: string): boolean {
    return this.#host.peek(rosterId)?.tasksOf.has(sessionId) ?? false;
  }

  send(command: RosterCommand, call: Call = {}): Promise<Answer> {
    return this.#host.send(rosterId, command, call);
  }

  /** Throws `NOT_ON_ROSTER`. */
  async member(sessionId: string): Promise<Member> {
    const member = (await this.read()).members.get(sessionId);
    if (member === undefined) throw new HoldfastError('NOT_ON_ROSTER', { sessionId });
    return member;
  }

  /** The time of the roster. */
  get time(): number {
    return this.#host.timeOf(rosterId);
  }

  /** When a member was last heard of. */
  seenAt({ sessionId, seenAt }: Member): number {
    return Math.max(seenAt, this.#seen.get(sessionId) ?? 0);
  }

  /** Gives out work, and starts its task in the name of whoever got it. What cannot be started is given to nobody. */
  async assign(command: AssignWork, call: Call): Promise<Answer> {
    const answer = await this.send(command, call);
    const { member, assignment } = answer as {
      readonly member?: string | null;
      readonly assignment?: number;
    };
    if (command.task === null || typeof member !== 'string' || assignment === undefined) return answer;
    const has = (await this.read()).members.get(member)?.work;
    if (answer.repeated === true && has?.assignment !== assignment)
      return this.#assignAgain(command, command.task, call, answer, assignment);
    try {
      await this.work.start(command.task, member, assignment);
      return answer;
    } catch (error) {
      // What may have begun stays his: whoever asks for it next begins it, or finds it begun, under the same key.
      const mayHaveBegun = HoldfastError.is(error, 'OUTCOME_UNKNOWN');
      if (answer.repeated !== true && !mayHaveBegun) await this.free(member, assignment, 'notTaken');
      throw error;
    }
  }

  /** Nothing is begun in the name of whoever had it once: what he never began, or gave back, is given out anew. */
  async #assignAgain(
    command: AssignWork,
    task: WorkOfTask,
    call: Call,
    answer: Answer,
    assignment: number,
  ): Promise<Answer> {
    const isHeld = (await this.read()).byTask.has(taskKey(task));
    if (!isHeld && (await this.work.task(task)).status !== 'pending') return answer;
    return this.assign(command, { ...call, operationId: `${call.operationId}/${assignment}` });
  }

  /** Nothing is done for a member that does not have the assignment any more. */
  async free(
    sessionId: string,
    assignment: number,
    outcome: RosterEventData['roster.freed']['outcome'],
  ): Promise<void> {
    await this.send({ type: 'roster.free', sessionId, assignment, outcome }).catch((error: unknown) => {
      const isFree =
        HoldfastError.is(error, 'NO_SUCH_ASSIGNMENT') || HoldfastError.is(error, 'NOT_ON_ROSTER');
      if (!isFree) throw error;
    });
  }

  /** The work of a member, as soon as it has some. */
  async next(sessionId: string, signal: AbortSignal | undefined): Promise<AssignedWork> {
    const ends = signal === undefined ? [this.#closing.signal] : [this.#closing.signal, signal];
    const stop = AbortSignal.any(ends);
    for (;;) {
      const changed = this.#change(sessionId, stop);
      try {
        const { work } = await this.member(sessionId);
        if (work !== null) return work;
        await changed.promise;
      } finally {
        changed.forget();
      }
    }
  }

  /** The session does something: that is a sign of life, noted at most every quarter of a lease. */
  seen(sessionId: string): void {
    const member = this.#host.peek(rosterId)?.members.get(sessionId);
    if (member === undefined) return;
    const now = this.time;
    this.#seen.set(sessionId, now);
    if (member.leaseUntil === null || now - member.seenAt < member.leaseMs / 4) return;
    if (this.#beating.has(sessionId)) return;
    this.#beating.add(sessionId);
    this.send({ type: 'roster.beat', sessionId })
      .catch(() => undefined)
      .finally(() => this.#beating.delete(sessionId));
  }

  /** Its session takes no work now, or takes it again. */
  async rest(sessionId: string, resting: boolean): Promise<void> {
    await this.send({ type: 'roster.update', sessionId, resting }).catch((error: unknown) => {
      if (!HoldfastError.is(error, 'NOT_ON_ROSTER')) throw error;
    });
  }

  /** Tasks that are not at work any more leave their members idle. */
  followTasks(events: readonly StoredEvent[]): void {
    const state = this.#host.peek(rosterId);
    if (state === undefined || state.byTask.size === 0) return;
    for (const { type, stream, data } of events) {
      const outcome = workEndOf(type, data);
      const { taskId } = (data ?? {}) as { readonly taskId?: string };
      if (outcome === undefined || taskId === undefined) continue;
      const sessionId = stream.slice(stream.indexOf('/') + 1);
      const member = state.members.get(state.byTask.get(taskKey({ sessionId, taskId })) ?? '');
      if (member?.work == null) continue;
      const { assignment } = member.work;
      void this.#insist(() => this.free(member.sessionId, assignment, outcome));
    }
  }

  /** A session has ended, and nothing comes of its tasks any more: who has one is idle. */
  async freeTasksOf(sessionId: string): Promise<void> {
    const { tasksOf, byTask, members } = await this.read();
    for (const [taskId] of tasksOf.get(sessionId)?.entries() ?? []) {
      const member = members.get(byTask.get(taskKey({ sessionId, taskId })) ?? '');
      if (member?.work != null) await this.free(member.sessionId, member.work.assignment, 'ended');
    }
  }

  /** Work that was given out and never begun, or ended while nobody looked, leaves its member idle. */
  async reconcile(hasEnded: (sessionId: string) => Promise<boolean>): Promise<void> {
    for (const { sessionId, work } of listMembers(await this.read())) {
      if (work?.task == null) continue;
      const { task, assignment } = work;
      // One whose tasks cannot be read now keeps nobody else busy.
      await this.#insist(async () => {
        const isAtWork = !(await hasEnded(task.sessionId)) && (await this.work.isAtWork(sessionId, task));
        if (!isAtWork) await this.free(sessionId, assignment, 'ended');
      });
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new HoldfastError('SYSTEM_NOT_SERVING', { status: 'draining' }));
    this.#cancelAgain?.();
    await this.#host.close();
  }

  #change(sessionId: string, stop: AbortSignal): { promise: Promise<void>; forget: () => void } {
    let wake = (): void => {};
    let fail = (): void => {};
    const promise = new Promise<void>((resolve, reject) => {
      wake = resolve;
      fail = () => reject(stop.reason);
    });
    promise.catch(() => undefined);
    const all = this.#waiting.get(sessionId) ?? new Set();
    this.#waiting.set(sessionId, all.add(wake));
    stop.addEventListener('abort', fail, { once: true });
    if (stop.aborted) fail();
    const forget = (): void => {
      stop.removeEventListener('abort', fail);
      all.delete(wake);
      if (all.size === 0 && this.#waiting.get(sessionId) === all) this.#waiting.delete(sessionId);
    };
    return { promise, forget };
  }

  #tell(events: readonly StoredEvent[], state: RosterState): void {
    this.#options.publish(events);
    for (const { type, data } of events) {
      const { sessionId, reason } = data as { readonly sessionId: string; readonly reason?: string };
      for (const wake of this.#waiting.get(sessionId) ?? []) wake();
      if (type !== 'roster.died' && type !== 'roster.left') continue;
      this.#seen.delete(sessionId);
      if (type === 'roster.died')
        this.#options.telemetry('roster.died', { sessionId, problem: reason ?? '' });
    }
    this.#seeOff(state);
  }

  #seeOff({ departures }: RosterState): void {
    for (const departure of departures) {
      if (this.#departing.has(departure.departure) || this.#closing.signal.aborted) continue;
      this.#departing.add(departure.departure);
      void this.#depart(departure);
    }
  }

  /** Each step may be done again, when the member may be back: it stays to be done until all of them are. */
  async #depart(departure: Departure): Promise<void> {
    const { releaseLocks, telemetry, clock } = this.#options;
    const { sessionId, isEnd } = departure;
    try {
      if (isEnd) await releaseLocks(sessionId, 'it is dead', await this.#timeOf(departure));
      if (await this.#isLeft(departure)) await this.#giveOn(departure);
      await this.send({ type: 'roster.clear', departure: departure.departure });
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      telemetry('coordination.failed', { sessionId, problem: toError(error).message });
      this.#departing.delete(departure.departure);
      this.#cancelAgain ??= clock.schedule(againMs, () => {
        this.#cancelAgain = undefined;
        void this.read().then(
          (state) => this.#seeOff(state),
          () => undefined,
        );
      });
    }
  }

  async #timeOf({ departure }: Departure): Promise<number> {
    const { events } = await this.#options.journal.readFrom(rosterStream, departure - 1, { limit: 1 });
    return events[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** False once somebody has its task, and be it the member that is back. */
  async #isLeft({ work }: Departure): Promise<boolean> {
    return work?.task == null || !(await this.read()).byTask.has(taskKey(work.task));
  }

  async #giveOn(departure: Departure): Promise<void> {
    const { sessionId, work } = departure;
    const strategy = strategyFor('session_timeout', 2, this.#options.strategies);
    await this.work.abandon(departure, strategy);
    if (strategy === 'transfer_to_latest' && work !== null) await this.#passOn(sessionId, work);
  }

  /** To whoever is idle for longest; when nobody is, the task waits for somebody. */
  async #passOn(from: string, { assignment, at: _, ...work }: AssignedWork): Promise<void> {
    const command = { type: 'roster.assign', ...work, strict: false, except: [from] } as const;
    const operationId = `pass/${assignment}`;
    try {
      await this.assign(command, { operationId, digest: operationId, by: 'roster' });
    } catch (error) {
      // The task went another way meanwhile.
      if (!HoldfastError.is(error) || error.retryable) throw error;
    }
  }

  async #insist(act: () => Promise<void>): Promise<void> {
    const { clock, telemetry } = this.#options;
    const { signal } = this.#closing;
    await insist(clock, signal, act).catch((error: unknown) => {
      if (!signal.aborted) telemetry('coordination.failed', { problem: toError(error).message });
    });
  }
}
