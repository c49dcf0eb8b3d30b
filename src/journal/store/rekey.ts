// Everything that a store holds, written anew under its first key: then no other key is needed any more. A kill in between leaves a
// store that is read with the keys of both, and the same call goes on.
import { resolve } from 'node:path';
import { HoldfastError } from '../../base/errors.ts';
import { finishSwap } from '../backup/restore-swap.ts';
import type { Store } from '../level-store.ts';
import { openLevelJournal } from '../open-level-journal.ts';
import { synced } from '../stream-writer.ts';
import { isStore } from './store-directory.ts';
import { settleEnvelope } from './store-envelope.ts';
import { type AtRest, valueEnvelope } from './value-envelope.ts';

export interface RekeyOptions extends AtRest {
  /** The directory of a store that nobody has open. */
  readonly location: string;
  readonly onProgress?: (values: number) => void;
}

export interface RekeyReport {
  /** Values that were read, and those among them that were written anew. */
  readonly values: number;
  readonly written: number;
  /** Damaged values: they stay as they are, and as long as there are any, so does the need of the former keys. */
  readonly unreadable: number;
}

const batchBytes = 1024 * 1024;
const valuesPerStep = 1000;

export async function rekey({ location, onProgress, ...atRest }: RekeyOptions): Promise<RekeyReport> {
  await finishSwap(location);
  // Opening makes a store where none is.
  if (!(await isStore(location)))
    throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem: 'there is no store' });
  const journal = await openLevelJournal(location, { atRest });
  try {
    const report = await journal.inspect((db) => rewrite(db, atRest, onProgress));
    await journal.inspect(compact);
    await journal.close();
    if (report.unreadable === 0) await settleEnvelope(resolve(location), atRest);
    return report;
  } finally {
    await journal.close();
  }
}

async function rewrite(
  db: Store,
  atRest: AtRest,
  onProgress?: (values: number) => void,
): Promise<RekeyReport> {
  const envelope = valueEnvelope(atRest);
  const iterator = db.iterator<string, Buffer>({ valueEncoding: 'buffer' });
  const report = { values: 0, written: 0, unreadable: 0 };
  let puts: { readonly type: 'put'; readonly key: string; readonly value: string }[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    await db.batch(puts, synced);
    report.written += puts.length;
    puts = [];
    bytes = 0;
  };
  try {
    for (;;) {
      const step = await iterator.nextv(valuesPerStep);
      if (step.length === 0) break;
      for (const [key, stored] of step) {
        report.values += 1;
        if (!envelope.isOutdated(stored)) continue;
        const value = envelope.decode(stored);
        if (!envelope.isReadable(value)) {
          report.unreadable += 1;
          continue;
        }
        puts.push({ type: 'put', key, value });
        bytes += stored.length;
        if (bytes >= batchBytes) await flush();
      }
      onProgress?.(report.values);
    }
    if (puts.length > 0) await flush();
    return report;
  } finally {
    await iterator.close();
  }
}

/** What was overwritten lies in older tables until they are made one; with a snapshot open it would stay. */
async function compact(db: Store): Promise<void> {
  const { compactRange } = db as unknown as { compactRange(from: string, to: string): Promise<void> };
  await compactRange.call(db, '', '\u{10ffff}');
}
