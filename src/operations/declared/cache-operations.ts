// What is in memory of sessions without actors, for the registry.
import { z } from 'zod';
import { type Operation, read } from '../operation.ts';
import type { CacheStatus } from '../views/cache-views.ts';

export const cacheOperations = {
  'storage.cache': read<CacheStatus>()(
    'How well the memory serves that sessions without actors have: hits, misses, evictions, bytes.',
    z.strictObject({}),
  ),
} as const satisfies Record<string, Operation>;
