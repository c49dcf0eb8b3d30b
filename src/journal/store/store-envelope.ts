// Which envelope the values of a store need: what the options ask for, and what was ever turned on before. Kept beside the database,
// for it must be known before a value is read.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError } from '../../base/errors.ts';
import { writeDurably } from './durable-files.ts';
import {
  type AtRest,
  checkOf,
  type EncryptionKey,
  type ValueEnvelope,
  valueEnvelope,
} from './value-envelope.ts';

const envelopeFile = 'envelope.json';
const draftFile = `${envelopeFile}.draft`;

export const isEnvelopeFile = (name: string): boolean => name === envelopeFile || name === draftFile;

/** Ids of the keys under which values may lie. */
export interface KnownEnvelope {
  readonly keyIds: readonly string[];
  /** By id, what only that key leads to; a store of earlier says it of none. */
  readonly checks?: Readonly<Record<string, string>>;
}

/** Ids with what tells their keys, for those of them that are given. */
export function knownEnvelope(keyIds: readonly string[], keys: readonly EncryptionKey[]): KnownEnvelope {
  const given = keys.filter(({ id }) => keyIds.includes(id));
  return { keyIds, checks: Object.fromEntries(given.map((key) => [key.id, checkOf(key)])) };
}

/**
 * Undefined for a store whose values were never compressed or encrypted, nor are to be. Changes nothing: an opening may still be refused.
 * `inherited` is what a new store is to be filled with.
 *
 * @throws HoldfastError `ENCRYPTION_KEY_MISSING` when a key is not among those given, `ENCRYPTION_KEY_WRONG` when another has its id,
 * `JOURNAL_OPEN_FAILED`
 */
export async function findEnvelope(
  root: string,
  atRest: AtRest,
  inherited?: KnownEnvelope,
): Promise<ValueEnvelope | undefined> {
  const known = (await readKnown(root)) ?? inherited;
  if (known === undefined && !isWanted(atRest)) return undefined;
  return admitted(known, atRest);
}

/**
 * Writes down what the values need that are written from now on; durable before the first of them is. What is there is read again:
 * another process may have had the store meanwhile.
 *
 * @throws HoldfastError as {@link findEnvelope} does
 */
export async function noteEnvelope(root: string, atRest: AtRest, inherited?: KnownEnvelope): Promise<void> {
  const written = await readKnown(root);
  const known = written ?? inherited;
  if (known === undefined && !isWanted(atRest)) return;
  admitted(known, atRest);
  const [current] = atRest.encryptionKeys ?? [];
  const keyIds = new Set([...(known?.keyIds ?? []), ...(current === undefined ? [] : [current.id])]);
  if (written !== undefined && keyIds.size === written.keyIds.length) return;
  // Only of a key that is new here: one of earlier of which nothing is known may be another than the one that is given.
  const isNew = current !== undefined && !known?.keyIds.includes(current.id);
  const checks = { ...known?.checks, ...(isNew && { [current.id]: checkOf(current) }) };
  await writeKnown(root, { keyIds: [...keyIds], checks });
}

const isWanted = ({ encryptionKeys = [], compressAbove = null }: AtRest): boolean =>
  encryptionKeys.length > 0 || compressAbove !== null;

function admitted(known: KnownEnvelope | undefined, atRest: AtRest): ValueEnvelope {
  const { encryptionKeys = [] } = atRest;
  const missing = known?.keyIds.find((keyId) => encryptionKeys.every(({ id }) => id !== keyId));
  if (missing !== undefined) throw new HoldfastError('ENCRYPTION_KEY_MISSING', { keyId: missing });
  const envelope = valueEnvelope(atRest);
  refuseOthers(encryptionKeys, known);
  return envelope;
}

/** Under another key of the same id all that is stored would look damaged, and what is written would be for those who have the right one. */
function refuseOthers(keys: readonly EncryptionKey[], known: KnownEnvelope | undefined): void {
  const other = keys.find((key) => {
    const check = known?.checks?.[key.id];
    return check !== undefined && check !== checkOf(key);
  });
  if (other !== undefined) throw new HoldfastError('ENCRYPTION_KEY_WRONG', { keyId: other.id });
}

/** Every value lies under the current key now, if there is one: no other is needed any more. */
export async function settleEnvelope(
  root: string,
  { encryptionKeys: [current] = [] }: AtRest,
): Promise<void> {
  await writeKnown(root, current === undefined ? { keyIds: [] } : knownEnvelope([current.id], [current]));
}

async function readKnown(root: string): Promise<KnownEnvelope | undefined> {
  const text = await readFile(join(root, envelopeFile), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const { keyIds, checks = {} } = JSON.parse(text) as KnownEnvelope;
    return { keyIds: keyIds.map(String), checks };
  } catch (cause) {
    const problem = `${envelopeFile} cannot be read: it names the keys that are needed`;
    throw new HoldfastError('JOURNAL_OPEN_FAILED', { location: root, problem }, { cause });
  }
}

const writeKnown = (root: string, known: KnownEnvelope): Promise<void> =>
  writeDurably(join(root, envelopeFile), `${JSON.stringify(known)}\n`);
