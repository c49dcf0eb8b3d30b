// When the witness writes: behind the next commit, and never later than the one after that is told.
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { Witness } from '../../src/journal/store/witness.ts';

let folder = '';

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

async function watched() {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-witness-'));
  const any = await open(join(folder, 'any'), 'w');
  const write = vi.spyOn(Object.getPrototypeOf(any), 'write');
  await any.close();
  const witness = await Witness.open(
    {
      ...{ folder, database: folder, telemetry: () => {}, mayRebase: () => false },
      db: () => {
        throw new Error('nobody asks for the database');
      },
    },
    0,
    false,
  );
  const tell = (position: number) => witness.committed({ key: `feed/${position}`, value: '[]' }, true);
  return { witness, tell, written: () => write.mock.calls.length };
}

const promisesSettle = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await null;
};

test('a commit is noted behind the next turn of whoever sends, and before the commit after it is answered', async () => {
  const { witness, tell, written } = await watched();
  tell(1);
  await promisesSettle();
  expect(written()).toBe(0);
  tell(2);
  await promisesSettle();
  expect(written()).toBe(1);
  await witness.close();
});

test('a commit behind which none comes is noted by itself', async () => {
  const { witness, tell, written } = await watched();
  tell(1);
  await nextTurn();
  await nextTurn();
  await nextTurn();
  expect(written()).toBe(1);
  await witness.close();
});
