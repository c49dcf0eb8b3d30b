// What happens to the locks on resources, in the past tense. The fencing token of a grant is the seq of its event, and so is the id
// of a wait: both only grow, in all of the locks together, for as long as the store lives.

/** Who holds or waits: a session, or one of several in it that exclude each other. */
export interface LockClaimant {
  readonly sessionId: string;
  readonly owner: string | null;
}

/** On which terms a lock is held. */
export interface LockTerms {
  /** Higher comes first. */
  readonly priority: number;
  /** True for one who gives it up to a higher priority. */
  readonly interruptible: boolean;
  /** How long he may still hold it then, in milliseconds. */
  readonly graceMs: number;
  /** How long it is his without a word, in milliseconds. */
  readonly ttlMs: number;
}

/** One step around a deadlock: this claimant waits for the lock `name`, which the next one holds. */
export interface DeadlockStep extends LockClaimant {
  readonly name: string;
}

/** `timedOut`: its deadline passed. `withdrawn`: the caller waits no more. `sessionEnded`: the session is not there any more. */
type WaitEnd = 'timedOut' | 'withdrawn' | 'deadlock' | 'sessionEnded';

/** `released`: by its holder. `revoked`: by an operator. `withdrawn`: it came to a caller who waited no more. */
export type GrantEnd = 'released' | 'revoked' | 'withdrawn' | 'sessionEnded';

export interface LockEventData {
  /** `waitId` names the wait that it answers; null for a lock that was free. */
  'lock.granted': LockClaimant &
    LockTerms & { readonly name: string; readonly waitId: number | null; readonly expiresAt: number };
  'lock.queued': LockClaimant & LockTerms & { readonly name: string; readonly deadlineAt: number };
  'lock.renewed': { readonly name: string; readonly token: number; readonly expiresAt: number };
  /** The holder is asked to give it up, and loses it at `until`. */
  'lock.interrupted': {
    readonly name: string;
    readonly token: number;
    readonly by: string;
    readonly until: number;
  };
  'lock.released': {
    readonly name: string;
    readonly token: number;
    readonly cause: GrantEnd;
    readonly reason: string | null;
  };
  'lock.expired': {
    readonly name: string;
    readonly token: number;
    readonly cause: 'ttl' | 'interrupted';
  };
  'lock.waitEnded': {
    readonly name: string;
    readonly waitId: number;
    readonly cause: WaitEnd;
    /** Of a deadlock: who waits for whom. */
    readonly cycle?: readonly DeadlockStep[];
  };
}

export type LockEventType = keyof LockEventData;
