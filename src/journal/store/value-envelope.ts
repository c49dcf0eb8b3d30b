// How values lie on the disk where they are compressed or encrypted: an envelope around the text, which says itself what was done.
//
//   0x01 | flags | [ length of key id | key id | nonce, 12 bytes | tag, 16 bytes ] | body
//
// A value that was written without either begins with another byte, so that both can be turned on for a store that exists.
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { HoldfastError } from '../../base/errors.ts';

export interface EncryptionKey {
  /** Written beside every value, for good: at most 255 bytes. */
  readonly id: string;
  /** 32 bytes, for AES-256-GCM. */
  readonly key: Uint8Array;
}

export interface AtRest {
  /** The first one writes, all of them read. */
  readonly encryptionKeys?: readonly EncryptionKey[];
  /** Values of at least so many characters are compressed (raw deflate, level 1); null, the default, for none. */
  readonly compressAbove?: number | null;
}

export interface ValueEnvelope {
  readonly name: string;
  readonly format: 'buffer';
  encode(text: string): Buffer;
  /** @throws HoldfastError `ENCRYPTION_KEY_MISSING` */
  decode(stored: Buffer): string;
  /** True when a value would be written in another way now: under another key, with or without one. */
  isOutdated(stored: Buffer): boolean;
  /** False for what `decode` can make nothing of. */
  isReadable(text: string): boolean;
}

const mark = 0x01;
const deflated = 0b01;
const encrypted = 0b10;
const nonceBytes = 12;
const tagBytes = 16;
const maxTextBytes = 64 * 1024 * 1024;

/** No record, head or snapshot can be read from it, so that each is reported under its own name. */
const unreadable = '\u0001';

/** @throws HoldfastError `INVALID_CONFIG` for a key that is none. */
export function valueEnvelope({ encryptionKeys = [], compressAbove = null }: AtRest): ValueEnvelope {
  const keys = checkedKeys(encryptionKeys);
  const [current] = keys.values();
  const encode = (text: string): Buffer => {
    const isLong = compressAbove !== null && text.length >= compressAbove;
    const isPlain = !isLong && current === undefined && text.charCodeAt(0) !== mark;
    if (isPlain) return Buffer.from(text);
    const body = isLong ? deflateRawSync(text, { level: 1 }) : Buffer.from(text);
    const flags = (isLong ? deflated : 0) | (current === undefined ? 0 : encrypted);
    const head = Buffer.from([mark, flags]);
    return current === undefined ? Buffer.concat([head, body]) : seal(head, body, current);
  };
  const decode = (stored: Buffer): string => {
    if (!isEnveloped(stored)) return stored.toString();
    const flags = stored[1] ?? 0;
    try {
      const body = (flags & encrypted) === 0 ? stored.subarray(2) : unseal(stored, keys);
      if ((flags & deflated) === 0) return body.toString();
      return inflateRawSync(body, { maxOutputLength: maxTextBytes }).toString();
    } catch (error) {
      if (HoldfastError.is(error)) throw error;
      return unreadable;
    }
  };
  const isOutdated = (stored: Buffer): boolean => keyIdOf(stored) !== current?.id;
  const isReadable = (text: string): boolean => text !== unreadable;
  return { name: 'holdfast-envelope', format: 'buffer', encode, decode, isOutdated, isReadable };
}

/** True for a value that does not lie as plain text. */
export const isEnveloped = (stored: Uint8Array): boolean => stored[0] === mark;

/** The id of the key under which a stored value is encrypted, if it is. */
export function keyIdOf(stored: Uint8Array): string | undefined {
  if (stored[0] !== mark || ((stored[1] ?? 0) & encrypted) === 0) return undefined;
  return Buffer.from(stored.subarray(3, 3 + (stored[2] ?? 0))).toString();
}

/** Tells a key from every other of its id, and nobody what it is. */
export const checkOf = ({ key }: EncryptionKey): string =>
  createHmac('sha256', key).update('holdfast: which key this is').digest('base64url');

function checkedKeys(keys: readonly EncryptionKey[]): ReadonlyMap<string, EncryptionKey> {
  const faults = keys.flatMap(({ id, key }, i) => {
    const place = `encryptionKeys.${i}`;
    const length = Buffer.byteLength(id);
    if (length === 0 || length > 255) return [`${place}.id: give 1 to 255 bytes`];
    return key.byteLength === 32 ? [] : [`${place}.key: give 32 bytes, these are ${key.byteLength}`];
  });
  const byId = new Map(keys.map((key) => [key.id, key]));
  if (byId.size < keys.length) faults.push('encryptionKeys: two keys have the same id');
  if (faults.length > 0) throw new HoldfastError('INVALID_CONFIG', { problem: faults.join('; '), faults });
  return byId;
}

/** All before the nonce is authenticated with the body. */
function seal(head: Buffer, body: Buffer, { id, key }: EncryptionKey): Buffer {
  const name = Buffer.from(id);
  const nonce = randomBytes(nonceBytes);
  const bound = Buffer.concat([head, Buffer.from([name.length]), name]);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(bound);
  const text = Buffer.concat([cipher.update(body), cipher.final()]);
  return Buffer.concat([bound, nonce, cipher.getAuthTag(), text]);
}

function unseal(stored: Buffer, keys: ReadonlyMap<string, EncryptionKey>): Buffer {
  const keyId = keyIdOf(stored) ?? '';
  const found = keys.get(keyId);
  if (found === undefined) throw new HoldfastError('ENCRYPTION_KEY_MISSING', { keyId });
  const nonceAt = 3 + (stored[2] ?? 0);
  const tagAt = nonceAt + nonceBytes;
  const textAt = tagAt + tagBytes;
  const decipher = createDecipheriv('aes-256-gcm', found.key, stored.subarray(nonceAt, tagAt))
    .setAAD(stored.subarray(0, nonceAt))
    .setAuthTag(stored.subarray(tagAt, textAt));
  return Buffer.concat([decipher.update(stored.subarray(textAt)), decipher.final()]);
}
