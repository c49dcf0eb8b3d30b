// LevelDB itself, opened: who else has it, and what it says against that, in the house's words.
import { Level } from 'level';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { Store } from '../level-store.ts';
import { openAlready } from './store-owner.ts';
import type { ValueEnvelope } from './value-envelope.ts';

interface OpenDatabaseOptions {
  readonly location: string;
  readonly envelope: ValueEnvelope | undefined;
  readonly createIfMissing: boolean;
}

export async function openDatabase(
  folder: string,
  { location, envelope, createIfMissing }: OpenDatabaseOptions,
): Promise<Store> {
  const encodings = { keyEncoding: 'utf8', valueEncoding: envelope ?? 'utf8' } as const;
  const db = new Level<string, string>(folder, { ...encodings, createIfMissing });
  try {
    await db.open();
    return db as unknown as Store;
  } catch (error) {
    const cause = toError(toError(error).cause ?? error);
    if ('code' in cause && cause.code === 'LEVEL_LOCKED') throw openAlready(location, cause);
    throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem: cause.message }, { cause });
  }
}
