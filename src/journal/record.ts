// One event as bytes: its own hash, a header that the chain covers, and a payload that can be erased without breaking it.
//
//   <hash of the header> \n <header JSON> [ \n <salt> \n <payload JSON> ]
//
// The header names the hash of the record before it and a salted digest of the payload.
import { HoldfastError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { randomSalt } from '../base/ids.ts';
import { deepFreeze } from '../base/json.ts';
import type { EventDraft, EventMeta, StoredEvent } from './journal.ts';
import { corrupt } from './journal-errors.ts';

/** Raised when the bytes of a record change; {@link decodeRecord} goes on reading those of before. */
export const recordVersion = 1;

/** The `prev` of a stream's first record. */
export const genesis = '';

export interface EncodedRecord {
  readonly value: string;
  readonly hash: string;
}

export interface DecodedRecord {
  readonly event: StoredEvent;
  readonly prev: string;
  readonly hash: string;
}

interface RecordHeader {
  readonly v: number;
  readonly stream: string;
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly typeVersion: number;
  readonly prev: string;
  readonly payloadDigest: string;
  readonly meta: EventMeta;
}

export function encodeRecord({ event, payload }: EventDraft, prev: string): EncodedRecord {
  const salt = randomSalt();
  const header = headerText(event, prev, sha256(salt + payload));
  const hash = sha256(header);
  return { value: `${hash}\n${header}\n${salt}\n${payload}`, hash };
}

// Stream and hashes are of alphabets that need no escaping, so only type and meta go through JSON.stringify.
function headerText(event: StoredEvent, prev: string, payloadDigest: string): string {
  return (
    `{"v":${recordVersion},"stream":"${event.stream}","seq":${event.seq},"at":${event.at},"type":${JSON.stringify(event.type)},` +
    `"typeVersion":${event.typeVersion},"prev":"${prev}","payloadDigest":"${payloadDigest}","meta":${metaText(event.meta)}}`
  );
}

/** Of most events nothing is known but the incarnation that wrote them, and perhaps the key of the call. */
function metaText(meta: EventMeta): string {
  const { incarnation, operationId, causation, correlation, by, agent, epoch, traceparent } = meta;
  const isPlain =
    incarnation !== undefined &&
    (causation ?? correlation ?? by ?? agent ?? epoch ?? traceparent) === undefined;
  if (!isPlain) return JSON.stringify(meta);
  return operationId === undefined
    ? `{"incarnation":${incarnation}}`
    : `{"incarnation":${incarnation},"operationId":${JSON.stringify(operationId)}}`;
}

/** Reads a record and checks everything that it can say of itself; damage throws `JOURNAL_CORRUPT`, a newer format `VERSION_TOO_NEW`. */
export function decodeRecord(value: string, stream: string, seq: number): DecodedRecord {
  const [hash = '', headerLine = '', salt, payload] = splitRecord(value);
  if (sha256(headerLine) !== hash) throw corrupt(stream, seq, 'the header does not match its hash');
  const header = JSON.parse(headerLine) as RecordHeader;
  if (header.v > recordVersion) {
    const versions = { what: 'record', found: header.v, supported: recordVersion };
    throw new HoldfastError('VERSION_TOO_NEW', { stream, seq, ...versions });
  }
  if (header.stream !== stream || header.seq !== seq)
    throw corrupt(stream, seq, `it is record ${header.seq} of ${header.stream}`);
  const { at, type, typeVersion, prev, meta, payloadDigest } = header;
  // Without both it was erased. With one, the line break between them is damaged, and must not pass for an erasure.
  const erased = salt === undefined;
  if (!erased && (payload === undefined || sha256(salt + payload) !== payloadDigest))
    throw corrupt(stream, seq, 'the payload does not match its digest');
  const data = erased ? undefined : deepFreeze(JSON.parse(payload ?? ''));
  return {
    event: Object.freeze({ stream, seq, at, type, typeVersion, data, meta: deepFreeze(meta) }),
    prev,
    hash,
  };
}

/** The record without salt and payload; header, hash and chain stay as they were. */
export function eraseRecord(value: string): string {
  return splitRecord(value).slice(0, 2).join('\n');
}

/** Only the first three line breaks separate: a JSON text holds no raw line break, but let none of it be cut. */
function splitRecord(value: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let part = 0; part < 3; part++) {
    const to = value.indexOf('\n', from);
    if (to < 0) break;
    parts.push(value.slice(from, to));
    from = to + 1;
  }
  parts.push(value.slice(from));
  return parts;
}
