// What parent and child say to each other.
import type { EventType } from 'holdfast';
import type { Transcript } from '../replay-transcripts/transcript.ts';

export const toldTypes = [
  'message.sent',
  'task.started',
  'task.completed',
  'handoff.offered',
  'handoff.accepted',
  'agent.completed',
] as const satisfies readonly EventType[];

export type ToldType = (typeof toldTypes)[number];

/** To the child, as its first and only line. */
export interface Order {
  readonly transcripts: readonly Transcript[];
  /** The cursor of the last event that was heard in an earlier life. */
  readonly after?: string;
}

/** To the parent: something has happened, for good. */
export interface Told {
  readonly sessionId: string;
  readonly type: ToldType;
  readonly cursor: string;
}
