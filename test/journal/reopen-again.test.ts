// An attempt to reopen that fails behind LevelDB has made new files: the next attempt is not to take them for somebody else's.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Level } from 'level';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LevelJournal } from '../../src/journal/level-journal.ts';
import type { Store } from '../../src/journal/level-store.ts';
import { filePlace } from '../../src/journal/store/file-place.ts';
import { commitNew, draft, headDraft } from '../../src/testing/journal-conformance/journal-fixture.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-'));
});

afterEach(() => rm(root, { recursive: true }));

test('an opening that fails behind LevelDB is not a replaced store', async () => {
  let failWrites = 0;
  let failReads = 0;
  let opens = 0;
  const open = async (): Promise<Store> => {
    opens += 1;
    const db = new Level<string, string>(join(root, 'store')) as unknown as Store;
    await db.open();
    const { batch, get } = db;
    return Object.assign(db, {
      batch: (...args: unknown[]): unknown => {
        const made = Reflect.apply(batch, db, args);
        if (args.length > 0) return made;
        const write = made.write.bind(made);
        return Object.assign(made, {
          async write(o: object) {
            if (failWrites-- > 0) throw new Error('the disk failed');
            await write(o);
          },
        });
      },
      get: (...args: unknown[]): unknown => {
        if (opens > 1 && failReads-- > 0)
          return Promise.reject(
            Object.assign(new Error('IO error: No space left on device'), { code: 'LEVEL_IO_ERROR' }),
          );
        return Reflect.apply(get, db, args);
      },
    });
  };
  const journal = await LevelJournal.open({ open, place: filePlace(root, 0) });
  await commitNew(journal, 2);
  failWrites = 1;
  failReads = 1;
  await journal.append('session/x', null, [draft(1, {}, 'session/x')], { head: headDraft }).catch((e) => e);
  await journal.incident?.catch((e) => e);
  while (journal.health.health === 'reopening') await nextTurn();
  const { health, problem } = journal.health;
  await journal.close();
  expect({ health, problem }).toEqual({ health: 'healthy', problem: null });
});
