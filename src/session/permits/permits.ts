// Permits for what agents share outside: each belongs to one incarnation of an agent, or to a lease of whoever else asked, and is
// free again when that ends, however it does. Nothing of who holds or waits is stored: after the death of a process nobody does.
import type { SupervisedChild } from '../../actor/child-spec.ts';
import { resting } from '../../actor/service.ts';
import type { Clock } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import type { PermitKey, PermitUse } from '../../domain/permit-limits.ts';
import type { Journal } from '../../journal/journal.ts';
import type { PermitDetails, PermitHolder, PermitInfo } from '../../operations/views/permit-views.ts';
import { type PermitAsk, PermitPool } from './permit-pool.ts';
import { PermitRecords } from './permit-records.ts';

/** Who asks: a run in one incarnation of it, or a session alone. */
export interface PermitOwner {
  readonly sessionId: string;
  /** The session at the root of the tree that the session belongs to. */
  readonly tree: string;
  readonly agent?: { readonly run: string; readonly incarnation: number } | undefined;
}

export interface PermitRequest {
  readonly permitId: string;
  readonly key: string;
  readonly owner: PermitOwner;
  /** What it is expected to use. */
  readonly tokens: number;
  readonly cost: number;
  readonly leaseMs?: number | undefined;
  /** How long it may wait. */
  readonly timeoutMs?: number | undefined;
}

export interface PermitGrant {
  readonly permitId: string;
  readonly key: string;
  readonly expiresAt: number;
  readonly waitedMs: number;
}

export interface PermitOutcome {
  readonly tokens?: number | undefined;
  readonly cost?: number | undefined;
  /** The other side said that it is too much. */
  readonly rateLimited?: { readonly retryAfterMs?: number | undefined } | undefined;
}

export interface PermitsOptions {
  readonly keys: Readonly<Record<string, PermitKey>>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Longer nobody waits whose call is not waited for. */
  readonly longestWaitMs: number | null;
}

interface Ask extends PermitAsk {
  readonly request: PermitRequest;
  readonly since: number;
  settle(granted: PermitGrant | Error): void;
}

interface Held {
  readonly ask: Ask;
  readonly grant: PermitGrant;
  readonly at: number;
  readonly endLease: () => void;
}

const defaultMaxWaiting = 10_000;
const defaultLeaseMs = 600_000;
/** So many of those that hold and that wait are shown. */
const shown = 100;

export class Permits {
  readonly #options: PermitsOptions;
  readonly #pools: ReadonlyMap<string, PermitPool<Ask>>;
  readonly #records: PermitRecords;
  readonly #held = new Map<string, Held>();
  /** The permits of each incarnation that has any. */
  readonly #byOwner = new Map<string, Set<string>>();
  /** Who waits for a permit, by its id: under one key several may ask for the same. */
  readonly #asking = new Map<string, Set<Ask>>();
  readonly #timers = new Map<string, () => void>();
  #isClosed = false;

  constructor(options: PermitsOptions) {
    this.#options = options;
    const keys = Object.entries(options.keys);
    this.#pools = new Map(keys.map(([key, limits]) => [key, new PermitPool<Ask>(limits)]));
    this.#records = new PermitRecords(this.#pools, options);
  }

