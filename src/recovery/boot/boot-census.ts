// What a boot sees while it looks at all heads: how many sessions there are, which of them are due, how late, and what must
// be finished that was begun. It keeps counts, the due times until they are taken over, and the few ids of what nobody would
// finish otherwise.
import type { Head, HeadGlance } from '../../journal/journal.ts';

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

/** Of a stored session with a due time: what is to be known while nobody has woken it. */
export type DueSession = Pick<Head, 'stream' | 'status' | 'dueAt' | 'updatedAt'>;

export class BootCensus {
  readonly #now: number;
  readonly #resting = new Map<string, number>();
  #dueSessions: DueSession[] = [];
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
  see(glance: HeadGlance): void {
    const { status, dueAt } = glance;
    this.#adopted += 1;
    if (status === 'terminating') this.#terminating += 1;
    if (dueAt === null) this.#resting.set(status, (this.#resting.get(status) ?? 0) + 1);
    else this.#seeDue(glance.whole(), dueAt);
    // A start that was never finished has no due time, and none will come of it.
    if (status === 'initializing') this.#unstarted.push(idOf(glance.whole()));
  }

  /** How many sessions of each status have nothing due. */
  get resting(): ReadonlyMap<string, number> {
    return this.#resting;
  }

  /** The sessions with a due time; they are forgotten here. */
  takeDue(): readonly DueSession[] {
    const due = this.#dueSessions;
    this.#dueSessions = [];
    return due;
  }

  #seeDue({ stream, status, updatedAt, summary }: Head, dueAt: number): void {
    this.#dueSessions.push({ stream, status, dueAt, updatedAt });
    this.#newestAt = Math.max(this.#newestAt, updatedAt);
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

const idOf = ({ stream }: Head): string => stream.slice(stream.indexOf('/') + 1);
