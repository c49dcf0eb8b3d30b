// New keys for a store that nobody has open: loaded when it is needed.
import type { RekeyOptions, RekeyReport } from '../journal/store/rekey.ts';

export type { RekeyOptions, RekeyReport } from '../journal/store/rekey.ts';

/**
 * Writes every value of a store anew under the first of the keys; without keys, in plain. All keys under which something lies must
 * be among them: afterwards the others are needed no more. What a kill cuts off is carried on by the same call.
 *
 * @throws HoldfastError `ENCRYPTION_KEY_MISSING`, `INVALID_CONFIG`, `JOURNAL_LOCKED`, `JOURNAL_FOREIGN`, `JOURNAL_FORMAT`,
 * `JOURNAL_READ_ONLY`, `JOURNAL_OPEN_FAILED`
 */
export async function rekeyStore(options: RekeyOptions): Promise<RekeyReport> {
  const { rekey } = await import('../journal/store/rekey.ts');
  return rekey(options);
}
