// What operations that erase answer with.
import type { Acknowledged } from './views.ts';

interface Erased extends Acknowledged {
  /** How many payloads were erased; 0 when nothing was left to be. */
  readonly erased: number;
  /**
   * True when what was overwritten is out of the files of the store too. False when that failed: erase again, and it is tried
   * again.
   */
  readonly purged: boolean;
}

export interface MessageErased extends Erased {
  /** True when the session's saved copy, which is older, may hold the message still. */
  readonly savedCopy: boolean;
}

export interface SessionErased extends Erased {
  /** True when a saved copy was deleted. */
  readonly savedCopy: boolean;
}
