// What an observer saw, as data that can be compared: of each actor its events and its states, in order.

/** An inspection event, as XState hands it out or as the official receiver reads it from the wire. */
export interface Inspected {
  readonly type: string;
  readonly event?: unknown;
  readonly snapshot?: unknown;
}

export interface Sighting {
  readonly actor: string;
  readonly steps: string[];
}

export class Sightings {
  readonly #actors = new Map<string, Sighting>();
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  #count = 0;

  /** Notes one inspection event of the actor with the given session id; `name` only matters for a new actor. */
  note(sessionId: string, name: string, { type, event, snapshot }: Inspected): void {
    if (type === '@xstate.actor') this.#actors.set(sessionId, { actor: name, steps: [] });
    else if (type === '@xstate.event') this.#step(sessionId, `event ${typeOf(event)}`);
    else if (type === '@xstate.snapshot') this.#step(sessionId, `state ${stateOf(snapshot)}`);
    else return;
    this.#count += 1;
    for (const { count, resolve } of this.#waiting) if (this.#count >= count) resolve();
  }

  /** How many inspection events were noted. */
  get count(): number {
    return this.#count;
  }

  /** Resolves when so many were noted. */
  whenNoted(count: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#count >= count) resolve();
      else this.#waiting.push({ count, resolve });
    });
  }

  /** By the actor's session id, which is unique within a process. */
  get actors(): ReadonlyMap<string, Sighting> {
    return this.#actors;
  }

  #step(sessionId: string, step: string): void {
    this.#actors.get(sessionId)?.steps.push(step);
  }
}

/** As JSON, for that is what goes over the wire. */
function plain(value: unknown): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(value) ?? '{}') as Readonly<Record<string, unknown>>;
}

const typeOf = (event: unknown): string => String(plain(event).type);

function stateOf(snapshot: unknown): string {
  const { value, status } = plain(snapshot);
  return status === 'active' ? String(value) : `${String(value)} (${String(status)})`;
}
