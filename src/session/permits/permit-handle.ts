// Permits in the hands of one incarnation of an agent: held while its function runs, given back with what came of it.
import type { Clock } from '../../base/clock.ts';
import { eitherSignal } from '../../base/either-signal.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { Usage } from '../../domain/agent/agent-budget.ts';
import type { PermitGranted } from '../../operations/views/permit-views.ts';
import type { Failure } from '../agents/agent-policy.ts';
import type { SessionHandle } from '../agents/session-handle.ts';

export interface PermitOptions {
  /** Tokens and cost that the call is expected to use; what it did use is reported through the permit. */
  readonly tokens?: number;
  readonly cost?: number;
  /** How long it may be held; no longer than the key allows. */
  readonly leaseMs?: number;
  /** How long it may wait. */
  readonly timeoutMs?: number;
  /** How often the function is tried while it is told to come back later; 10. */
  readonly attempts?: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
}

/** What the function is given. */
export interface Permit {
  readonly key: string;
  /** Aborted when the permit is taken back, or the incarnation ends. */
  readonly signal: AbortSignal;
  /** Counted from 1. */
  readonly attempt: number;
  readonly waitedMs: number;
  /** What was used: set right in the limits of the key, and reported for the run as `report` does. */
  report(usage: Partial<Usage>): Promise<void>;
}

export interface AgentPermits {
  /**
   * Runs `fn` while holding a permit of the key, and returns what it returns. When it throws a rate limit, all that share the
   * key wait as long as it says, and it is tried again, in its turn. Throws `PERMIT_UNKNOWN`, `PERMIT_TOO_LARGE`,
   * `PERMIT_QUEUE_FULL`, `PERMIT_TIMEOUT`, and what `fn` throws.
   */
  use<Result>(
    key: string,
    fn: (permit: Permit) => Result | Promise<Result>,
    options?: PermitOptions,
  ): Promise<Result>;
}

export interface PermitHandleOptions {
  readonly session: Pick<SessionHandle, 'permits' | 'report'>;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** As the agent's policy says. */
  readonly failureOf: (error: Error) => Failure;
  /** What goes on inside is no mere waiting. */
  readonly during: <T>(call: Promise<T>) => Promise<T>;
}

const defaultAttempts = 10;

export function permitHandle(options: PermitHandleOptions): AgentPermits {
  return Object.freeze({
    use: <Result>(
      key: string,
      fn: (permit: Permit) => Result | Promise<Result>,
      given: PermitOptions = {},
    ): Promise<Result> => {
      if (typeof fn !== 'function') throw new TypeError(`The permit ${key} needs a function`);
      const used = options.during(use(options, key, fn, given));
      // What nobody waits for any more when an incarnation ends is nobody's stray error.
      used.catch(() => undefined);
      return used;
    },
  });
}

async function use<Result>(
  options: PermitHandleOptions,
  key: string,
  fn: (permit: Permit) => Result | Promise<Result>,
  { attempts = defaultAttempts, signal, ...ask }: PermitOptions,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    const granted = await options.session.permits.acquire({ key, ...ask }, signal && { signal });
    const held = new HeldPermit(options, granted, attempt);
    try {
      const result = await fn(held.permit);
      await held.giveBack();
      return result;
    } catch (thrown) {
      const { errorClass, recorded } = options.failureOf(toError(thrown));
      const isLimited = errorClass === 'rateLimited';
      await held.giveBack(isLimited ? { retryAfterMs: recorded.retryAfterMs } : undefined);
      if (!isLimited || attempt >= attempts || options.signal.aborted) throw thrown;
    }
  }
}

class HeldPermit {
  readonly permit: Permit;
  readonly #session: PermitHandleOptions['session'];
  readonly #granted: PermitGranted;
  readonly #release: () => void;
  #used: { tokens?: number; cost?: number } = {};

  constructor({ session, signal, clock }: PermitHandleOptions, granted: PermitGranted, attempt: number) {
    const { key, expiresAt, waitedMs } = granted;
    this.#session = session;
    this.#granted = granted;
    const lease = new AbortController();
    const either = eitherSignal(signal, lease.signal);
    const expire = (): void => lease.abort(new HoldfastError('PERMIT_EXPIRED', { key }));
    const cancel = clock.schedule(Math.max(expiresAt - clock.now(), 0), expire);
    this.#release = () => {
      cancel();
      either.release();
    };
    this.permit = Object.freeze({
      ...{ key, attempt, waitedMs, signal: either.signal },
      report: (usage: Partial<Usage>) => this.#report(usage),
    });
  }

  /** That it is not held any more is nobody's failure: it was freed already. */
  async giveBack(rateLimited?: { readonly retryAfterMs: number | undefined }): Promise<void> {
    this.#release();
    const { permitId } = this.#granted;
    const release = { permitId, ...this.#used, ...(rateLimited && { rateLimited }) };
    await this.#session.permits.release(release).catch(() => undefined);
  }

  async #report(usage: Partial<Usage>): Promise<void> {
    const { tokens, cost } = usage;
    // What is refused as a report was not used: the permit would not be taken back with it.
    if (isUsage(tokens, cost)) {
      if (tokens !== undefined) this.#used.tokens = (this.#used.tokens ?? 0) + tokens;
      if (cost !== undefined) this.#used.cost = (this.#used.cost ?? 0) + cost;
    }
    await this.#session.report(usage);
  }
}

/** As `agents.report` takes it. */
function isUsage(tokens: unknown = 0, cost: unknown = 0): boolean {
  const most = 1e12;
  const isAmount = (given: unknown): boolean => typeof given === 'number' && given >= 0 && given <= most;
  return Number.isSafeInteger(tokens) && isAmount(tokens) && isAmount(cost);
}
