// Stands between stored sessions and whoever folds them: hands out what is parked, notes who is being folded, and holds back those
// that are suspected to end this process until they were tried in another. One is tried at a time, behind what is served.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { Parkings, ReplayGuard } from '../../journal/replay-guard.ts';
import type { ParkedEvents } from '../parked/parked-events.ts';
import type { BisectionResult } from './bisection.ts';
import type { ReplayNotes } from './replay-notes.ts';
import type { SessionTrials } from './session-trials.ts';
import { Suspect, type Suspicion } from './suspect.ts';

export interface ReplayKeeperOptions {
  readonly parked: ParkedEvents;
  readonly trials: Pick<SessionTrials, 'bisect' | 'close'>;
  /** Undefined for a store without a directory: then nobody knows what a killed process was at. */
  readonly notes: ReplayNotes | undefined;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** True while there is much to do since it was last asked: then nothing is tried that nobody waits for. */
  readonly isBusy: () => boolean;
}

/** Who serves the sessions. */
export interface ServingSessions {
  /** Takes a session out of service. */
  poisoned(sessionId: string, error: Error): void;
  /** Wakes what is due of a session that could not be woken until now. */
  ring(sessionId: string): void;
}

const prefix = sessionStream('');

/** Nobody was folded for so long, and nothing else went on: what is due has been woken. It does not wait for ever. */
const quietMs = 1_000;
const longestWaitMs = 30_000;

/** Where there was no process to try a session in, one is looked for again, so often and after such pauses. */
const mostTries = 4;
const pauseMs = 10_000;

export class ReplayKeeper implements ReplayGuard {
  readonly #options: ReplayKeeperOptions;
  readonly #suspects = new Map<string, Suspect>();
  #sessions: ServingSessions | undefined;
  #begunAt: number | undefined;
  #foldedAt = 0;
  #working: Promise<void> | undefined;
  #cancel: () => void = () => {};
  #closed = false;

  constructor(options: ReplayKeeperOptions) {
    this.#options = options;
    for (const sessionId of options.notes?.suspects ?? []) this.#suspect(sessionId, 'killed');
  }

