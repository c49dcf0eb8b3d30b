// Which sessions take part in handoffs, and what may be under way there: keys beside the streams, so that a process that starts
// reads the sessions that have something open and no others. A note says too much at times, and never too little.
import type { Journal } from '../../journal/journal.ts';

/** `accepted`: something may have been accepted and not delivered; `offered`: something may be on offer; `settled`: neither. */
export type NoteLevel = 'settled' | 'offered' | 'accepted';

/** Stores in which all stand under the first tell nothing of their levels. */
const prefixes: Readonly<Record<NoteLevel, string>> = {
  accepted: 'handoffs/of/',
  offered: 'handoffs/offered/',
  settled: 'handoffs/settled/',
};

const levels = ['settled', 'offered', 'accepted'] as const satisfies readonly NoteLevel[];
const rank = (level: NoteLevel): number => levels.indexOf(level);

/** Notes that say too much are corrected together: so many sessions are read in vain behind a kill. */
const longestWait = 64;

export interface HandoffNotesOptions {
  readonly kv: Journal['kv'];
  /** What is under way in a session by what was heard of it; undefined where that is not known. */
  readonly levelOf: (sessionId: string) => NoteLevel | undefined;
}

export class HandoffNotes {
  readonly #options: HandoffNotesOptions;
  readonly #levels = new Map<string, NoteLevel>();
  /** Sessions with a command under way that may open something. */
  readonly #busy = new Map<string, number>();
  /** Those whose notes may say too much. */
  readonly #generous = new Set<string>();

  constructor(options: HandoffNotesOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    for (const level of levels) {
      const prefix = prefixes[level];
      // Of a session that stands under two the higher level counts, which is read later.
      for (const key of await this.#options.kv.keys(prefix))
        this.#levels.set(key.slice(prefix.length), level);
    }
  }

  get size(): number {
    return this.#levels.size;
  }

  has(sessionId: string): boolean {
    return this.#levels.has(sessionId);
  }

  [Symbol.iterator](): Iterator<readonly [sessionId: string, level: NoteLevel]> {
    return this.#levels.entries();
  }

  /** Noted before it is done, for nothing may be opened that the next process would not look for. */
  async during<T>(sessionId: string, level: NoteLevel, job: () => Promise<T>): Promise<T> {
    this.#busy.set(sessionId, (this.#busy.get(sessionId) ?? 0) + 1);
    await this.#raise(sessionId, level);
    const done = await job();
    // What failed may have been done: its session stays as busy as it is.
    const left = (this.#busy.get(sessionId) ?? 1) - 1;
    if (left > 0) this.#busy.set(sessionId, left);
    else this.#busy.delete(sessionId);
    this.consider(sessionId);
    return done;
  }

  /** Something was heard of a session: what its note says may be too much. */
  consider(sessionId: string): void {
    if (this.#isGenerous(sessionId)) this.#generous.add(sessionId);
    else this.#generous.delete(sessionId);
    if (this.#generous.size >= longestWait) void this.flush();
  }

  /** A note that is not corrected says too much, and no more. */
  async flush(): Promise<void> {
    const found = [...this.#generous].filter((sessionId) => this.#isGenerous(sessionId));
    this.#generous.clear();
    const writes = found.flatMap((sessionId) => this.#move(sessionId, this.#options.levelOf(sessionId)));
    if (writes.length > 0) await this.#options.kv.batch(writes).catch(() => undefined);
  }

  async forget(sessionId: string): Promise<void> {
    this.#busy.delete(sessionId);
    this.#generous.delete(sessionId);
    if (!this.#levels.delete(sessionId)) return;
    const writes = levels.map((level) => ({ key: prefixes[level] + sessionId, value: undefined }));
    await this.#options.kv.batch(writes);
  }

  #isGenerous(sessionId: string): boolean {
    const noted = this.#levels.get(sessionId);
    const level = this.#options.levelOf(sessionId);
    if (noted === undefined || level === undefined || this.#busy.has(sessionId)) return false;
    return rank(level) < rank(noted);
  }

  /** It counts as noted once it is durable. */
  async #raise(sessionId: string, level: NoteLevel): Promise<void> {
    const noted = this.#levels.get(sessionId);
    if (noted !== undefined && rank(noted) >= rank(level)) return;
    await this.#options.kv.batch(writesOf(sessionId, noted, level));
    const now = this.#levels.get(sessionId);
    if (now === undefined || rank(now) < rank(level)) this.#levels.set(sessionId, level);
  }

  #move(sessionId: string, level: NoteLevel | undefined) {
    const noted = this.#levels.get(sessionId);
    if (level === undefined) return [];
    this.#levels.set(sessionId, level);
    return writesOf(sessionId, noted, level);
  }
}

function writesOf(sessionId: string, noted: NoteLevel | undefined, level: NoteLevel) {
  const raised = { key: prefixes[level] + sessionId, value: true };
  const before = levels.filter((other) => other !== level && (noted === undefined || other === noted));
  return [raised, ...before.map((other) => ({ key: prefixes[other] + sessionId, value: undefined }))];
}
