// The place of a store in a directory: its space, its reserve, and what tells that it is still the same.
import { join, resolve } from 'node:path';
import { DirectoryWatch } from './directory-watch.ts';
import { DiskSpace } from './disk-space.ts';
import type { StorePlace } from './store-place.ts';

export const defaultReserveBytes = 16 * 1024 * 1024;

export function filePlace(location: string, reserveBytes: number): StorePlace {
  const root = resolve(location);
  const space = new DiskSpace(root, join(root, 'store'), reserveBytes);
  const directory = new DirectoryWatch(root);
  return {
    note: () => directory.note(),
    look: () => directory.look(),
    probe: (fault) => space.probe(fault),
    free: () => space.free(),
    releaseReserve: () => space.releaseReserve(),
    makeReserve: () => space.makeReserve(),
  };
}
