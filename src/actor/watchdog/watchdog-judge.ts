// When an event loop counts as blocked: data in, verdicts out. Time in which the watcher itself did not run is nobody's stall.

export interface JudgeOptions {
  readonly stallMs: number;
  /** So long a stall ends the process; null for never. */
  readonly exitAfterMs: number | null;
  /** How often the watcher looks. */
  readonly checkMs: number;
}

export type Verdict =
  /** Once a stall is `stallMs` long, and each time that it has doubled since. */
  | { readonly type: 'stalled'; readonly stalledMs: number; readonly isFirst: boolean }
  | { readonly type: 'ended'; readonly stalledMs: number }
  | { readonly type: 'fatal'; readonly stalledMs: number };

export class StallJudge {
  readonly #options: JudgeOptions;
  #lookedAt: number;
  #ticks: number;
  #tickedAt: number;
  /** How long the stall is to be before it is told (again). */
  #tellAtMs: number;

  constructor(options: JudgeOptions, now: number, ticks: number) {
    this.#options = options;
    this.#lookedAt = now;
    this.#tickedAt = now;
    this.#ticks = ticks;
    this.#tellAtMs = options.stallMs;
  }

  /** `now` is monotonic; `ticks` counts the turns of the loop. */
  look(now: number, ticks: number): Verdict | undefined {
    const { stallMs, exitAfterMs, checkMs } = this.#options;
    // Suspended, or starved: the loop had no more chance to run than the watcher.
    const missedMs = now - this.#lookedAt - checkMs;
    if (missedMs > checkMs) this.#tickedAt += missedMs;
    this.#lookedAt = now;
    const stalledMs = Math.round(now - this.#tickedAt);
    if (ticks !== this.#ticks) return this.#goesOn(now, ticks, stalledMs);
    if (exitAfterMs !== null && stalledMs >= exitAfterMs) return { type: 'fatal', stalledMs };
    if (stalledMs < this.#tellAtMs) return undefined;
    const isFirst = this.#tellAtMs === stallMs;
    while (this.#tellAtMs <= stalledMs) this.#tellAtMs *= 2;
    return { type: 'stalled', stalledMs, isFirst };
  }

  #goesOn(now: number, ticks: number, stalledMs: number): Verdict | undefined {
    const { stallMs } = this.#options;
    const wasTold = this.#tellAtMs > stallMs;
    this.#ticks = ticks;
    this.#tickedAt = now;
    this.#tellAtMs = stallMs;
    return wasTold ? { type: 'ended', stalledMs } : undefined;
  }
}
