// New keys for a store that nobody has open: loaded when it is needed.
import type { RekeyOptions, RekeyReport } from '../journal/store/rekey.ts';
import { assertGiven, type Members } from './given.ts';

export type { RekeyOptions, RekeyReport } from '../journal/store/rekey.ts';

const members: Members<RekeyOptions> = {
  location: 'text',
  ...{ encryptionKeys: 'optional', compressAbove: 'optional', onProgress: 'optional' },
};

/**
 * Writes every value of a store anew under the first of the keys; without keys, in plain. All keys under which something lies must
 * be among them: afterwards the others are needed no more. What a kill cuts off is carried on by the same call.
 *
 * @throws HoldfastError `ENCRYPTION_KEY_MISSING`, `ENCRYPTION_KEY_WRONG`, `INVALID_CONFIG`, `JOURNAL_LOCKED`, `JOURNAL_FOREIGN`, `JOURNAL_FORMAT`,
 * `JOURNAL_READ_ONLY`, `JOURNAL_OPEN_FAILED`
 */
export async function rekeyStore(options: RekeyOptions): Promise<RekeyReport> {
  assertGiven('rekeyStore', options, members);
  const { rekey } = await import('../journal/store/rekey.ts');
  return rekey(options);
}
