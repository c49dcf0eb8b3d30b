// Sessions without actors that are still in memory: their states, least recently used first, bounded in bytes. They are read
// and woken without the disk.
import type { Json } from '../base/json.ts';
import type { SessionState } from '../domain/session-state.ts';
import type { Hydrated } from '../entity/hydrate.ts';

interface Resident {
  readonly hydrated: Hydrated<SessionState>;
  readonly bytes: number;
}

/** What a state takes beside what it holds: machine snapshot and maps. */
const emptyBytes = 2_048;

export class ResidentSessions {
  readonly #limitBytes: number;
  readonly #sessions = new Map<string, Resident>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The newest of a session counts. One that is larger than all that may be kept is not. */
  keep(sessionId: string, hydrated: Hydrated<SessionState>): void {
    this.forget(sessionId);
    const bytes = bytesOf(hydrated.state);
    if (bytes > this.#limitBytes) return;
    this.#sessions.set(sessionId, { hydrated, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#sessions.keys()) {
      if (this.#bytes <= this.#limitBytes) return;
      this.forget(oldest);
    }
  }

  /** Reading is using. */
  find(sessionId: string): Hydrated<SessionState> | undefined {
    const resident = this.#sessions.get(sessionId);
    if (resident === undefined) return undefined;
    this.#sessions.delete(sessionId);
    this.#sessions.set(sessionId, resident);
    return resident.hydrated;
  }

  /** Takes it out, for a session whose actors are started or that is gone. */
  forget(sessionId: string): Hydrated<SessionState> | undefined {
    const resident = this.#sessions.get(sessionId);
    if (resident === undefined) return undefined;
    this.#sessions.delete(sessionId);
    this.#bytes -= resident.bytes;
    return resident.hydrated;
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