  /** Learns what was used before this process, and notes from now on what is. */
  async start(journal: Pick<Journal, 'kv'>): Promise<SupervisedChild> {
    await this.#records.load(journal.kv);
    return resting('permits', () => this.#close());
  }

  /**
   * Resolves when it is granted. Throws `PERMIT_UNKNOWN`, `PERMIT_TOO_LARGE`, `PERMIT_QUEUE_FULL`, `PERMIT_TIMEOUT`, and the
   * reason of the signal.
   */
  acquire(request: PermitRequest, signal?: AbortSignal): Promise<PermitGrant> {
    const repeated = this.#held.get(request.permitId);
    if (repeated !== undefined) return Promise.resolve(repeated.grant);
    const { key, tokens, cost } = request;
    const pool = this.#poolOf(key);
    const use: PermitUse = { requests: 1, tokens, cost };
    this.#assertGrantable(key, pool, use);
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const cleanups: (() => void)[] = [];
      const settle = (outcome: PermitGrant | Error): void => {
        for (const cleanup of cleanups.splice(0)) cleanup();
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      const now = this.#options.clock.now();
      const ask: Ask = { tree: request.owner.tree, use, request, since: now, settle };
      const leave = (reason: Error): void => {
        if (!pool.leave(ask)) return;
        settle(reason);
        this.#serve(key, pool);
      };
      pool.join(ask);
      this.#serve(key, pool);
      if (this.#held.has(request.permitId)) return;
      this.#waits(key, pool, ask, cleanups, leave, signal);
    });
  }

  /** False when nobody holds it any more. */
  release(permitId: string, { tokens, cost, rateLimited }: PermitOutcome = {}): boolean {
    const held = this.#held.get(permitId);
    if (held === undefined) return false;
    const { key } = held.grant;
    const { use } = held.ask;
    const now = this.#options.clock.now();
    const pool = this.#poolOf(key);
    if (rateLimited === undefined) pool.taken();
    else this.#refused(key, pool, rateLimited.retryAfterMs, now);
    const isTold = tokens !== undefined || cost !== undefined;
    const used = isTold ? { ...use, tokens: tokens ?? use.tokens, cost: cost ?? use.cost } : undefined;
    this.#free(held, used);
    return true;
  }

  /** What an incarnation held that has ended is free. */
  endOf(sessionId: string, runId: string, incarnation: number | undefined): void {
    if (incarnation === undefined) return;
    const owner = ownerName(sessionId, { run: runId, incarnation });
    for (const permitId of this.#byOwner.get(owner) ?? []) this.#takeBack(permitId, 'ended');
  }

  /** Whose permit it is; undefined when nobody holds it. */
  ownerOf(permitId: string): PermitOwner | undefined {
    return this.#held.get(permitId)?.ask.request.owner;
  }

  list(): readonly PermitInfo[] {
    return [...this.#pools].map(([key, pool]) => this.#infoOf(key, pool));
  }

  /** Throws `PERMIT_UNKNOWN`. */
  get(key: string): PermitDetails {
    const pool = this.#poolOf(key);
    const holders = [...this.#held.values()].filter(({ grant }) => grant.key === key).slice(0, shown);
    const waiters = [...firstOf(pool.waiters(), shown)];
    return {
      ...this.#infoOf(key, pool),
      holders: holders.map(({ ask, grant, at }) => ({
        ...shownOwner(ask.request),
        ...{ permitId: grant.permitId, since: at, expiresAt: grant.expiresAt },
      })),
      waiters: waiters.map(({ request, since }) => ({ ...shownOwner(request), since })),
    };
  }

  #waits(
    key: string,
    pool: PermitPool<Ask>,
    ask: Ask,
    cleanups: (() => void)[],
    leave: (reason: Error) => void,
    signal: AbortSignal | undefined,
  ): void {
    const { clock, telemetry, longestWaitMs } = this.#options;
    const { owner, timeoutMs, permitId } = ask.request;
    const asking = this.#asking.get(permitId) ?? new Set();
    this.#asking.set(permitId, asking.add(ask));
    cleanups.push(() => {
      asking.delete(ask);
      if (asking.size === 0) this.#asking.delete(permitId);
    });
    telemetry('permit.waiting', { key, sessionId: owner.sessionId, waiting: pool.waiting });
    const abort = (): void => leave(toError(signal?.reason));
    signal?.addEventListener('abort', abort, { once: true });
    cleanups.push(() => signal?.removeEventListener('abort', abort));
    const waitMs = Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, longestWaitMs ?? Number.POSITIVE_INFINITY);
    if (!Number.isFinite(waitMs)) return;
    const late = (): void => leave(new HoldfastError('PERMIT_TIMEOUT', { key, timeoutMs: waitMs }));
    cleanups.push(clock.schedule(waitMs, late));
  }

  #serve(key: string, pool: PermitPool<Ask>): void {
    const { clock } = this.#options;
    const now = clock.now();
    for (let asks = pool.serve(now); asks.length > 0; asks = pool.serve(now))
      for (const ask of asks) this.#grant(ask, now);
    this.#timers.get(key)?.();
    this.#timers.delete(key);
    const at = this.#isClosed ? null : pool.nextAt(now);
    // Never at once: what is due now was served.
    if (at !== null)
      this.#timers.set(
        key,
        clock.schedule(Math.max(Math.ceil(at) - now, 1), () => this.#serve(key, pool)),
      );
  }

  #grant(ask: Ask, now: number): void {
    const { clock, telemetry } = this.#options;
    const { permitId, key, owner, leaseMs } = ask.request;
    const known = this.#held.get(permitId);
    if (known !== undefined) {
      this.#poolOf(key).giveBack(ask, now, { requests: 0, tokens: 0, cost: 0 }, now);
      ask.settle(known.grant);
      return;
    }
    const longest = this.#poolOf(key).limits.leaseMs ?? defaultLeaseMs;
    const lease = Math.min(leaseMs ?? longest, longest);
    const grant = { permitId, key, expiresAt: now + lease, waitedMs: now - ask.since };
    const endLease = clock.schedule(lease, () => this.#takeBack(permitId, 'expired'));
    this.#held.set(permitId, { ask, grant, at: now, endLease });
    if (owner.agent !== undefined) {
      const name = ownerName(owner.sessionId, owner.agent);
      this.#byOwner.set(name, (this.#byOwner.get(name) ?? new Set()).add(permitId));
    }
    this.#records.changed(key);
    if (grant.waitedMs > 0)
      telemetry('permit.granted', { key, sessionId: owner.sessionId, waitedMs: grant.waitedMs });
    ask.settle(grant);
    // Who asked for it under the same key meanwhile has it too.
    for (const twin of this.#asking.get(permitId) ?? [])
      if (this.#poolOf(key).leave(twin)) twin.settle(grant);
  }

  #refused(key: string, pool: PermitPool<Ask>, retryAfterMs: number | undefined, now: number): void {
    const until = pool.refused(retryAfterMs, now);
    this.#options.telemetry('permit.backedOff', { key, waitMs: until - now, waiting: pool.waiting });
  }

  #takeBack(permitId: string, reason: 'ended' | 'expired'): void {
    const held = this.#held.get(permitId);
    if (held === undefined) return;
    const { sessionId, agent } = held.ask.request.owner;
    const { key } = held.grant;
    this.#options.telemetry('permit.freed', { key, sessionId, runId: agent?.run ?? null, reason });
    this.#free(held, undefined);
  }

  #free({ ask, grant, at, endLease }: Held, used: PermitUse | undefined): void {
    const { permitId, key } = grant;
    const { sessionId, agent } = ask.request.owner;
    endLease();
    this.#held.delete(permitId);
    if (agent !== undefined) {
      const name = ownerName(sessionId, agent);
      const left = this.#byOwner.get(name);
      left?.delete(permitId);
      if (left?.size === 0) this.#byOwner.delete(name);
    }
    const pool = this.#poolOf(key);
    pool.giveBack(ask, at, used, this.#options.clock.now());
    this.#records.changed(key);
    this.#serve(key, pool);
  }

  #poolOf(key: string): PermitPool<Ask> {
    const pool = this.#pools.get(key);
    if (pool === undefined) throw new HoldfastError('PERMIT_UNKNOWN', { key });
    return pool;
  }

