// Whose a database is: it holds the id that the marker of its directory has. One of another store agrees with itself, and where the
// ids of its streams are the same nothing else tells.
import { HoldfastError } from '../../base/errors.ts';
import { keys } from '../keys.ts';
import type { Store } from '../level-store.ts';
import { seal, unseal } from '../sealed.ts';
import type { StoreDirectory } from './store-directory.ts';

type Whose = Pick<StoreDirectory, 'marker' | 'isNew'>;

/**
 * One that says nothing, as those of older versions do, is taken for its own, and says so from now on; so is what a first start
 * has left that never came to its end.
 */
export async function assertOwn(
  db: Store,
  location: string,
  { marker, isNew }: Whose,
  beforeWrite: () => Promise<void>,
): Promise<void> {
  const { uuid } = marker;
  const stored = isNew ? undefined : await db.get(keys.store);
  const found = stored === undefined ? undefined : unseal(keys.store, stored);
  if (uuid === undefined || found === uuid) return;
  if (found !== undefined) {
    const problem = `its database is of the store ${found}, and its marker HOLDFAST.json of ${uuid}`;
    throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem });
  }
  await beforeWrite();
  // Durable with the epoch, which every opening writes behind it.
  await db.batch([{ type: 'put', key: keys.store, value: seal(keys.store, uuid) }]);
}
