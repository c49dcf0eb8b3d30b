// Memories as a part of the system: their entities and operations put together, what falls due taken up after a start, and nothing
// kept of a session that is deleted.
import type { SupervisedChild } from '../../actor/child-spec.ts';
import { resting } from '../../actor/service.ts';
import type { Clock } from '../../base/clock.ts';
import { toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import { defaultPromotion, type PromotionPolicy } from '../../domain/memory/memory-confidence.ts';
import type { MemoryCommand } from '../../domain/memory/memory-decisions.ts';
import { memoriesLaw, memoriesStream } from '../../domain/memory/memory-law.ts';
import type { MemoriesState } from '../../domain/memory/memory-state.ts';
import type { Announcement } from '../../entity/announcement.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import { EntityHost } from '../entity-host.ts';
import { eraseMemories, type MemoryErasureContext } from './memory-erasure.ts';
import { type MemoryOperation, memoryHandlers } from './memory-handlers.ts';
import { forgetShares, isGone } from './memory-shares.ts';
import { SessionMemories, type SessionMemoriesOptions } from './session-memories.ts';

export interface MemoriesOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly mailboxSize: number;
  readonly session: SessionMemoriesOptions['session'];
  /** Tells whoever hears the events of a session. */
  readonly publish: (sessionId: string, announcement: Announcement) => void;
  readonly promotion: Partial<PromotionPolicy>;
}

export class Memories {
  readonly handlers: Handlers<MemoryOperation>;
  readonly #options: MemoriesOptions;
  readonly #context: MemoryErasureContext;
  #isOver = false;

  constructor(options: MemoriesOptions) {
    const { journal, session } = options;
    const law = memoriesLaw({ ...defaultPromotion, ...options.promotion });
    const host = new EntityHost<MemoriesState, MemoryCommand>({
      ...options,
      law,
      tell: (sessionId, events, { durability }) => this.#tell(sessionId, events, durability === 'none'),
    });
    this.#options = options;
    this.#context = {
      ...{ ...options, law, host },
      tell: (sessionId, event, isVolatile) => this.#tell(sessionId, [event], isVolatile),
    };
    const memories = new SessionMemories({ host, journal, session });
    this.handlers = memoryHandlers({ ...this.#context, memories });
  }

  /** Adopts what is stored: what is due is judged, what is of no session any more is removed. */
  async start(): Promise<SupervisedChild> {
    const { host } = this.#context;
    const stored: string[] = [];
    await this.#options.journal.survey(memoriesStream(''), (glance) => {
      const head = glance.whole();
      if (head.firstSeq > head.seq) return;
      host.adopt(head);
      stored.push(head.stream.slice(memoriesStream('').length));
    });
    void this.#removeOrphans(stored);
    return { ...resting('memories', () => this.#stop()), tree: () => host.tree() };
  }

  /** Of a session that is deleted nothing is kept. */
  async forget(sessionId: string): Promise<void> {
    await this.#context.host.remove(sessionId);
    await forgetShares(this.#options.journal, sessionId);
  }

  /** All that the session remembers; true when it is out of the files too. */
  async eraseAll(sessionId: string, reason: string, { by, signal }: Call): Promise<boolean> {
    const call = { ...(by !== undefined && { by }), ...(signal !== undefined && { signal }) };
    return (await eraseMemories(this.#context, { sessionId, reason }, call)).purged;
  }

  #tell(sessionId: string, events: readonly StoredEvent[], isVolatile: boolean): void {
    this.#options.publish(sessionId, isVolatile ? { volatile: events } : { durable: events });
    for (const { type, data } of events) {
      const why = dropped(type, data as Dropped | undefined);
      if (why === undefined) continue;
      this.#options.telemetry('memory.dropped', { sessionId, memoryId: (data as Dropped).memoryId, why });
    }
  }

  async #removeOrphans(sessionIds: readonly string[]): Promise<void> {
    for (const sessionId of sessionIds) {
      if (this.#isOver) return;
      try {
        if (await isGone(this.#options.journal, sessionId)) await this.forget(sessionId);
      } catch (error) {
        if (this.#isOver) return;
        this.#options.telemetry('memory.notRemoved', { sessionId, problem: toError(error).message });
      }
    }
  }

  async #stop(): Promise<void> {
    this.#isOver = true;
    await this.#context.host.close();
  }
}

interface Dropped {
  readonly memoryId: string;
  readonly why?: string;
}

/** What went without anybody having asked for it. */
function dropped(type: string, data: Dropped | undefined): string | undefined {
  if (data === undefined) return undefined;
  if (type === 'memory.evicted') return 'the queue is full';
  if (type === 'memory.forgotten' && data.why === 'capacity') return 'too much is kept';
  return type === 'memory.rejected' && data.why === 'confidence' ? 'its confidence is too low' : undefined;
}
