// The times at which streams need waking, and the one timer that waits for the earliest. Deadlines are data of the
// states; this heap is only their alarm clock, filled from heads at boot, and a time that has passed is fired late.
import type { Clock } from '../base/clock.ts';
import type { Law } from '../domain/law.ts';

interface Alarm {
  readonly stream: string;
  /** By the time of the alarms, which never runs backwards and never slower than what elapses. */
  readonly at: number;
}

/** What counts of a stream. */
interface Current {
  /** When its alarm rings, or the clock is looked at again. */
  at: number;
  /** When it rings unless the clock is set forward. */
  due: number;
  /** How far the clock was ahead of what had elapsed, when that was known. */
  shownAhead: number;
  /** How far the stream is ahead of what has elapsed, as far as that is known while it waits for the end of a span. */
  ahead: number;
}

/** An alarm that rings. */
export interface Rung {
  readonly stream: string;
  /** So far the time of the stream has come at the least, where it waits for the end of a span. */
  readonly time: number;
}

const forever = Number.POSITIVE_INFINITY;
const never = Number.NEGATIVE_INFINITY;
/** A clock that was set forward by less is waited out, and one that was set back by less is not behind. */
const leadMs = 20;

/** How often it is asked for the time while it is behind. */
const askAgainMs = 60_000;

/** At most so many streams are woken in a tenth of a second, so that a boot does not stampede. */
const wakesPerTick = 100;
const tickMs = 100;

/** Alarms that were cleared or moved stay in the heap until they are more than those that count, and more than so many. */
const fewStale = 64;

export class Deadlines {
  readonly #clock: Clock;
  readonly #wake: (stream: string, time: number) => void;
  #heap: Alarm[] = [];
  /** The alarm that counts per stream; a heap entry that differs is stale. */
  readonly #current = new Map<string, Current>();
  #cancelTimer: (() => void) | undefined;
  #timerAt = forever;
  /** When the running tenth of a second began, and how many were woken in it. */
  #tickAt = never;
  #woken = 0;
  #closed = false;
  /** How far the time of the alarms is ahead of what has elapsed; it only grows, by a clock that is set forward. */
  #lead = never;
  #timerLead = never;

