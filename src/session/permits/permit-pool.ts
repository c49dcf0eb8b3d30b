// The permits of one key: who holds one and who waits. Session trees take turns, first come first served within one. Nothing
// overtakes the one whose turn it is; only a tree that has used up its own allowance is passed over until it has one again.
import { type PermitKey, type PermitUse, pauseAfter, type WindowLimit } from '../../domain/permit-limits.ts';
import { PermitMeter } from './permit-meter.ts';

export interface PermitAsk {
  readonly tree: string;
  readonly use: PermitUse;
}

interface Resting<Ask> {
  readonly asks: Set<Ask>;
  /** When time lets the tree go on; never by itself while it holds as many as it may. */
  readonly until: number;
}

const leastSwept = 1_000;

export class PermitPool<Ask extends PermitAsk> {
  readonly limits: PermitKey;
  readonly meter: PermitMeter;
  readonly #trees = new Map<string, PermitMeter>();
  /** In the order in which trees have their turn. */
  readonly #turns = new Map<string, Set<Ask>>();
  readonly #resting = new Map<string, Resting<Ask>>();
  #wakesAt = Number.POSITIVE_INFINITY;
  #waiting = 0;
  #pausedUntil = 0;
  #refusals = 0;
  #sweepsAt = leastSwept;

  constructor(limits: PermitKey) {
    this.limits = limits;
    this.meter = new PermitMeter(limits);
  }

  get waiting(): number {
    return this.#waiting;
  }

  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  *waiters(): Generator<Ask> {
    for (const asks of this.#turns.values()) yield* asks;
    for (const { asks } of this.#resting.values()) yield* asks;
  }

  join(ask: Ask): void {
    const asks = this.#turns.get(ask.tree) ?? this.#resting.get(ask.tree)?.asks;
    if (asks === undefined) this.#turns.set(ask.tree, new Set([ask]));
    else asks.add(ask);
    this.#waiting += 1;
  }

  /** It waits no more. False when it did not. */
  leave(ask: Ask): boolean {
    const asks = this.#turns.get(ask.tree) ?? this.#resting.get(ask.tree)?.asks;
    if (asks?.delete(ask) !== true) return false;
    this.#waiting -= 1;
    if (asks.size === 0) {
      this.#turns.delete(ask.tree);
      this.#resting.delete(ask.tree);
    }
    return true;
  }

  /** Those whose turn has come, in order; each holds a permit from now on. */
  serve(now: number): readonly Ask[] {
    if (now < this.#pausedUntil) return [];
    if (this.#wakesAt <= now) this.#wake(now);
    const granted: Ask[] = [];
    for (let next = this.#next(now); next !== undefined; next = this.#next(now)) {
      granted.push(next);
      this.#grant(next, now);
    }
    return granted;
  }

  /** When time alone may let somebody go on; null when nobody waits for time. */
  nextAt(now: number): number | null {
    if (this.#waiting === 0) return null;
    if (now < this.#pausedUntil) return this.#pausedUntil;
    const first = this.#first();
    const opens = first === undefined ? Number.POSITIVE_INFINITY : this.meter.opensAt(first.use, now);
    const at = Math.min(opens, this.#wakesAt);
    return Number.isFinite(at) ? at : null;
  }

  giveBack(ask: Ask, at: number, used: PermitUse | undefined, now: number): void {
    const taken = { use: ask.use, at };
    this.meter.giveBack(taken, used, now);
    const tree = this.#trees.get(ask.tree);
    tree?.giveBack(taken, used, now);
    if (tree?.isIdle(now) === true) this.#trees.delete(ask.tree);
    const resting = this.#resting.get(ask.tree);
    if (resting !== undefined) this.#return(ask.tree, resting);
  }

  /** The other side refused one: nobody of all that share the key goes on before the end of the pause, which is returned. */
  refused(retryAfterMs: number | undefined, now: number): number {
    const until = now + pauseAfter(retryAfterMs, this.#refusals);
    this.#refusals += 1;
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
    return this.#pausedUntil;
  }

  /** The other side took one. */
  taken(): void {
    this.#refusals = 0;
  }

  /** The number of a tree's own that one request alone is over. */
  tooMuchForTree(use: PermitUse): WindowLimit | undefined {
    const { perTree } = this.limits;
    return perTree === undefined ? undefined : new PermitMeter(perTree).tooMuch(use);
  }

  restorePause(until: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
  }

  #first(): Ask | undefined {
    for (const asks of this.#turns.values()) for (const ask of asks) return ask;
    return undefined;
  }

  #next(now: number): Ask | undefined {
    for (let ask = this.#first(); ask !== undefined; ask = this.#first()) {
      const at = this.#trees.get(ask.tree)?.opensAt(ask.use, now) ?? now;
      if (at <= now) return this.meter.opensAt(ask.use, now) <= now ? ask : undefined;
      this.#rest(ask.tree, at);
    }
    return undefined;
  }

  /** A tree that was served goes to the end of the line. */
  #grant(ask: Ask, now: number): void {
    const asks = this.#turns.get(ask.tree);
    this.#turns.delete(ask.tree);
    asks?.delete(ask);
    if (asks !== undefined && asks.size > 0) this.#turns.set(ask.tree, asks);
    this.#waiting -= 1;
    this.meter.take(ask.use, now);
    this.#treeOf(ask.tree, now)?.take(ask.use, now);
  }

  #rest(tree: string, until: number): void {
    const asks = this.#turns.get(tree);
    if (asks === undefined) return;
    this.#turns.delete(tree);
    this.#resting.set(tree, { asks, until });
    this.#wakesAt = Math.min(this.#wakesAt, until);
  }

  #return(tree: string, { asks }: Resting<Ask>): void {
    this.#resting.delete(tree);
    this.#turns.set(tree, asks);
  }

  #wake(now: number): void {
    this.#wakesAt = Number.POSITIVE_INFINITY;
    for (const [tree, resting] of this.#resting)
      if (resting.until <= now) this.#return(tree, resting);
      else this.#wakesAt = Math.min(this.#wakesAt, resting.until);
  }

  #treeOf(tree: string, now: number): PermitMeter | undefined {
    const { perTree } = this.limits;
    if (perTree === undefined) return undefined;
    const known = this.#trees.get(tree);
    if (known !== undefined) return known;
    const meter = new PermitMeter(perTree);
    this.#trees.set(tree, meter);
    if (this.#trees.size >= this.#sweepsAt) this.#sweep(now);
    return meter;
  }

  /** Trees of which nothing is remembered any more; as often as their number has doubled. */
  #sweep(now: number): void {
    for (const [tree, meter] of this.#trees) if (meter.isIdle(now)) this.#trees.delete(tree);
    this.#sweepsAt = Math.max(leastSwept, 2 * this.#trees.size);
  }
}
