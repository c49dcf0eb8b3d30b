// Summaries, whole contexts and tools as users see them.
import type { Json } from '../../base/json.ts';
import type { MessageData } from '../../domain/session/session-events.ts';
import type { SummaryCounts } from '../../domain/text/summary.ts';

export interface SessionSummary {
  readonly sessionId: string;
  readonly summary: string;
  readonly keyPoints: readonly string[];
  readonly counts: SummaryCounts;
  readonly participants: readonly string[];
  /** When the session last changed, and the seq of its newest event: of now, not of when the summary was made. */
  readonly lastUpdated: number;
  readonly seq: number;
  /** The summariser that has made it. */
  readonly by: string;
  readonly madeAt: number;
  /** True when it was made before, of the same content. */
  readonly cached: boolean;
  /** Set when the summariser that was asked for failed: then the default has made it. */
  readonly degraded: {
    readonly summariser: string;
    readonly code: string | null;
    readonly problem: string;
  } | null;
}

interface ContextPlace {
  readonly seq: number;
  readonly at: number;
}

/** One entry with what it holds. */
export type ContextItem = ContextPlace &
  (
    | { readonly type: 'message'; readonly message: MessageData }
    | { readonly type: 'file'; readonly path: string; readonly metadata: Json; readonly entry: number }
    | {
        readonly type: 'tool_call';
        readonly tool: string;
        readonly toolCallId: string;
        readonly parameters: Json;
        readonly entry: number;
      }
    | { readonly type: 'erased' }
  );

export interface ContextPage {
  readonly sessionId: string;
  /** On the first page alone. */
  readonly summary?: SessionSummary;
  readonly items: readonly ContextItem[];
  /** Bytes of the items, as JSON. */
  readonly bytes: number;
  readonly hasMore: boolean;
  /** Set while there is more. */
  readonly cursor?: string;
}
