// What one stored key says of itself, and of the one before it: all that reading it would check, without a reader.

import { HoldfastError, toError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { decodeHead } from '../head/head.ts';
import type { Head } from '../journal.ts';
import { seqOf, streamOf } from '../keys.ts';
import { decodeRecord, genesis } from '../record.ts';
import { isSealed, unseal } from '../sealed.ts';

export interface Damage {
  readonly stream: string;
  /** The record's, or the name of what else it is. */
  readonly seq: number | string;
  readonly problem: string;
}

/** What looks damaged, before it was asked whether it was written or forgotten meanwhile. */
export interface Suspicion extends Damage {
  readonly kind: 'record' | 'head' | 'snapshot' | 'feed' | 'value';
  readonly key: string;
}

/** Where a walk over all keys in their order has come; plain data, so that it can be gone on with after a restart. */
export interface Walk {
  readonly key: string;
  /** The record before, where the walk is within a stream. */
  readonly record: { readonly stream: string; readonly seq: number; readonly hash: string } | null;
  readonly feed: number | null;
}

export const walkStart: Walk = { key: '', record: null, feed: null };

export interface Looked {
  readonly walk: Walk;
  readonly found: readonly Suspicion[];
  /** True for the first key of a stream's events. */
  readonly isNewStream: boolean;
  /** A head that holds, whose records are yet to be compared with it. */
  readonly head?: Head;
}

export function look(walk: Walk, key: string, value: string): Looked {
  switch (key.slice(0, 2)) {
    case 'e!':
      return lookAtRecord(walk, key, value);
    case 'h!':
      return lookAtHead(walk, key, value);
    case 'f!':
      return lookAtFeed(walk, key, value);
    case 's!':
      return sealedOr(walk, key, isSnapshot(key, value), 'snapshot');
    case 'k!':
    case 'o!':
    case 'm!':
      return sealedOr(walk, key, isSealed(key, value), 'value');
    default:
      return passed(walk, key);
  }
}

const passed = (walk: Walk, key: string): Looked => ({
  walk: { ...walk, key },
  found: [],
  isNewStream: false,
});

function lookAtRecord({ record: before, feed }: Walk, key: string, value: string): Looked {
  const stream = streamOf(key);
  const seq = seqOf(key);
  const isNewStream = before?.stream !== stream;
  const found: Suspicion[] = [];
  const suspect = (at: number, problem: string): number =>
    found.push({ kind: 'record', key, stream, seq: at, problem });
  if (!isNewStream && seq !== before.seq + 1) suspect(before.seq + 1, 'it is missing');
  let hash = '';
  try {
    const record = decodeRecord(value, stream, seq);
    hash = record.hash;
    const prev = seq === 1 ? genesis : before?.stream === stream && before.seq === seq - 1 ? before.hash : '';
    if (record.prev !== prev && (prev !== '' || seq === 1))
      suspect(seq, 'it does not follow the record before it');
  } catch (error) {
    if (!HoldfastError.is(error, 'VERSION_TOO_NEW')) suspect(seq, problemOf(error));
  }
  return { walk: { key, record: { stream, seq, hash }, feed }, found, isNewStream };
}

function lookAtHead(walk: Walk, key: string, value: string): Looked {
  try {
    return { ...passed(walk, key), head: decodeHead(streamOf(key), value) };
  } catch (error) {
    const found: Suspicion[] = [
      { kind: 'head', key, stream: streamOf(key), seq: 'head', problem: problemOf(error) },
    ];
    return { ...passed(walk, key), found };
  }
}

function lookAtFeed(walk: Walk, key: string, value: string): Looked {
  const position = seqOf(key);
  const found: Suspicion[] = [];
  const suspect = (seq: number, problem: string): number =>
    found.push({ kind: 'feed', key, stream: 'feed', seq, problem });
  if (walk.feed !== null && position !== walk.feed + 1) suspect(walk.feed + 1, 'it is missing');
  if (!isSealed(key, value)) suspect(position, notItsChecksum);
  return { walk: { ...walk, key, feed: position }, found, isNewStream: false };
}

const notItsChecksum = 'it does not match its checksum';

function sealedOr(walk: Walk, key: string, holds: boolean, kind: 'snapshot' | 'value'): Looked {
  if (holds) return passed(walk, key);
  const stream = key.startsWith('k!') ? 'kv' : key.startsWith('m!') ? 'journal' : streamOf(key);
  const seq = kind === 'snapshot' ? seqOf(key) : key.startsWith('o!') ? 'receipt' : key.slice(2);
  return { ...passed(walk, key), found: [{ kind, key, stream, seq, problem: notItsChecksum }] };
}

/** Its own checksum, and the hash of the state that it names. */
function isSnapshot(key: string, value: string): boolean {
  const body = unseal(key, value);
  if (body === undefined) return false;
  const end = body.indexOf('\n');
  const { stateHash } = JSON.parse(body.slice(0, end)) as { readonly stateHash: string };
  return sha256(body.slice(end + 1)) === stateHash;
}

/** Errors of the journal name the record; here it stands beside them. */
function problemOf(error: unknown): string {
  const { details } = error as { readonly details?: { readonly problem?: unknown } };
  return typeof details?.problem === 'string' ? details.problem : toError(error).message;
}
