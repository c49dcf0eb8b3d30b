// What can be asked of the roster. Commands come checked from the layers above; whether they are lawful is decided by the law.
import type { Liveness, Work, WorkEnd } from './roster-events.ts';

interface OfMember {
  readonly sessionId: string;
}

/** Gives work to a member: of the role if one is idle, else to any other unless `strict`. */
export interface AssignWork extends Work {
  readonly type: 'roster.assign';
  readonly strict: boolean;
  /** Who may not get it. */
  readonly except: readonly string[];
}

export type RosterCommand =
  | (OfMember & {
      readonly type: 'roster.join';
      readonly role: string;
      readonly liveness: Liveness;
      readonly leaseMs: number;
      readonly resting: boolean;
    })
  | (OfMember & {
      readonly type: 'roster.update';
      readonly role?: string;
      readonly available?: boolean;
      readonly resting?: boolean;
    })
  | (OfMember & { readonly type: 'roster.beat' })
  | (OfMember & {
      readonly type: 'roster.leave';
      readonly reason: string;
      /** Against its will: what it held is let go. */
      readonly isEnd: boolean;
    })
  | AssignWork
  | (OfMember & {
      readonly type: 'roster.free';
      /** The newest without it. */
      readonly assignment: number | null;
      readonly outcome: WorkEnd;
      /** The events of its task may have been quicker. */
      readonly mayBeOver?: boolean;
    })
  | { readonly type: 'roster.clear'; readonly departure: number }
  /** What the clock has decided: a lease is over. */
  | (OfMember & { readonly type: 'roster.lapse' });
