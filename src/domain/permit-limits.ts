// What the permits of one key allow, as data, and what a sliding window of use holds. Pure: time comes as an argument.

/** What may be used under a key at once, and in a minute or an hour. What is not named is without limit. */
export interface PermitLimits {
  /** Permits that may be held at once. */
  readonly inFlight?: number;
  /** Permits granted in any 60 s. */
  readonly perMinute?: number;
  /** Tokens used in any 60 s. */
  readonly tokensPerMinute?: number;
  /** Cost in any hour, in whatever unit is reported. */
  readonly costPerHour?: number;
}

/** A key that calls share, such as a model or an account with a provider. */
export interface PermitKey extends PermitLimits {
  /** The same for each session tree by itself: a session with all that were opened under it. */
  readonly perTree?: PermitLimits;
  /** Requests that may wait; 10,000. One more is refused with `PERMIT_QUEUE_FULL`. */
  readonly maxWaiting?: number;
  /** How long a permit may be held, in milliseconds; 600,000. Then it is freed, whoever holds it. */
  readonly leaseMs?: number;
}

type PermitUnit = 'requests' | 'tokens' | 'cost';

/** What one permit uses up of each. */
export type PermitUse = Readonly<Record<PermitUnit, number>>;

export interface WindowLimit {
  readonly unit: PermitUnit;
  readonly limit: number;
  readonly spanMs: number;
}

const minuteMs = 60_000;
const hourMs = 3_600_000;

export function windowLimits({ perMinute, tokensPerMinute, costPerHour }: PermitLimits): WindowLimit[] {
  const all: readonly (Omit<WindowLimit, 'limit'> & { readonly limit: number | undefined })[] = [
    { unit: 'requests', limit: perMinute, spanMs: minuteMs },
    { unit: 'tokens', limit: tokensPerMinute, spanMs: minuteMs },
    { unit: 'cost', limit: costPerHour, spanMs: hourMs },
  ];
  return all.filter((window): window is WindowLimit => window.limit !== undefined);
}

/** What was used of late: amounts by the slice of time in which they were, oldest first. */
export type UsedWindow = readonly (readonly [slice: number, amount: number])[];

const slices = 60;

const sliceMs = (spanMs: number): number => spanMs / slices;
const sliceOf = (spanMs: number, at: number): number => Math.floor(at / sliceMs(spanMs));

/** A slice leaves the window when all of it has: so no span of this length ever holds more than the limit. */
const leavesAt = (spanMs: number, slice: number): number => (slice + 1) * sliceMs(spanMs) + spanMs;

export function usedAt(window: UsedWindow, spanMs: number, now: number): UsedWindow {
  const [first] = window;
  if (first === undefined || leavesAt(spanMs, first[0]) > now) return window;
  return window.filter(([slice]) => leavesAt(spanMs, slice) > now);
}

export const sumOf = (window: UsedWindow): number => window.reduce((sum, [, amount]) => sum + amount, 0);

/** More was used at a time; or less, where `amount` is negative and its slice is still known. */
export function withUse(window: UsedWindow, spanMs: number, at: number, amount: number): UsedWindow {
  const slice = sliceOf(spanMs, at);
  const known = window.findIndex(([of]) => of === slice);
  if (known >= 0)
    return window.map((entry, i) => (i === known ? [slice, Math.max(entry[1] + amount, 0)] : entry));
  if (amount <= 0) return window;
  return [...window, [slice, amount] as const].sort(([a], [b]) => a - b);
}

/**
 * When so much more may be used: now, or when enough has left the window. What is not known before asks for nothing, and goes
 * on while the limit is not reached.
 */
export function opensAt(
  window: UsedWindow,
  { limit, spanMs }: WindowLimit,
  amount: number,
  now: number,
): number {
  let sum = sumOf(window);
  const fits = (): boolean => (amount > 0 ? sum + amount <= limit : sum < limit);
  if (fits()) return now;
  for (const [slice, used] of window) {
    sum -= used;
    // Sums of fractions come out a little beside nothing.
    if (fits() || slice === window.at(-1)?.[0]) return leavesAt(spanMs, slice);
  }
  return now;
}

const firstPauseMs = 1_000;
const longestPauseMs = 600_000;

/** How long all that share a key wait after a refusal: as long as they were told, or a second, doubled with each in a row. */
export function pauseAfter(retryAfterMs: number | undefined, inARow: number): number {
  return Math.min(retryAfterMs ?? firstPauseMs * 2 ** Math.min(inARow, 20), longestPauseMs);
}
