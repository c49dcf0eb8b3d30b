// What a journal asks of the place in which its store lies, beside LevelDB itself. A store in memory has none.
import type { HoldfastError } from '../../base/errors.ts';
import type { StorageFault } from './storage-health.ts';

export interface StorePlace {
  /** Notes which directory it is that was just opened. */
  note(): Promise<void>;
  /** Why it is not the place that was opened any more, or undefined. */
  look(): Promise<HoldfastError | undefined>;
  /** Writes, syncs and deletes as much as opening the store anew will write; throws what the disk says. */
  probe(fault: StorageFault): Promise<void>;
  /** Bytes that may still be written; undefined where nobody knows. */
  free(): Promise<number | undefined>;
  /** Gives the reserve back to the disk; false when there was none. */
  releaseReserve(): Promise<boolean>;
  /** Makes the reserve where it is missing; false when there is no space for it. */
  makeReserve(): Promise<boolean>;
}
