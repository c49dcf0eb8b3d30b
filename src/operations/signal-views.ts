// What an agent waits for, as it is shown.

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
