// Who is in memory, and how: with actors, bounded in number; without, as a state, bounded in bytes; or not at all.
import type { Clock } from '../base/clock.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { SessionState } from '../domain/session/session-state.ts';
import type { Hydrated } from '../entity/hydrate.ts';
import { ActiveSessions } from './active-sessions.ts';
import { type CacheCounts, ResidentSessions } from './resident-sessions.ts';
import type { SessionActor } from './session-actor.ts';

export interface ResidenceLimits {
  /** Sessions that may have actors at once. */
  readonly maxActiveSessions: number;
  /** Quiet for so long, a session loses its actors; null for never. */
  readonly passivateAfterMs: number | null;
  /** Bytes of states that stay in memory without actors. */
  readonly residentBytes: number;
}

export interface ResidenceOptions extends ResidenceLimits {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** The session, unless it is just starting or stopping, or waits for the command that it was started for. */
  readonly findSettled: (sessionId: string) => SessionActor | undefined;
  readonly supervisor: {
    /** True also while it is between two incarnations, or being stopped. */
    has(sessionId: string): boolean;
    stop(sessionId: string): Promise<void>;
  };
}

export class Residence {
  readonly #options: ResidenceOptions;
  readonly #active: ActiveSessions;
  readonly #resident: ResidentSessions;

  constructor(options: ResidenceOptions) {
    const { clock, maxActiveSessions: limit, passivateAfterMs, findSettled: find } = options;
    this.#options = options;
    this.#resident = new ResidentSessions(options.residentBytes, clock.now(), (sessionId, bytes) =>
      options.telemetry('session.evicted', { sessionId, bytes }),
    );
    this.#active = new ActiveSessions({
      ...{ clock, limit, passivateAfterMs, find },
      passivate: (sessionId) => this.#passivate(sessionId),
    });
  }

  /** Sessions without actors whose state is in memory. */
  get residentCount(): number {
    return this.#resident.size;
  }

  get cache(): CacheCounts {
    return this.#resident.counts;
  }

  /** Runs `start` once there is a place for one more session with actors. Throws `OVERLOADED` when none can be given up: agents hold them, or sessions that only just start. */
  async enter<Started>(sessionId: string, start: () => Promise<Started>): Promise<Started> {
    await this.#active.admit(sessionId);
    try {
      return await start();
    } catch (error) {
      this.#active.leave(sessionId);
      throw error;
    } finally {
      this.#active.settle();
    }
  }

  /** A session has got what it was started for, or is there again: who waits for a place may ask it for its own. */
  settle(): void {
    this.#active.settle();
  }

  /** Stops the actors of a session; nothing of it stays in memory. */
  async leave(sessionId: string): Promise<void> {
    const { supervisor } = this.#options;
    await supervisor.stop(sessionId);
    if (!supervisor.has(sessionId)) this.#active.leave(sessionId);
  }

  /** The state of a session without actors, when it is in memory. */
  find(sessionId: string): Hydrated<SessionState> | undefined {
    return this.#resident.find(sessionId);
  }

  /** The same, for whoever goes on from it: what is here is out of date from then on. */
  take(sessionId: string): Hydrated<SessionState> | undefined {
    return this.#resident.take(sessionId);
  }

  /** A session that is stored was read from there. */
  missed(): void {
    this.#resident.missed();
  }

  /** Of a session that is gone nothing stays. */
  forget(sessionId: string): void {
    this.#resident.forget(sessionId);
  }

  close(): void {
    this.#active.close();
  }

  /** One that was started again meanwhile is another's to keep. */
  async #passivate(sessionId: string): Promise<void> {
    const { supervisor, telemetry, findSettled } = this.#options;
    const child = findSettled(sessionId);
    if (child === undefined) return;
    await this.leave(sessionId);
    if (supervisor.has(sessionId) || child.seq === 0) return;
    // One that was stopped by force may have an event with the disk still: what it knows is then out of date.
    if (child.isQuiet) this.#resident.keep(sessionId, child.resident);
    telemetry('session.passivated', { sessionId });
  }
}
