// Which envelope the values of a store need: what the options ask for, and what was ever turned on before. Kept beside the database,
// for it must be known before a value is read.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError } from '../../base/errors.ts';
import { type AtRest, type ValueEnvelope, valueEnvelope } from './value-envelope.ts';

const envelopeFile = 'envelope.json';
const draftFile = `${envelopeFile}.draft`;

export const isEnvelopeFile = (name: string): boolean => name === envelopeFile || name === draftFile;

/** Ids of the keys under which values may lie. */
export interface KnownEnvelope {
  readonly keyIds: readonly string[];
}

/**
 * Undefined for a store whose values were never compressed or encrypted, nor are to be. Written down before the first such value is.
 * `inherited` is what a new store is to be filled with.
 *
 * @throws HoldfastError `ENCRYPTION_KEY_MISSING` when a key is not among those given, `JOURNAL_OPEN_FAILED`
 */
export async function prepareEnvelope(
  root: string,
  atRest: AtRest,
  inherited?: KnownEnvelope,
): Promise<ValueEnvelope | undefined> {
  const written = await readKnown(root);
  const known = written ?? inherited;
  const { encryptionKeys = [], compressAbove = null } = atRest;
  const wanted = encryptionKeys.length > 0 || compressAbove !== null;
  if (known === undefined && !wanted) return undefined;
  const missing = known?.keyIds.find((keyId) => encryptionKeys.every(({ id }) => id !== keyId));
  if (missing !== undefined) throw new HoldfastError('ENCRYPTION_KEY_MISSING', { keyId: missing });
  const envelope = valueEnvelope(atRest);
  const [current] = encryptionKeys;
  const keyIds = new Set([...(known?.keyIds ?? []), ...(current === undefined ? [] : [current.id])]);
  if (written === undefined || keyIds.size > written.keyIds.length)
    await writeKnown(root, { keyIds: [...keyIds] });
  return envelope;
}

/** Every value lies under the current key now, if there is one: no other is needed any more. */
export async function settleEnvelope(
  root: string,
  { encryptionKeys: [current] = [] }: AtRest,
): Promise<void> {
  await writeKnown(root, { keyIds: current === undefined ? [] : [current.id] });
}

async function readKnown(root: string): Promise<KnownEnvelope | undefined> {
  const text = await readFile(join(root, envelopeFile), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const { keyIds } = JSON.parse(text) as KnownEnvelope;
    return { keyIds: keyIds.map(String) };
  } catch (cause) {
    const problem = `${envelopeFile} cannot be read: it names the keys that are needed`;
    throw new HoldfastError('JOURNAL_OPEN_FAILED', { location: root, problem }, { cause });
  }
}

async function writeKnown(root: string, known: KnownEnvelope): Promise<void> {
  const draft = join(root, draftFile);
  await writeFile(draft, `${JSON.stringify(known)}\n`, { flush: true });
  await rename(draft, join(root, envelopeFile));
}
