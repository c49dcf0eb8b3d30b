// What can be asked of the locks. Commands come checked from the layers above; whether they are lawful is decided by the law.
import type { LockClaimant, LockTerms } from './lock-events.ts';

export interface AcquireLock extends LockClaimant, LockTerms {
  readonly type: 'lock.acquire';
  readonly name: string;
  /** How long it may wait; 0 for not at all. */
  readonly waitMs: number;
  /** What is done when another holds it; by the table of conflicts without it. */
  readonly strategy?: 'queue_sequential' | 'transfer_to_latest' | 'abort';
}

/** Said by whoever holds it, who names his token. */
interface OfGrant {
  readonly name: string;
  readonly sessionId: string;
  readonly token: number;
}

export type LockCommand =
  | AcquireLock
  | (OfGrant & { readonly type: 'lock.renew'; readonly ttlMs: number | null })
  | (OfGrant & { readonly type: 'lock.release' })
  | { readonly type: 'lock.revoke'; readonly name: string; readonly reason: string }
  | { readonly type: 'lock.withdraw'; readonly name: string; readonly waitId: number }
  /** The session is not there any more: it holds nothing and waits for nothing. With a time: nothing but what it has asked for since. */
  | {
      readonly type: 'locks.endSession';
      readonly sessionId: string;
      readonly reason: string;
      readonly heardUntil?: number;
    }
  /** What the clock has decided: a wait or a grant is over. */
  | { readonly type: 'lock.lapse'; readonly name: string };
