// A stored text under a checksum of its own: LevelDB hands out a flipped byte as if nothing had happened.
import { sha256 } from '../base/hash.ts';

export const checksumLength = 43;

/** The key is hashed too, so that a value that comes back under another key does not pass. */
export function seal(key: string, text: string): string {
  return sha256(key + text) + text;
}

/** The text, or undefined when it or its key was damaged. */
export function unseal(key: string, stored: string): string | undefined {
  const text = stored.slice(checksumLength);
  return sha256(key + text) === stored.slice(0, checksumLength) ? text : undefined;
}

/** True when neither the value nor its key was damaged. */
export function isSealed(key: string, stored: string): boolean {
  return stored.startsWith(sha256(key + stored.slice(checksumLength)));
}