  constructor(clock: Clock, wake: (stream: string, time: number) => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  get size(): number {
    return this.#current.size;
  }

  /** Alarms in memory, also those that count no more. */
  get held(): number {
    return this.#heap.length;
  }

  /**
   * Sets the alarm of a stream, or clears it for null. An alarm that rings early is harmless, so one that only moves
   * back is left where it is: whoever is woken says when to ring next. A busy session thus costs no heap work. `at` is by the clock;
   * `time` is that of the stream: null while it waits for the end of no span, left out where nothing new is known of it.
   */
  schedule(stream: string, at: number | null, time?: number | null): void {
    const current = this.#current.get(stream);
    if (at === null) this.#current.delete(stream);
    else {
      const [shown, elapsed] = [this.#clock.now(), this.#clock.elapsed?.()];
      const shownAhead = shown - (elapsed ?? 0);
      const due = this.#time(shown, elapsed) + at - shown;
      this.#followLead();
      const ahead = this.#aheadOf(current, time);
      if (current !== undefined && due >= current.due) {
        current.ahead = ahead;
        return;
      }
      const least = Math.min(shownAhead, current?.shownAhead ?? shownAhead);
      this.#set(stream, { at: this.#looksAt(due), due, shownAhead: least, ahead });
    }
    this.#sweep();
  }

  /** Sets the alarm of a stream of which only the head is known: it may ring early. */
  adopt(
    stream: string,
    { dueAt, updatedAt }: { readonly dueAt: number | null; readonly updatedAt: number },
  ): void {
    if (dueAt === null) return;
    const now = this.#clock.now();
    const time = Math.max(now, updatedAt);
    const at = this.#clock.elapsed === undefined ? dueAt : dueAt - (time - now);
    this.schedule(stream, at, time);
  }

  /** The streams whose alarms are due, as many as may be woken now. Their alarms ring no more. */
  takeDue(): Rung[] {
    const now = this.#time();
    const elapsed = this.#clock.elapsed?.();
    const due: Rung[] = [];
    this.#beginTick(now);
    for (let [next] = this.#heap; next !== undefined; [next] = this.#heap) {
      if (next.at > now || this.#woken === wakesPerTick) break;
      pop(this.#heap);
      const current = this.#current.get(next.stream);
      if (current?.at !== next.at || this.#waitsOn(next.stream, current, now)) continue;
      this.#current.delete(next.stream);
      this.#woken += 1;
      due.push({ stream: next.stream, time: elapsed === undefined ? 0 : current.ahead + elapsed });
    }
    return due;
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#heap.length = 0;
    this.#current.clear();
  }

  /** A clock that was set back may be set right again, and nobody tells: what it says now is not relied upon for long. */
  #looksAt(due: number): number {
    const time = this.#time();
    return time - this.#clock.now() > leadMs ? Math.min(due, time + askAgainMs) : due;
  }

  /** True for one that was only looked at: it is not due, however far the clock was set forward meanwhile. */
  #waitsOn(stream: string, current: Current, now: number): boolean {
    const shownAhead = this.#clock.now() - this.#elapsed();
    current.due -= Math.max(0, shownAhead - current.shownAhead);
    current.shownAhead = shownAhead;
    if (current.due <= now) return false;
    current.at = this.#looksAt(current.due);
    push(this.#heap, { stream, at: current.at });
    return true;
  }

  #elapsed(): number {
    return this.#clock.elapsed?.() ?? 0;
  }

  /** What was known holds until the span is over: behind that the time of the stream may stand still. */
  #aheadOf(current: Current | undefined, time: number | null | undefined): number {
    if (time === null) return never;
    const known = current?.ahead ?? never;
    return time === undefined ? known : Math.max(known, time - this.#elapsed());
  }

  #time(shown = this.#clock.now(), elapsed = this.#clock.elapsed?.()): number {
    if (elapsed === undefined) return shown;
    this.#lead = Math.max(this.#lead, shown - elapsed);
    return elapsed + this.#lead;
  }

  /** A timer goes by what elapses: where the clock was set forward it would ring too late. */
  #followLead(): void {
    const [next] = this.#heap;
    if (next === undefined || this.#lead - this.#timerLead < leadMs || this.#timerAt === forever) return;
    this.#timerAt = forever;
    this.#arm(next.at);
  }

  #set(stream: string, current: Current): void {
    this.#current.set(stream, current);
    push(this.#heap, { stream, at: current.at });
    this.#arm(current.at);
  }

  /** A time may be far off, and what was set for it must not wait until then to be forgotten. */
  #sweep(): void {
    if (this.#heap.length <= 2 * this.#current.size + fewStale) return;
    // What is sorted is a heap.
    this.#heap = [...this.#current].map(([stream, { at }]) => ({ stream, at })).sort((a, b) => a.at - b.at);
  }

  #arm(dueAt: number): void {
    const at = this.#woken < wakesPerTick ? dueAt : Math.max(dueAt, this.#tickAt + tickMs);
    if (this.#closed || at >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    const now = this.#time();
    this.#timerLead = this.#lead;
    this.#cancelTimer = this.#clock.schedule(Math.max(0, at - now), () => this.#ring());
  }

  #ring(): void {
    this.#timerAt = forever;
    this.#cancelTimer = undefined;
    for (const { stream, time } of this.takeDue()) this.#wake(stream, time);
    const [next] = this.#heap;
    if (next !== undefined) this.#arm(next.at);
  }

  /** A clock that was set back begins a new one too. */
  #beginTick(now: number): void {
    if (now >= this.#tickAt && now < this.#tickAt + tickMs) return;
    this.#tickAt = now;
    this.#woken = 0;
  }
}

/** The time of a stream while it waits for the end of a span; null while it does not. */
export const countedTime = <State>(
  law: Pick<Law<State>, 'nextSpan'>,
  state: State,
  time: number,
): number | null => ((law.nextSpan?.(state) ?? null) === null ? null : time);

/** By the clock, when a state falls due of a stream whose time is `time`; what is left of a span does not depend on the clock. */
export function dueByClock<State>(
  law: Pick<Law<State>, 'nextDeadline' | 'nextSpan'>,
  state: State,
  time: number,
  now: number,
): number | null {
  const [next, span] = [law.nextDeadline(state), law.nextSpan?.(state) ?? null];
  const left = span === null ? null : span - Math.max(0, time - now);
  return left === null || (next !== null && next < left) ? next : left;
}

function push(heap: Alarm[], alarm: Alarm): void {
  let index = heap.push(alarm) - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (before(heap, parent, index)) return;
    swap(heap, parent, index);
    index = parent;
  }
}

function pop(heap: Alarm[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  heap[0] = last;
  let index = 0;
  for (;;) {
    const left = index * 2 + 1;
    const right = left + 1;
    const least = right < heap.length && before(heap, right, left) ? right : left;
    if (least >= heap.length || before(heap, index, least)) return;
    swap(heap, index, least);
    index = least;
  }
}

function before(heap: readonly Alarm[], a: number, b: number): boolean {
  return (heap[a]?.at ?? 0) <= (heap[b]?.at ?? 0);
}

function swap(heap: Alarm[], a: number, b: number): void {
  const [first, second] = [heap[a], heap[b]];
  if (first === undefined || second === undefined) return;
  heap[a] = second;
  heap[b] = first;
}
