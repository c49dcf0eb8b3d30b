// What is held and was used under one key, or by one session tree under it, beside what is allowed.
import {
  opensAt,
  type PermitLimits,
  type PermitUse,
  sumOf,
  type UsedWindow,
  usedAt,
  type WindowLimit,
  windowLimits,
  withUse,
} from '../../domain/permit-limits.ts';

export class PermitMeter {
  readonly limits: PermitLimits;
  readonly #windows: { readonly limit: WindowLimit; used: UsedWindow }[];
  #held = 0;

  constructor(limits: PermitLimits) {
    this.limits = limits;
    this.#windows = windowLimits(limits).map((limit) => ({ limit, used: [] }));
  }

  get held(): number {
    return this.#held;
  }

  /** The number that one request alone is over, so that it could never be granted. */
  tooMuch(use: PermitUse): WindowLimit | undefined {
    return this.#windows.find(({ limit }) => use[limit.unit] > limit.limit)?.limit;
  }

  /** When time alone lets it in: now, later, or never while as many are held as may be. */
  opensAt(use: PermitUse, now: number): number {
    const { inFlight } = this.limits;
    if (inFlight !== undefined && this.#held >= inFlight) return Number.POSITIVE_INFINITY;
    return this.#windows.reduce((latest, window) => {
      window.used = usedAt(window.used, window.limit.spanMs, now);
      return Math.max(latest, opensAt(window.used, window.limit, use[window.limit.unit], now));
    }, now);
  }

  take(use: PermitUse, now: number): void {
    this.#held += 1;
    this.#use(() => use, now);
  }

  /** It is given back; what it was taken for is set right where something else was used. */
  giveBack(
    taken: { readonly use: PermitUse; readonly at: number },
    used: PermitUse | undefined,
    now: number,
  ): void {
    this.#held -= 1;
    if (used === undefined) return;
    const changed = (unit: keyof PermitUse): number => used[unit] - taken.use[unit];
    const parts = (pick: (change: number) => number): PermitUse => ({
      requests: pick(changed('requests')),
      tokens: pick(changed('tokens')),
      cost: pick(changed('cost')),
    });
    this.#use(() => parts((change) => Math.min(change, 0)), taken.at);
    this.#use(() => parts((change) => Math.max(change, 0)), now);
  }

  /** Nothing is held, and nothing is remembered of it. */
  isIdle(now: number): boolean {
    return (
      this.#held === 0 &&
      this.#windows.every(({ limit, used }) => usedAt(used, limit.spanMs, now).length === 0)
    );
  }

  usedAt(now: number): Readonly<Record<string, number>> {
    return Object.fromEntries(
      this.#windows.map(({ limit, used }) => [limit.unit, sumOf(usedAt(used, limit.spanMs, now))]),
    );
  }

  /** For the next process. */
  get windows(): Readonly<Record<string, UsedWindow>> {
    return Object.fromEntries(this.#windows.map(({ limit, used }) => [limit.unit, used]));
  }

  restore(windows: Readonly<Record<string, unknown>>): void {
    for (const window of this.#windows) {
      const found = windows[window.limit.unit];
      if (Array.isArray(found) && found.every(isSlice)) window.used = found;
    }
  }

  #use(of: () => PermitUse, at: number): void {
    const use = of();
    for (const window of this.#windows) {
      const { spanMs, unit } = window.limit;
      if (use[unit] !== 0) window.used = withUse(window.used, spanMs, at, use[unit]);
    }
  }
}

const isSlice = (entry: unknown): entry is readonly [number, number] =>
  Array.isArray(entry) && entry.length === 2 && entry.every(Number.isFinite);
