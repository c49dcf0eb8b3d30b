// A page of heads, in the order of their streams, each verified.

import type { Head, HeadPage } from '../journal.ts';
import { keys, prefixRange, streamOf } from '../keys.ts';
import type { Store } from '../level-store.ts';
import { unseal } from '../sealed.ts';
import { headFrom } from './head.ts';
import { LazyHead } from './lazy-head.ts';

/**
 * LevelDB's own option, of which the port below, abstract-level, does not know: what is asked for comes in few steps. By default it
 * comes back from its thread for every 16 KiB.
 */
export const largeSteps = { highWaterMarkBytes: 1024 * 1024 } as object;

export interface HeadQuery {
  readonly prefix?: string;
  readonly after?: string;
  readonly limit?: number;
  readonly lazy?: boolean;
  readonly quiet?: boolean;
}

export async function readHeads(
  db: Store,
  { prefix = '', after, limit = 1000, lazy = false }: HeadQuery,
): Promise<HeadPage> {
  const { gte, lt } = prefixRange(keys.head(prefix));
  const range = after === undefined ? { gte, lt } : { gt: keys.head(after), lt };
  const iterator = db.iterator({ ...range, limit, ...largeSteps });
  const heads: Head[] = [];
  const damaged: string[] = [];
  let last = '';
  try {
    for (let more = limit > 0; more; more = heads.length + damaged.length < limit) {
      const step = await iterator.nextv(limit);
      if (step.length === 0) break;
      for (const [key, stored] of step) {
        const stream = streamOf(key);
        const text = unseal(key, stored);
        if (text === undefined) damaged.push(stream);
        else heads.push((lazy ? LazyHead.from(stream, text) : undefined) ?? headFrom(stream, text));
        last = stream;
      }
    }
  } finally {
    await iterator.close();
  }
  const isWhole = heads.length + damaged.length === limit;
  return { heads, damaged, next: isWhole ? last : undefined };
}
