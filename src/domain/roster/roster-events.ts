// What happens on the roster, in the past tense: who is here in which role, who got which work, and who is gone.

/** How it is known that a member is alive: by whoever supervises its session here, or by signs of life within a lease. */
export type Liveness = 'supervised' | 'lease';

export interface WorkOfTask {
  /** The session whose task it is. */
  readonly sessionId: string;
  readonly taskId: string;
}

export interface Work {
  readonly task: WorkOfTask | null;
  /** What it is about, in words. */
  readonly title: string | null;
  /** The session that gave it out. */
  readonly by: string;
  /** The role that was asked for. */
  readonly role: string | null;
}

/** Why work ended that a member had: it says so itself, its task ended otherwise, or it never got it. */
export type WorkEnd = 'completed' | 'failed' | 'released' | 'ended' | 'notTaken';

export interface RosterEventData {
  'roster.joined': {
    readonly sessionId: string;
    readonly role: string;
    readonly liveness: Liveness;
    readonly leaseMs: number;
    readonly resting: boolean;
  };
  'roster.changed': {
    readonly sessionId: string;
    readonly role?: string;
    readonly available?: boolean;
    /** Its session takes no work just now. */
    readonly resting?: boolean;
  };
  'roster.renewed': { readonly sessionId: string; readonly leaseUntil: number };
  /** The id of an assignment is the seq of this event. */
  'roster.assigned': Work & { readonly sessionId: string };
  'roster.freed': {
    readonly sessionId: string;
    readonly assignment: number;
    readonly outcome: WorkEnd;
  };
  'roster.left': { readonly sessionId: string; readonly reason: string };
  /** Nothing was heard of it within its lease. */
  'roster.died': { readonly sessionId: string; readonly reason: string };
  /** What a member that is gone leaves behind was seen to. */
  'roster.cleared': { readonly departure: number };
}

export type RosterEventType = keyof RosterEventData;
