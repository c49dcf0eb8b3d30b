// Decided commands on their way to the disk. Of one stream one batch flies at a time; what is decided meanwhile goes next.
import type { Receipt } from '../journal/journal.ts';
import type { DecidedEvent } from './decide.ts';

/** A decided command: its events, and what its caller hears once they are durable or lost. */
export interface Flight<State> {
  readonly command: string;
  /** None when the answer says that nothing had to be done, or refuses: it then waits for what it was decided on. */
  readonly events: readonly DecidedEvent<State>[];
  readonly receipts: readonly Receipt[];
  readonly answer: () => void;
  readonly fail: (error: Error) => void;
}

/** False for an answer that only waits for others: whatever becomes of them, it changed nothing. */
export function isWritten({ events, receipts }: Flight<unknown>): boolean {
  return events.length + receipts.length > 0;
}

export class Flights<State> {
  #outgoing: Flight<State>[] = [];
  #flying: Flight<State>[] | undefined;

  get isFlying(): boolean {
    return this.#flying !== undefined;
  }

  get hasOutgoing(): boolean {
    return this.#outgoing.length > 0;
  }

  add(flight: Flight<State>): void {
    this.#outgoing.push(flight);
  }

  /** Lets an answer without events follow what was decided before it; false when all of that is durable. */
  follow(flight: Flight<State>): boolean {
    const ahead = this.hasOutgoing ? this.#outgoing : this.#flying;
    ahead?.push(flight);
    return ahead !== undefined;
  }

  /** Takes as much as one batch of `limitBytes` holds, at least one flight. Receipts and head fit in the slack left. */
  depart(limitBytes: number): readonly Flight<State>[] {
    let bytes = 0;
    let count = 0;
    for (const { events } of this.#outgoing) {
      for (const { draft } of events) bytes += draft.payload.length * 2 + 1024;
      if (count > 0 && bytes > limitBytes / 2) break;
      count += 1;
    }
    this.#flying = this.#outgoing.splice(0, count);
    return this.#flying;
  }

  land(): void {
    this.#flying = undefined;
  }

  /** Takes out what has not departed. */
  cancel(): Flight<State>[] {
    return this.#outgoing.splice(0);
  }
}
