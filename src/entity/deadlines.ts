// The times at which streams need waking, and the one timer that waits for the earliest. Deadlines are data of the
// states; this heap is only their alarm clock, filled from heads at boot, and a time that has passed is fired late.
import type { Clock } from '../base/clock.ts';

interface Alarm {
  readonly stream: string;
  readonly at: number;
}

/** At most so many streams are woken in a tenth of a second, so that a boot does not stampede. */
const wakesPerTick = 100;
const tickMs = 100;

/** Alarms that were cleared or moved stay in the heap until they are more than those that count, and more than so many. */
const fewStale = 64;

export class Deadlines {
  readonly #clock: Clock;
  readonly #wake: (stream: string) => void;
  #heap: Alarm[] = [];
  /** The alarm that counts per stream; a heap entry that differs is stale. */
  readonly #current = new Map<string, number>();
  #cancelTimer: (() => void) | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  /** When the running tenth of a second began, and how many were woken in it. */
  #tickAt = Number.NEGATIVE_INFINITY;
  #woken = 0;
  #closed = false;

  constructor(clock: Clock, wake: (stream: string) => void) {
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
   * back is left where it is: whoever is woken says when to ring next. A busy session thus costs no heap work.
   */
  schedule(stream: string, at: number | null): void {
    const current = this.#current.get(stream);
    if (at === null) this.#current.delete(stream);
    else if (current === undefined || at < current) this.#set({ stream, at });
    else return;
    this.#sweep();
  }

  /** The streams whose alarms are due, as many as may be woken now. Their alarms ring no more. */
  takeDue(): string[] {
    const now = this.#clock.now();
    const due: string[] = [];
    this.#beginTick(now);
    for (let [next] = this.#heap; next !== undefined; [next] = this.#heap) {
      if (next.at > now || this.#woken === wakesPerTick) break;
      pop(this.#heap);
      if (this.#current.get(next.stream) !== next.at) continue;
      this.#current.delete(next.stream);
      this.#woken += 1;
      due.push(next.stream);
    }
    return due;
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#heap.length = 0;
    this.#current.clear();
  }

  #set(alarm: Alarm): void {
    this.#current.set(alarm.stream, alarm.at);
    push(this.#heap, alarm);
    this.#arm(alarm.at);
  }

  /** A time may be far off, and what was set for it must not wait until then to be forgotten. */
  #sweep(): void {
    if (this.#heap.length <= 2 * this.#current.size + fewStale) return;
    // What is sorted is a heap.
    this.#heap = [...this.#current].map(([stream, at]) => ({ stream, at })).sort((a, b) => a.at - b.at);
  }

  #arm(dueAt: number): void {
    const at = this.#woken < wakesPerTick ? dueAt : Math.max(dueAt, this.#tickAt + tickMs);
    if (this.#closed || at >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#cancelTimer = this.#clock.schedule(Math.max(0, at - this.#clock.now()), () => this.#ring());
  }

  #ring(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#cancelTimer = undefined;
    for (const stream of this.takeDue()) this.#wake(stream);
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
