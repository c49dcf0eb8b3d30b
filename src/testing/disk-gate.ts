// What a handle needs of the disk below it: each operation passes here.
import type { DiskImage, KeyWrite } from './disk-image.ts';

export type DiskOperation =
  | 'open'
  | 'close'
  | 'get'
  | 'getMany'
  | 'iterator'
  | 'put'
  | 'del'
  | 'batch'
  | 'clear'
  | 'syncWritten';

export interface DiskGate {
  readonly image: DiskImage;
  /** Counts an operation, and carries it out unless there is something else in mind for it. */
  run<T>(operation: DiskOperation, synced: boolean, carryOut: () => T | Promise<T>): Promise<T>;
  /** The same for an operation that is answered at once. */
  runSync<T>(operation: DiskOperation, carryOut: () => T): T;
  write(writes: readonly KeyWrite[], sync: boolean): void;
}
