// The roster as users see it: plain data, times in milliseconds since the epoch.
import type { Json } from '../../base/json.ts';
import type { Liveness, WorkOfTask } from '../../domain/roster/roster-events.ts';
import type { Acknowledged } from './views.ts';

/** `resting`: its session takes no work now, as it is paused. `away`: it says itself that it takes none. */
export const memberStatuses = ['idle', 'busy', 'away', 'resting', 'dead'] as const;
export type MemberStatus = (typeof memberStatuses)[number];

export interface MemberWork {
  readonly assignment: number;
  readonly at: number;
  readonly task: WorkOfTask | null;
  readonly title: string | null;
  /** The session that gave it out. */
  readonly by: string;
}

export interface MemberInfo {
  readonly sessionId: string;
  readonly role: string;
  readonly status: MemberStatus;
  /** `late`: half of its lease has passed without a sign of life. */
  readonly health: 'healthy' | 'late' | 'dead';
  readonly liveness: Liveness;
  readonly joinedAt: number;
  /** When it was last heard of: by a sign of life, or by what its session did in this process. */
  readonly seenAt: number;
  readonly leaseUntil: number | null;
  readonly idleSince: number | null;
  readonly work: MemberWork | null;
  /** How much work it was given since it joined. */
  readonly assignments: number;
  /** The names of the locks that it holds. */
  readonly locks: readonly string[];
  /** Why it is dead. */
  readonly reason?: string;
}

export interface RosterJoined extends Acknowledged {
  /** False when it was there already, in the role that is named. */
  readonly joined: boolean;
  readonly role: string;
  readonly leaseUntil: number | null;
  /** How often it should give a sign of life: a quarter of its lease. Null for one that is supervised. */
  readonly beatMs: number | null;
}

export interface RosterBeat extends Acknowledged {
  readonly leaseUntil: number | null;
}

export interface WorkAssigned extends Acknowledged {
  /** Who got it; null when nobody could. */
  readonly member: string | null;
  /** The role of whoever got it. */
  readonly role: string | null;
  readonly assignment: number | null;
}

/** Work in the hands of the member that has it. */
export interface AssignedWorkInfo {
  readonly assignment: number;
  readonly title: string | null;
  readonly by: string;
  readonly task:
    | (WorkOfTask & {
        readonly epoch: number;
        /** An idempotency key for all that is done outside. */
        readonly key: string;
        readonly input: Json;
      })
    | null;
}

/** What was counted since the store was made. */
export interface RosterStats {
  readonly total: number;
  readonly byStatus: Readonly<Record<MemberStatus, number>>;
  readonly byRole: Readonly<Record<string, number>>;
  readonly joined: number;
  readonly left: number;
  readonly died: number;
  readonly assigned: number;
  readonly completed: number;
  readonly failed: number;
  /** Given back, or ended otherwise. */
  readonly released: number;
  /** Of those who are gone; null before the first. */
  readonly averageStayMs: number | null;
}
