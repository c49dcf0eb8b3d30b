// Permits as they are shown.
import type { PermitLimits } from '../../domain/permit-limits.ts';

/** Who holds a permit, or waits for one. */
export interface PermitHolder {
  readonly sessionId: string;
  /** The session at the root of its tree. */
  readonly tree: string;
  /** The run, and which incarnation of it; null for a call from outside of agents. */
  readonly runId: string | null;
  readonly incarnation: number | null;
}

export interface PermitInfo {
  readonly key: string;
  readonly limits: PermitLimits;
  /** Of each session tree. */
  readonly perTree: PermitLimits | null;
  readonly maxWaiting: number;
  readonly leaseMs: number;
  readonly held: number;
  readonly waiting: number;
  /** Until when all that share the key wait because the other side said so. */
  readonly pausedUntil: number | null;
  /** What counts against the limits by now: `requests` and `tokens` of a minute, `cost` of an hour, where there are limits. */
  readonly used: Readonly<Record<string, number>>;
}

/** Of those that hold and those that wait the first hundred are named. */
export interface PermitDetails extends PermitInfo {
  readonly holders: readonly (PermitHolder & {
    readonly permitId: string;
    readonly since: number;
    readonly expiresAt: number;
  })[];
  readonly waiters: readonly (PermitHolder & { readonly since: number })[];
}

export interface PermitGranted {
  readonly permitId: string;
  readonly key: string;
  /** When it is freed, whoever holds it. */
  readonly expiresAt: number;
  readonly waitedMs: number;
}
