// Which sessions have actors, bounded in number: the one that was quiet longest goes first, when another needs its place or
// when it has been quiet for long enough.
import type { Clock } from '../base/clock.ts';
import { HoldfastError } from '../base/errors.ts';

/** What is to be known of a session with actors. */
interface ActiveSession {
  readonly isQuiet: boolean;
  readonly hasAgents: boolean;
  /** When it last had something to do. */
  readonly activeAt: number;
}

export interface ActiveSessionsOptions {
  readonly clock: Clock;
  /** Sessions that may have actors at once. */
  readonly limit: number;
  /** Quiet for so long, a session loses its actors; null for never. */
  readonly passivateAfterMs: number | null;
  /** The session, unless it is just starting or stopping. */
  readonly find: (sessionId: string) => ActiveSession | undefined;
  /** Stops its actors; resolves when they have stopped. */
  readonly passivate: (sessionId: string) => Promise<void>;
}

/** So many are looked at, or passivated, at one time: no command pays for all sessions. */
const atOnce = 100;

export class ActiveSessions {
  readonly #options: ActiveSessionsOptions;
  /** The time from which a session counts as quiet, in that order; put right only when its turn comes. */
  readonly #since = new Map<string, number>();
  /** Sessions that wait for a place, first come, first served. */
  readonly #waiting: (() => void)[] = [];
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  constructor(options: ActiveSessionsOptions) {
    this.#options = options;
  }

  /** Gives a place to one more session, or waits until the one whose place it takes has stopped. */
  async admit(sessionId: string): Promise<void> {
    const { limit, passivate } = this.#options;
    while (!this.#since.has(sessionId)) {
      const leaver = this.#since.size < limit ? undefined : this.#leaver();
      if (this.#since.size < limit) this.#enter(sessionId);
      else if (leaver === undefined) await this.#waitForPlace();
      else {
        this.#enter(sessionId);
        this.#since.delete(leaver);
        await passivate(leaver);
      }
    }
  }

  /** It has started: from now on it can give its place to another. */
  settle(): void {
    this.#waiting.shift()?.();
  }

  leave(sessionId: string): void {
    this.#since.delete(sessionId);
    this.settle();
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#since.clear();
    for (const resume of this.#waiting.splice(0)) resume();
  }

  #enter(sessionId: string): void {
    this.#since.set(sessionId, this.#options.clock.now());
    this.#arm();
  }

  /** A quiet one, the longest quiet first; else one that only has commands to answer. None has a place to give that runs agents. */
  #leaver(): string | undefined {
    const { clock, find } = this.#options;
    const quiet = this.#quietAmongFirst();
    if (quiet !== undefined) return quiet;
    const first = [...firstOf(this.#since.keys(), atOnce)];
    for (const sessionId of first) if (find(sessionId)?.isQuiet !== true) this.#stay(sessionId, clock.now());
    return first.find((sessionId) => find(sessionId)?.hasAgents === false);
  }

  /** Nearly always the very first; those that have moved meanwhile are met again at their new place. */
  #quietAmongFirst(): string | undefined {
    let looked = 0;
    for (const sessionId of this.#since.keys()) {
      const session = this.#options.find(sessionId);
      if (session?.isQuiet === true && !this.#hasMoved(sessionId, session)) return sessionId;
      looked += 1;
      if (looked === atOnce) return undefined;
    }
    return undefined;
  }

  /** One that had something to do since takes its new place in the order, and is met again there. */
  #hasMoved(sessionId: string, { activeAt }: ActiveSession): boolean {
    if (activeAt <= (this.#since.get(sessionId) ?? activeAt)) return false;
    this.#since.delete(sessionId);
    this.#since.set(sessionId, activeAt);
    return true;
  }

  /** Those that are just starting or stopping may soon have a place to give; agents may hold theirs for ever. */
  async #waitForPlace(): Promise<void> {
    const first = [...firstOf(this.#since.keys(), atOnce)];
    if (first.some((sessionId) => this.#options.find(sessionId) === undefined)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      return;
    }
    this.settle();
    throw new HoldfastError('OVERLOADED', this.#occupied());
  }

  #occupied(): { stream: string; size: number; retryAfterMs: number } {
    return { stream: 'all active sessions', size: this.#since.size, retryAfterMs: 1_000 };
  }

  #arm(): void {
    const { clock, passivateAfterMs } = this.#options;
    const [first] = this.#since.values();
    if (this.#closed || this.#cancelTimer !== undefined || passivateAfterMs === null || first === undefined)
      return;
    const waitMs = Math.max(0, first + passivateAfterMs - clock.now());
    this.#cancelTimer = clock.schedule(waitMs, () => this.#sweep());
  }

  #sweep(): void {
    this.#cancelTimer = undefined;
    for (const sessionId of this.#quietLongest()) {
      this.leave(sessionId);
      void this.#options.passivate(sessionId);
    }
    this.#arm();
  }

  #quietLongest(): string[] {
    const { clock, passivateAfterMs, find } = this.#options;
    const now = clock.now();
    const latest = now - (passivateAfterMs ?? 0);
    const quiet: string[] = [];
    for (const [sessionId, since] of this.#since) {
      if (since > latest || quiet.length === atOnce) break;
      const session = find(sessionId);
      if (session === undefined || !session.isQuiet) this.#stay(sessionId, now);
      else if (!this.#hasMoved(sessionId, session)) quiet.push(sessionId);
    }
    return quiet;
  }

  /** Busy now: it is looked at again when it might have been quiet for long enough. */
  #stay(sessionId: string, now: number): void {
    this.#since.delete(sessionId);
    this.#since.set(sessionId, now);
  }
}

function* firstOf<T>(items: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const item of items) {
    if (left === 0) return;
    left -= 1;
    yield item;
  }
}
