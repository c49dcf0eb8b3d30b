// The keys of the store: one letter per kind, `!` between parts. No part but the last may hold a `!`.
import { HoldfastError } from '../base/errors.ts';

/** Stream names are `kind/id`; ids come checked from the layers above, and are checked again here. */
const streamPattern = /^[a-z][a-z-]{0,31}\/[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

export function assertStream(stream: string): void {
  if (streamPattern.test(stream)) return;
  throw new HoldfastError('INVALID_ID', { value: stream, problem: 'a stream is named "kind/id"' });
}

/** LevelDB keeps UTF-8, in which all lone surrogates become one character: two such keys would be the same. */
export function assertText(key: string): void {
  if (!/\p{Cs}/u.test(key)) return;
  throw new HoldfastError('INVALID_ID', { value: JSON.stringify(key), problem: 'it holds half a character' });
}

// 36^9 is more than 10^14 records of one stream.
const number = (value: number): string => value.toString(36).padStart(9, '0');

export const keys = {
  event: (stream: string, seq: number): string => `e!${stream}!${number(seq)}`,
  head: (stream: string): string => `h!${stream}`,
  feed: (position: number): string => `f!${number(position)}`,
  snapshot: (stream: string, seq: number): string => `s!${stream}!${number(seq)}`,
  receipt: (stream: string, key: string): string => `o!${stream}!${key}`,
  kv: (key: string): string => `k!${key}`,
  /** These stand while a removed or trimmed stream still has keys to clear. */
  removal: (stream: string): string => `r!${stream}`,
  trim: (stream: string, through: number): string => `t!${stream}!${number(through)}`,
  epoch: 'm!epoch',
  /** The id of the store that the database is of, as its marker has it. */
  store: 'm!store',
};

/** The range of all keys that begin with `prefix`: `"` is the character after `!`. */
export const rangeOf = (kind: 'e' | 's' | 'o', stream: string): { gte: string; lt: string } => ({
  gte: `${kind}!${stream}!`,
  lt: `${kind}!${stream}"`,
});

/** The range of keys that begin with any text, which may hold any character. */
export const prefixRange = (prefix: string): { gte: string; lt: string } => ({
  gte: prefix,
  lt: `${prefix}\u{10ffff}`,
});

/** The stream in a key that begins with a kind and a stream. */
export function streamOf(key: string): string {
  const end = key.indexOf('!', 2);
  return end < 0 ? key.slice(2) : key.slice(2, end);
}

/** The seq at the end of a key. */
export const seqOf = (key: string): number => Number.parseInt(key.slice(key.lastIndexOf('!') + 1), 36);
