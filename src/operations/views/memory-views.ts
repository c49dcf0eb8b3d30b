// Memories as users see them.
import type { Json } from '../../base/json.ts';
import type {
  ConfidenceParts,
  MemoryEventData,
  MemoryOrigin,
  MemoryShare,
} from '../../domain/memory/memory-events.ts';
import type { MemoryCounts } from '../../domain/memory/memory-state.ts';
import type { Acknowledged } from './views.ts';

export interface MemoryInfo {
  readonly sessionId: string;
  readonly memoryId: string;
  readonly status: 'pending' | 'kept';
  readonly kind: string | null;
  readonly content: Json;
  readonly importance: number;
  readonly tags: readonly string[];
  readonly origin: MemoryOrigin;
  /** When it was proposed. */
  readonly at: number;
  /** Of one that waits: when it is judged at the latest. */
  readonly dueAt: number | null;
  /** As it is now while it waits, as it was when it was promoted since. */
  readonly confidence: number;
  readonly parts: ConfidenceParts;
  readonly promotedAt: number | null;
  readonly why: MemoryEventData['memory.promoted']['why'] | null;
  readonly share: MemoryShare | null;
}

/** What has become of memories by it: their ids. */
export interface MemoriesJudged extends Acknowledged {
  readonly promoted: readonly string[];
  readonly rejected: readonly string[];
  /** Pushed out of a full queue. */
  readonly evicted: readonly string[];
  /** Pushed out by what is kept now. */
  readonly forgotten: readonly string[];
}

export interface MemoryChanged extends MemoriesJudged {
  readonly memoryId: string;
}

export interface MemoryProposed extends MemoryChanged {
  readonly dueAt: number;
}

export interface FoundMemory extends MemoryInfo {
  readonly score: number;
}

export interface MemoriesFound {
  /** The best first. */
  readonly items: readonly FoundMemory[];
  /** How many fit, of the sessions that were read. */
  readonly total: number;
  /** How many sessions were read. */
  readonly sessions: number;
  /** Sessions whose memories could not be read, and why. */
  readonly failed: readonly { readonly sessionId: string; readonly problem: string }[];
  /** Set when there are sessions that were not read: give it for the next of them. */
  readonly cursor?: string;
}

export interface MemoryStatistics {
  readonly pending: number;
  readonly kept: number;
  readonly keptBytes: number;
  /** When the first of those that wait is judged. */
  readonly nextDueAt: number | null;
  readonly counts: MemoryCounts;
}

export interface MemoriesErased extends Acknowledged {
  /** How many payloads were erased; 0 when nothing was left to be. */
  readonly erased: number;
  /** True when what was overwritten is out of the files of the store too; false when that failed: erase again. */
  readonly purged: boolean;
}
