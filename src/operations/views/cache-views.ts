// How well the memory serves that sessions without actors have.

/** Of the sessions without actors whose state is in memory. Counted since the sessions were last started. */
export interface CacheStatus {
  readonly sessions: number;
  readonly bytes: number;
  /** `residentBytes`. */
  readonly limitBytes: number;
  /** How often a session without actors was read or woken from memory. */
  readonly hits: number;
  /** How often one had to be read from the journal. */
  readonly misses: number;
  /** Hits among both; null while there was neither. */
  readonly hitRate: number | null;
  /** Sessions that had to make place for others, and those that alone are larger than all that may be kept. */
  readonly evictions: number;
  /** When counting began, in milliseconds since the epoch. */
  readonly since: number;
}
