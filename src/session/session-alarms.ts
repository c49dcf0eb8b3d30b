// Sessions whose time has come: each decides itself what that means, whether it is in memory or not. What could not be
// carried out rings again.
import type { Clock } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { sessionLaw, sessionStream } from '../domain/session/session-law.ts';
import type { SessionState } from '../domain/session/session-state.ts';
import { countedTime, Deadlines, dueByClock } from '../entity/deadlines.ts';
import type { Head, Journal } from '../journal/journal.ts';
import type { SessionActor } from './session-actor.ts';

export interface SessionAlarmsOptions {
  readonly journal: Pick<Journal, 'head'>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** False for a session that nobody may wake. */
  readonly mayWake: (sessionId: string) => boolean;
  readonly find: (sessionId: string) => SessionActor | undefined;
  readonly start: (sessionId: string) => Promise<SessionActor>;
  /** Runs a job in its turn among what is sent to a session that is not in memory. */
  readonly inTurn: (sessionId: string, job: () => Promise<void>) => Promise<void>;
  readonly removeStored: (sessionId: string) => Promise<void>;
}

/** What fell due and could not be carried out is tried again after so long. */
const ringAgainMs = 1_000;

const idOf = (stream: string): string => stream.slice(stream.indexOf('/') + 1);

export class SessionAlarms {
  readonly #options: SessionAlarmsOptions;
  readonly #deadlines: Deadlines;

  constructor(options: SessionAlarmsOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock, (...rung) => void this.#ring(...rung));
  }

  adopt(head: Pick<Head, 'stream' | 'dueAt' | 'updatedAt'>): void {
    this.#deadlines.adopt(idOf(head.stream), head);
  }

  /** Sets the alarm of a session by its state. It runs for every event: alarms go by the id, which is there already. */
  follow(sessionId: string, state: SessionState): void {
    const now = this.#options.clock.now();
    const time = Math.max(now, this.#options.find(sessionId)?.time ?? state.lifecycle.context.updatedAt);
    const counted = countedTime(sessionLaw, state, time);
    this.#deadlines.schedule(sessionId, dueByClock(sessionLaw, state, time, now), counted);
  }

  /** Rings as soon as may be. */
  ringNow(sessionId: string): void {
    this.#deadlines.schedule(sessionId, this.#options.clock.now());
  }

  clear(sessionId: string): void {
    this.#deadlines.schedule(sessionId, null);
  }

  /** The sessions that are due, as many as may be woken now; their alarms ring no more. */
  takeDue(): string[] {
    return this.#deadlines.takeDue().map(({ stream }) => stream);
  }

  close(): void {
    this.#deadlines.close();
  }

  async #ring(sessionId: string, time: number): Promise<void> {
    if (!this.#options.mayWake(sessionId)) return;
    try {
      const living = this.#options.find(sessionId);
      if (living !== undefined) this.#wake(living, time);
      else await this.#options.inTurn(sessionId, () => this.#ringStored(sessionId, time));
    } catch (error) {
      const { telemetry, clock } = this.#options;
      telemetry('session.wakeFailed', { sessionId, problem: toError(error).message });
      this.#deadlines.schedule(sessionId, clock.now() + ringAgainMs, time);
    }
  }

  /** Behind what came before: somebody may have started it meanwhile, or taken it out of service. */
  async #ringStored(sessionId: string, time: number): Promise<void> {
    const { journal, clock, find, mayWake, start, removeStored } = this.#options;
    if (!mayWake(sessionId)) return;
    const living = find(sessionId);
    if (living !== undefined) {
      this.#wake(living, time);
      return;
    }
    const head = await journal.head(sessionStream(sessionId));
    const dueAt = head?.dueAt ?? null;
    if (head === undefined || dueAt === null) return;
    const now = clock.now();
    if (dueAt > Math.max(now, time))
      this.#deadlines.schedule(sessionId, dueAt - Math.max(0, time - now), time);
    else if (head.status === 'deleted') await removeStored(sessionId);
    else this.#wake(await start(sessionId), time);
  }

  /** Until what fell due is durable it may still be lost, so the alarm is set once more. */
  #wake(actor: SessionActor, reached: number): void {
    actor.wake(reached);
    const now = this.#options.clock.now();
    const { time } = actor;
    const next = dueByClock(sessionLaw, actor.state, time, now);
    if (next === null) return;
    const counted = countedTime(sessionLaw, actor.state, time);
    this.#deadlines.schedule(actor.sessionId, next > now ? next : now + ringAgainMs, counted);
  }
}
