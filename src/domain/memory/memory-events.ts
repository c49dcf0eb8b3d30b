// What happens to the memories of a session, in the past tense. What was remembered stands in one event alone, so that it can be
// erased alone; the id of a memory is made of that event's seq.
import type { Durability } from '../../base/durability.ts';
import type { Json } from '../../base/json.ts';

/** Where a memory comes from. */
export interface MemoryOrigin {
  /** Who proposed it, as the call said. */
  readonly by: string | null;
  /** The agent run that proposed it. */
  readonly runId: string | null;
  /** The seqs of the session's events that it was drawn from. */
  readonly sources: readonly number[];
}

/** What confidence is made of, each from 0 to 1. */
export interface ConfidenceParts {
  readonly importance: number;
  readonly quality: number;
  readonly specificity: number;
  readonly recency: number;
}

export const shareScopes = ['user', 'app'] as const;

/** To whom a memory is shown beside its own session. */
export interface MemoryShare {
  readonly scope: (typeof shareScopes)[number];
  readonly owner: string;
}

export interface MemoryEventData {
  'memory.proposed': {
    readonly kind: string | null;
    readonly content: Json;
    readonly importance: number;
    readonly tags: readonly string[];
    readonly origin: MemoryOrigin;
    /** When it is judged at the latest. */
    readonly dueAt: number;
    readonly bytes: number;
    /** Of the session, where it is not the one that was told before. */
    readonly durability?: Durability;
  };
  'memory.promoted': {
    readonly memoryId: string;
    readonly why: 'importance' | 'age' | 'request';
    readonly confidence: number;
    readonly parts: ConfidenceParts;
  };
  'memory.rejected': {
    readonly memoryId: string;
    readonly why: 'confidence' | 'request';
    readonly confidence: number;
    readonly reason: string | null;
  };
  /** The queue was full, and nothing in it was ready to be promoted. */
  'memory.evicted': { readonly memoryId: string; readonly confidence: number };
  'memory.forgotten': {
    readonly memoryId: string;
    readonly why: 'request' | 'capacity';
    readonly reason: string | null;
  };
  'memory.shared': { readonly memoryId: string } & MemoryShare;
  'memory.unshared': { readonly memoryId: string };
}

/** What `payload.erased` says in the stream of memories. */
export interface MemoriesErased {
  readonly seqs: readonly number[];
  readonly reason: string;
  readonly by: string | null;
  /** What must be known without what was erased. */
  readonly left: { readonly durability: Durability };
}

export type MemoryEventType = keyof MemoryEventData;

/** The compiler sees to it that none is forgotten. */
export const memoryEventTypes: Readonly<Record<MemoryEventType, true>> = {
  'memory.proposed': true,
  'memory.promoted': true,
  'memory.rejected': true,
  'memory.evicted': true,
  'memory.forgotten': true,
  'memory.shared': true,
  'memory.unshared': true,
};
