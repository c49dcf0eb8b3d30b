// Jobs on what is stored of a session, while nothing of it is in memory: agents that were at work go on behind them.
import { toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { isAtWork, type SessionState } from '../domain/session/session-state.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { SessionHealth } from './session-health.ts';

export interface SessionApartOptions {
  readonly live: LiveSessions;
  readonly health: SessionHealth;
  readonly telemetry: Telemetry;
  readonly isServing: () => boolean;
  readonly read: (sessionId: string) => Promise<{ readonly state: SessionState }>;
}

export class SessionApart {
  readonly #options: SessionApartOptions;

  constructor(options: SessionApartOptions) {
    this.#options = options;
  }

  async run<T>(sessionId: string, job: () => Promise<T>): Promise<T> {
    const hadActors = this.#options.live.find(sessionId) !== undefined;
    await this.#clear(sessionId);
    try {
      return await job();
    } finally {
      await this.#clear(sessionId);
      if (hadActors) await this.#goOn(sessionId);
    }
  }

  async #clear(sessionId: string): Promise<void> {
    const { live, health } = this.#options;
    await live.leave(sessionId);
    live.forget(sessionId);
    health.stopped(sessionId);
  }

  /** Where it cannot be started now, the next command starts it. */
  async #goOn(sessionId: string): Promise<void> {
    const { live, health, telemetry, isServing, read } = this.#options;
    if (!isServing() || health.quarantine(sessionId) !== undefined) return;
    try {
      const { state } = await read(sessionId);
      if (isAtWork(state)) await live.start(sessionId);
    } catch (error) {
      telemetry('session.wakeFailed', { sessionId, problem: toError(error).message });
    }
  }
}
