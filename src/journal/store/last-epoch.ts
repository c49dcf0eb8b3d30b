// Under which epoch the store was open last. Its record is one of many that may be damaged, and none that all others need.
import type { Telemetry } from '../../base/telemetry.ts';
import { headFrom } from '../head/head.ts';
import { keys, streamOf } from '../keys.ts';
import type { Store } from '../level-store.ts';
import { unseal } from '../sealed.ts';
import { eachHead } from './head-tally.ts';

/** An epoch that is below that of a head would have every append refused: without a record it is the highest of all heads. */
export async function lastEpoch(db: Store, telemetry: Telemetry): Promise<number> {
  const stored = await db.get(keys.epoch);
  const epoch = stored === undefined ? undefined : unseal(keys.epoch, stored);
  if (epoch !== undefined) return Number(epoch);
  if (stored !== undefined) telemetry('record.damaged', { stream: 'journal', seq: 'epoch' });
  let highest = 0;
  await eachHead(db, (key, text) => {
    const head = unseal(key, text);
    if (head !== undefined) highest = Math.max(highest, headFrom(streamOf(key), head).epoch);
  });
  return highest;
}
