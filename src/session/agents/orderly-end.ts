// Whether the process before this one ended in order, for what a run is charged with: a run that was at work when its process
// died may be what killed it.
import type { Journal } from '../../journal/journal.ts';

const key = 'agents/orderlyEnd';

export class OrderlyEnds {
  /** True unless the process before died. */
  #endedInOrder = true;
  #isKnown = false;
  /** Open runs that were begun by this process. */
  readonly #begun = new Set<string>();

  /** Asked once in a process, before the first session is started. */
  async learn({ kv, epoch }: Pick<Journal, 'kv' | 'epoch'>): Promise<void> {
    if (this.#isKnown) return;
    // A mark that cannot be read is none.
    const marked = await kv.get(key).catch(() => undefined);
    this.#endedInOrder = marked === epoch - 1;
    this.#isKnown = true;
  }

  /** True for an open run that may have been at work when its process died. */
  diedWith(sessionId: string, runId: string): boolean {
    return !this.#endedInOrder && !this.#begun.has(nameOf(sessionId, runId));
  }

  begun(sessionId: string, runId: string): void {
    if (!this.#endedInOrder) this.#begun.add(nameOf(sessionId, runId));
  }

  over(sessionId: string, runId: string): void {
    this.#begun.delete(nameOf(sessionId, runId));
  }
}

/** The epoch says which process it was: a mark is of no use to any but the next. */
export async function noteOrderlyEnd({
  kv,
  epoch,
  incident,
  outage,
}: Pick<Journal, 'kv' | 'epoch' | 'incident' | 'outage'>): Promise<void> {
  if (incident !== undefined || outage !== undefined) return;
  // Without the mark the next process takes this one for dead, which costs a restart of each run that was at work.
  await kv.batch([{ key, value: epoch }]).catch(() => undefined);
}

const nameOf = (sessionId: string, runId: string): string => `${sessionId}/${runId}`;