  /** Sessions that nobody may fold here before they were tried. */
  get suspects(): readonly string[] {
    return [...this.#suspects.keys()];
  }

  parked(stream: string): Parkings | undefined {
    return this.#options.parked.find(stream);
  }

  enter(stream: string): (() => void) | Promise<(() => void) | undefined> | undefined {
    if (!stream.startsWith(prefix)) return undefined;
    const sessionId = stream.slice(prefix.length);
    const suspect = this.#suspects.size === 0 ? undefined : this.#suspects.get(sessionId);
    if (suspect !== undefined) return this.#admit(suspect);
    this.#foldedAt = this.#options.clock.now();
    return this.#options.notes?.enter(sessionId);
  }

  threw(stream: string, thrown: unknown): unknown {
    if (!stream.startsWith(prefix) || this.#closed) return thrown;
    const sessionId = stream.slice(prefix.length);
    const cause = toError(thrown);
    const error = poisonedBy(sessionId, [], cause.message, cause);
    if (!this.#suspects.has(sessionId)) {
      this.#suspect(sessionId, 'threw');
      this.#sessions?.poisoned(sessionId, error);
      this.#plan();
    }
    return error;
  }

  mayWake(sessionId: string): boolean {
    return !this.#suspects.has(sessionId);
  }

  /** The sessions are served by these from now on; `poisoned` are those that could not be folded the last time. */
  serveBy(sessions: ServingSessions, poisoned: readonly string[]): void {
    this.#sessions = sessions;
    for (const sessionId of poisoned) if (!this.#suspects.has(sessionId)) this.#suspect(sessionId, 'before');
  }

  /** Everything is served: what is suspected is tried behind it. */
  begin(): void {
    this.#begunAt = this.#options.clock.now();
    this.#plan();
  }

  /** Somebody has reason to think that a session can be folded again. */
  reconsider(sessionId: string): void {
    if (this.#suspects.get(sessionId)?.refusal === undefined) return;
    this.#suspects.delete(sessionId);
    this.#suspect(sessionId, 'before');
  }

  /** It was folded elsewhere as it is now. */
  acquit(sessionId: string): void {
    const suspect = this.#suspects.get(sessionId);
    if (suspect !== undefined) this.#release(suspect);
  }

  /** Of a session that was deleted nothing is kept. */
  async forget(sessionId: string): Promise<void> {
    this.acquit(sessionId);
    await this.#options.parked.forget(sessionId);
  }

  /** Nothing is tried any more, and whoever waits hears it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    this.#options.trials.close();
    await this.#working;
    for (const suspect of this.#suspects.values()) suspect.refuse(stopped());
    this.#options.notes?.close();
  }

  #suspect(sessionId: string, why: Suspicion): void {
    this.#suspects.set(sessionId, new Suspect(sessionId, why));
  }

  /** Who is asked for is tried before all others. */
  async #admit(suspect: Suspect): Promise<(() => void) | undefined> {
    suspect.isWanted = true;
    this.#plan();
    await suspect.tried;
    return this.#options.notes?.enter(suspect.sessionId);
  }

  /** Begins with the next, or looks again later. */
  #plan(): void {
    if (this.#begunAt === undefined || this.#working !== undefined || this.#closed) return;
    this.#cancel();
    const waiting = [...this.#suspects.values()].filter(({ refusal }) => refusal === undefined);
    const next = waiting.find(({ isWanted }) => isWanted) ?? waiting[0];
    if (next === undefined) return;
    const waitMs = next.isWanted ? 0 : this.#waitMs(this.#begunAt);
    if (waitMs > 0) {
      this.#cancel = this.#options.clock.schedule(waitMs, () => this.#plan());
      return;
    }
    this.#working = this.#try(next).finally(() => {
      this.#working = undefined;
      this.#plan();
    });
  }

  #waitMs(begunAt: number): number {
    const now = this.#options.clock.now();
    if (now - begunAt >= longestWaitMs) return 0;
    if (this.#options.isBusy()) this.#foldedAt = now;
    return Math.max(begunAt, this.#foldedAt) + quietMs - now;
  }

  async #try(suspect: Suspect): Promise<void> {
    const { sessionId, why } = suspect;
    const { telemetry } = this.#options;
    telemetry('bisection.started', { sessionId, reason: why });
    try {
      const result = await this.#bisect(sessionId);
      const parked = await this.#settle(suspect, result);
      telemetry('bisection.ended', { sessionId, outcome: result.outcome, parked });
    } catch (thrown) {
      if (this.#closed) return;
      const error = toError(thrown);
      telemetry('bisection.failed', { sessionId, problem: error.message });
      this.#block(suspect, error.message, error);
    }
  }

  async #bisect(sessionId: string): Promise<BisectionResult> {
    for (let tries = 1; ; tries++) {
      const result = await this.#options.trials.bisect(sessionId, this.parked(sessionStream(sessionId)));
      if (result.outcome !== 'untried' || tries === mostTries) return result;
      this.#options.telemetry('bisection.failed', { sessionId, problem: result.problem });
      await this.#pause();
      if (this.#closed) throw stopped();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const end = this.#options.clock.schedule(pauseMs, resolve);
      this.#cancel = () => {
        end();
        resolve();
      };
    });
  }

  /** Answers with what was parked. */
  async #settle(suspect: Suspect, result: BisectionResult): Promise<readonly number[]> {
    const { sessionId, why } = suspect;
    if (result.outcome === 'unfoldable' || result.outcome === 'untried') this.#block(suspect, result.problem);
    else if (result.outcome === 'poisoned') {
      const seqs = result.poison.map(({ seq }) => seq);
      await this.#park(sessionId, result.poison);
      const [first] = result.poison;
      this.#sessions?.poisoned(sessionId, poisonedBy(sessionId, seqs, first?.problem ?? ''));
      this.#release(suspect);
      return seqs;
    } else if (why === 'threw') this.#block(suspect, 'it fails in this process, and in no other');
    else this.#release(suspect);
    return [];
  }

  async #park(
    sessionId: string,
    poison: (BisectionResult & { readonly outcome: 'poisoned' })['poison'],
  ): Promise<void> {
    const events = poison.map(({ seq, hash, how, problem }) => ({
      ...{ seq, hash, action: 'skip' as const, by: null },
      reason: `it cannot be folded (${how}): ${problem}`.slice(0, 1_000),
    }));
    const askedAt = this.#options.clock.now();
    await this.#options.parked.send(sessionId, { type: 'parked.park', events, askedAt });
  }

  /** Nobody folds it until somebody has looked. */
  #block(suspect: Suspect, problem: string, cause?: Error): void {
    const { sessionId } = suspect;
    const error = poisonedBy(sessionId, [], problem, cause);
    suspect.refuse(error);
    this.#options.notes?.clear(sessionId);
    this.#sessions?.poisoned(sessionId, error);
  }

  #release(suspect: Suspect): void {
    const { sessionId } = suspect;
    this.#suspects.delete(sessionId);
    this.#options.notes?.clear(sessionId);
    suspect.acquit();
    this.#sessions?.ring(sessionId);
  }
}

const stopped = (): HoldfastError => new HoldfastError('SYSTEM_NOT_SERVING', { status: 'stopped' });

function poisonedBy(
  sessionId: string,
  parked: readonly number[],
  problem: string,
  cause?: Error,
): HoldfastError {
  return new HoldfastError('SESSION_POISONED', { sessionId, parked, problem }, cause && { cause });
}
