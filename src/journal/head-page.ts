// A page of heads, in the order of their streams, each verified: all that a boot reads.
import { findHead } from './head.ts';
import type { Head, HeadPage } from './journal.ts';
import { keys, prefixRange, streamOf } from './keys.ts';
import type { Store } from './level-store.ts';

/**
 * LevelDB's own option, of which the port below, abstract-level, does not know: a page comes in few steps. By default it
 * comes back from its thread for every 16 KiB.
 */
const largeSteps = { highWaterMarkBytes: 1024 * 1024 } as object;

export async function readHeads(
  db: Store,
  prefix: string,
  after: string | undefined,
  limit: number,
): Promise<HeadPage> {
  const { gte, lt } = prefixRange(keys.head(prefix));
  const range = after === undefined ? { gte, lt } : { gt: keys.head(after), lt };
  const iterator = db.iterator({ ...range, limit, ...largeSteps });
  const heads: Head[] = [];
  const damaged: string[] = [];
  let last = '';
  try {
    for (let step = await iterator.nextv(limit); step.length > 0; step = await iterator.nextv(limit)) {
      for (const [key, stored] of step) {
        const stream = streamOf(key);
        const head = findHead(stream, stored, key);
        if (head === undefined) damaged.push(stream);
        else heads.push(head);
        last = stream;
      }
    }
  } finally {
    await iterator.close();
  }
  const isWhole = heads.length + damaged.length === limit;
  return { heads, damaged, next: isWhole ? last : undefined };
}
