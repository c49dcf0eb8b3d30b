// Backups while clients write, and one that is killed: the campaign in its short form.
import { expect, test } from 'vitest';
import { backupHarness } from '../torture/backup.ts';

test('a backup holds all that was answered before it began, and one that was killed is none', async () => {
  const { broken, rows } = await backupHarness.run({
    cycles: undefined,
    short: true,
    seed: 7,
    progress: () => {},
  });
  expect(broken, JSON.stringify(rows)).toEqual([]);
});
