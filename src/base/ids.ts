// Ids: what is a valid one, how a new one is made, and how one is derived from an idempotency key.
import { createHash } from 'node:crypto';
import { nanoid } from 'nanoid';
import { HoldfastError, textOrType } from './errors.ts';

/** Session ids: a letter or digit, then up to 63 letters, digits, `_` or `-`. */
export const idPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

export const idRule = 'it must start with a letter or digit and have at most 64 letters, digits, "_" or "-"';

/** Makes new ids; injectable, so that tests are repeatable. */
export type IdSource = () => string;

/** nanoid's 21 characters, drawn again in the rare case that the first is not a letter or digit. */
export const randomId: IdSource = () => {
  for (;;) {
    const id = nanoid();
    if (idPattern.test(id)) return id;
  }
};

/** A short random text that keeps a digest from being guessed: 16 characters of nanoid, 96 bits. */
export const randomSalt = (): string => nanoid(16);

/** The id of a session that was created with an idempotency key and no id: a retry finds the same stream. */
export function idFromKey(key: string): string {
  return `k${createHash('sha256').update(key).digest('hex').slice(0, 40)}`;
}

/** Returns the id, or throws `INVALID_ID`. */
export function assertId(value: unknown): string {
  if (typeof value === 'string' && idPattern.test(value)) return value;
  throw new HoldfastError('INVALID_ID', {
    value: textOrType(value),
    problem: idRule,
  });
}
