// What a boot sees while it looks at all heads: how many sessions there are, which of them are due, how late, and what must
// be finished that was begun. It keeps counts, and the few ids of what nobody would finish otherwise.
import type { Head, HeadGlance } from '../journal/journal.ts';

export interface CensusCounts {
  readonly adopted: number;
  readonly due: number;
  readonly terminating: number;
  readonly timers: { readonly armed: number; readonly late: number; readonly latestMs: number };
  /** Runs of agents that were open in active sessions. */
  readonly agents: number;
  /** Sessions whose start was never finished. */
  readonly unstarted: readonly string[];
  /** When the newest of the events that were looked at happened; 0 when none was. */
  readonly newestAt: number;
}

export class BootCensus {
  readonly #now: number;
  #adopted = 0;
  #due = 0;
  #terminating = 0;
  #armed = 0;
  #late = 0;
  #latestMs = 0;
  #agents = 0;
  #newestAt = 0;
  readonly #unstarted: string[] = [];

  constructor(now: number) {
    this.#now = now;
  }

  /** Of a head without a due time nothing but its status is looked at. */
  see(glance: Pick<HeadGlance, 'status' | 'dueAt'>): void {
    this.#adopted += 1;
    if (glance.status === 'terminating') this.#terminating += 1;
  }

  /** A start that was never finished has no due time, and none will come of it. */
  seeUnstarted({ stream }: Head): void {
    this.#unstarted.push(stream.slice(stream.indexOf('/') + 1));
  }

  seeDue(head: Head): void {
    const { dueAt, status, updatedAt, summary } = head;
    this.#newestAt = Math.max(this.#newestAt, updatedAt);
    if (dueAt === null) return;
    const lateMs = this.#now - dueAt;
    if (lateMs >= 0) this.#due += 1;
    const open = status === 'active' ? Number((summary as { agents?: number } | null)?.agents ?? 0) : 0;
    this.#agents += open;
    // A session with agents at work is due at once, which is no deadline that was missed.
    if (open > 0) return;
    this.#armed += 1;
    if (lateMs < 0) return;
    this.#late += 1;
    this.#latestMs = Math.max(this.#latestMs, lateMs);
  }

  get counts(): CensusCounts {
    return {
      adopted: this.#adopted,
      due: this.#due,
      terminating: this.#terminating,
      timers: { armed: this.#armed, late: this.#late, latestMs: this.#latestMs },
      agents: this.#agents,
      unstarted: this.#unstarted,
      newestAt: this.#newestAt,
    };
  }
}
