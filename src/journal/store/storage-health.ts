// The health of the storage as data: from what was met to what it is now, and what to do about it. No I/O, no time, no chance.

/** What a fault of the disk is, as far as it decides what helps. */
export type StorageFault =
  /** No space, or no quota: it heals when there is some. */
  | 'full'
  /** It cannot be written just now: read-only, no rights, too many open files, an error of the device. */
  | 'io'
  /** What is stored cannot be opened as it is: trying again changes nothing. */
  | 'corrupt'
  /** The directory is not there any more, or is another one, or somebody else's. */
  | 'gone';

type StorageHealth = 'healthy' | 'reopening' | 'degraded' | 'quarantined';

export interface StorageState {
  readonly health: StorageHealth;
  /** True while what is stored can be read: through what is open, or what was opened anew. */
  readonly reads: boolean;
  /** `urgent`: only what ends something or frees space, out of the reserve. */
  readonly writes: 'all' | 'urgent' | 'none';
  /** How often it was tried in vain to heal. */
  readonly failures: number;
  readonly fault: StorageFault | null;
}

export type StorageEvent =
  /** A write failed: what is open can still be read, and never be written again. */
  | { readonly type: 'failed'; readonly fault: StorageFault }
  /** A small file could not be written: opening anew would only lose what is open. */
  | { readonly type: 'probeFailed'; readonly fault: StorageFault }
  /** What was open is being closed. */
  | { readonly type: 'closing' }
  | { readonly type: 'openFailed'; readonly fault: StorageFault }
  /** It is open anew and was read. `short`: only the reserve made that possible. */
  | { readonly type: 'opened'; readonly short: boolean }
  /** There is space again. */
  | { readonly type: 'eased' };

export const healthyStorage: StorageState = {
  health: 'healthy',
  reads: true,
  writes: 'all',
  failures: 0,
  fault: null,
};

/** Whether trying again can heal it. */
export const canHeal = (fault: StorageFault): boolean => fault === 'full' || fault === 'io';

export function stepStorage(state: StorageState, event: StorageEvent): StorageState {
  // Given up is for good: only a new process looks again.
  if (state.health === 'quarantined') return state;
  switch (event.type) {
    case 'failed':
      return failing(state, 'reopening', event.fault, { reads: state.reads, failures: 0 });
    case 'probeFailed':
      return failing(state, state.reads ? 'degraded' : 'reopening', event.fault, {
        reads: state.reads,
        failures: state.failures + 1,
      });
    case 'closing':
      return { ...state, health: 'reopening', reads: false, writes: 'none' };
    case 'openFailed':
      return failing(state, 'reopening', event.fault, { reads: false, failures: state.failures + 1 });
    case 'opened':
      return event.short
        ? { health: 'degraded', reads: true, writes: 'urgent', failures: 0, fault: 'full' }
        : healthyStorage;
    case 'eased':
      return state.writes === 'urgent' ? healthyStorage : state;
  }
}

function failing(
  { fault: before }: StorageState,
  health: 'reopening' | 'degraded',
  fault: StorageFault,
  { reads, failures }: Pick<StorageState, 'reads' | 'failures'>,
): StorageState {
  if (!canHeal(fault)) return { health: 'quarantined', reads, writes: 'none', failures, fault };
  // An opening that fails on a full disk often says something else.
  const known = before === 'full' && failures > 0 ? before : fault;
  return { health, reads, writes: 'none', failures, fault: known };
}

export interface BackOff {
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** The longest while nothing can be read: those who read wait for it. */
  readonly longestBlindMs: number;
}

/** How long to wait after so many failures: twice as long each time, up to a fifth less by chance. */
export function backOffMs(state: StorageState, backOff: BackOff, chance: number): number {
  const longest = state.reads ? backOff.longestDelayMs : backOff.longestBlindMs;
  const full = Math.min(backOff.firstDelayMs * 2 ** Math.max(0, state.failures - 1), longest);
  return Math.max(1, Math.round(full * (1 - 0.2 * chance)));
}

const texts: readonly (readonly [RegExp, StorageFault])[] = [[/No space left|ENOSPC|quota|EDQUOT/i, 'full']];

/** What LevelDB and Node throw, by code or, where LevelDB has none to tell apart, by its words. */
export function storageFault(error: unknown): StorageFault {
  const { code, message, cause } = Object(error) as { code?: unknown; message?: unknown; cause?: unknown };
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'full';
  if (code === 'JOURNAL_GONE' || code === 'JOURNAL_LOCKED') return 'gone';
  if (code === 'LEVEL_CORRUPTION' || code === 'JOURNAL_CORRUPT') return 'corrupt';
  const known = texts.find(([pattern]) => pattern.test(String(message)));
  if (known !== undefined) return known[1];
  return cause === undefined || cause === null ? 'io' : storageFault(cause);
}