  #assertGrantable(key: string, pool: PermitPool<Ask>, use: PermitUse): void {
    if (this.#isClosed) throw new HoldfastError('SYSTEM_NOT_SERVING', { status: 'draining' });
    const over = pool.meter.tooMuch(use) ?? pool.tooMuchForTree(use);
    if (over !== undefined)
      throw new HoldfastError('PERMIT_TOO_LARGE', {
        ...{ key, unit: over.unit, asked: use[over.unit], limit: over.limit },
      });
    const limit = pool.limits.maxWaiting ?? defaultMaxWaiting;
    if (pool.waiting < limit) return;
    const now = this.#options.clock.now();
    const retryAfterMs = Math.max((pool.nextAt(now) ?? now) - now, 1_000);
    throw new HoldfastError('PERMIT_QUEUE_FULL', { key, waiting: pool.waiting, limit, retryAfterMs });
  }

  #infoOf(key: string, pool: PermitPool<Ask>): PermitInfo {
    const now = this.#options.clock.now();
    const {
      perTree = null,
      maxWaiting = defaultMaxWaiting,
      leaseMs = defaultLeaseMs,
      ...limits
    } = pool.limits;
    return {
      ...{ key, limits, perTree, maxWaiting, leaseMs },
      ...{ held: pool.meter.held, waiting: pool.waiting },
      pausedUntil: pool.pausedUntil > now ? pool.pausedUntil : null,
      used: pool.meter.usedAt(now),
    };
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    const over = new HoldfastError('SYSTEM_NOT_SERVING', { status: 'draining' });
    for (const pool of this.#pools.values())
      for (const ask of [...pool.waiters()]) if (pool.leave(ask)) ask.settle(over);
    for (const { endLease } of this.#held.values()) endLease();
    await this.#records.close();
  }
}

const ownerName = (sessionId: string, { run, incarnation }: NonNullable<PermitOwner['agent']>): string =>
  `${sessionId}/${run}/${incarnation}`;

const shownOwner = ({ owner: { sessionId, tree, agent } }: PermitRequest): PermitHolder => ({
  sessionId,
  tree,
  runId: agent?.run ?? null,
  incarnation: agent?.incarnation ?? null,
});

function* firstOf<T>(all: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const each of all) {
    if (left-- <= 0) return;
    yield each;
  }
}
