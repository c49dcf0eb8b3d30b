// Sessions without actors that are still in memory: their states, least recently used first, bounded in bytes. They are read
// and woken without the disk, and it is counted how often that was so.
import type { Json } from '../base/json.ts';
import type { SessionState } from '../domain/session/session-state.ts';
import type { Hydrated } from '../entity/hydrate.ts';

interface Resident {
  readonly hydrated: Hydrated<SessionState>;
  readonly bytes: number;
}

export interface CacheCounts {
  readonly sessions: number;
  readonly bytes: number;
  readonly limitBytes: number;
  /** Found here by who read or woke a session. */
  readonly hits: number;
  /** Read from the journal instead. */
  readonly misses: number;
  readonly evictions: number;
  readonly since: number;
}

/** What a state takes beside what it holds: machine snapshot and maps. */
const emptyBytes = 2_048;

export class ResidentSessions {
  readonly #limitBytes: number;
  readonly #since: number;
  readonly #evicted: (sessionId: string, bytes: number) => void;
  readonly #sessions = new Map<string, Resident>();
  #bytes = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;

  constructor(limitBytes: number, since = 0, evicted: (sessionId: string, bytes: number) => void = () => {}) {
    this.#limitBytes = limitBytes;
    this.#since = since;
    this.#evicted = evicted;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get counts(): CacheCounts {
    return {
      ...{ sessions: this.#sessions.size, bytes: this.#bytes, limitBytes: this.#limitBytes },
      ...{ hits: this.#hits, misses: this.#misses, evictions: this.#evictions, since: this.#since },
    };
  }

  /** The newest of a session counts. One that is larger than all that may be kept is not. */
  keep(sessionId: string, hydrated: Hydrated<SessionState>): void {
    this.forget(sessionId);
    const bytes = bytesOf(hydrated.state);
    if (bytes > this.#limitBytes) {
      this.#evict(sessionId, bytes);
      return;
    }
    this.#sessions.set(sessionId, { hydrated, bytes });
    this.#bytes += bytes;
    for (const [oldest, { bytes: freed }] of this.#sessions) {
      if (this.#bytes <= this.#limitBytes) return;
      this.forget(oldest);
      this.#evict(oldest, freed);
    }
  }

  /** Reading is using. */
  find(sessionId: string): Hydrated<SessionState> | undefined {
    const resident = this.#sessions.get(sessionId);
    if (resident === undefined) return undefined;
    this.#hits += 1;
    this.#sessions.delete(sessionId);
    this.#sessions.set(sessionId, resident);
    return resident.hydrated;
  }

  /** Takes it out for a session whose actors are started: who goes on from it uses it too. */
  take(sessionId: string): Hydrated<SessionState> | undefined {
    const hydrated = this.forget(sessionId);
    if (hydrated !== undefined) this.#hits += 1;
    return hydrated;
  }

  /** A session that is stored was read from there, for it was not here. */
  missed(): void {
    this.#misses += 1;
  }

  /** Takes it out, for one that is gone or has moved on. */
  forget(sessionId: string): Hydrated<SessionState> | undefined {
    const resident = this.#sessions.get(sessionId);
    if (resident === undefined) return undefined;
    this.#sessions.delete(sessionId);
    this.#bytes -= resident.bytes;
    return resident.hydrated;
  }

  #evict(sessionId: string, bytes: number): void {
    this.#evictions += 1;
    this.#evicted(sessionId, bytes);
  }
}

function bytesOf({ conversation, memory, files, agents, profile }: SessionState): number {
  const runs = agents.open.size + agents.ended.length;
  const entries =
    conversation.window.length + files.active.size + files.index.size + memory.items.size + runs;
  const texts = conversation.windowBytes + memory.bytes + files.indexBytes + bytesOfProfile(profile);
  return emptyBytes + 256 * entries + 2 * texts;
}

/** Names and numbers are among what every state takes. */
function bytesOfProfile({ metadata, llmConfig }: SessionState['profile']): number {
  return bytesOfJson(metadata) + bytesOfJson(llmConfig);
}

function bytesOfJson(value: Json): number {
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  return isEmpty ? 0 : JSON.stringify(value).length;
}
