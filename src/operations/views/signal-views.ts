// What an agent waits for and what it streams, as it is shown.
import type { Json } from '../../base/json.ts';

export interface WaitInfo {
  readonly runId: string;
  /** The name under which the agent is registered. */
  readonly agent: string;
  readonly kind: 'signal' | 'timer';
  /** Of the signal; null for a timer. */
  readonly name: string | null;
  /** The step that waits. */
  readonly step: string;
  /** Since when it waits for a signal; null for a timer. */
  readonly since: number | null;
  /** When the timer goes off, or the deadline passes; null without one. */
  readonly dueAt: number | null;
}

/** What an agent has streamed behind a cursor. */
export interface StreamedPage {
  /** Of this incarnation: each begins a stream of its own. */
  readonly incarnation: number;
  readonly chunks: readonly { readonly index: number; readonly at: number; readonly chunk: Json }[];
  /** How many chunks behind the cursor are kept no more. */
  readonly missed: number;
  /** The run has ended: nothing more will come. */
  readonly ended: boolean;
  /** Hand it to the next call. */
  readonly cursor: string;
}
