// What is asked of the memory that sessions without actors have.
import type { Handlers } from '../../operations/bind.ts';
import type { HandlerContext } from './handler-context.ts';

export type CacheOperation = 'storage.cache';

export function cacheHandlers({ manager }: Pick<HandlerContext, 'manager'>): Handlers<CacheOperation> {
  return {
    'storage.cache': () => {
      const { hits, misses, ...rest } = manager.cache;
      const hitRate = hits + misses === 0 ? null : hits / (hits + misses);
      return { ...rest, hits, misses, hitRate };
    },
  };
}
