// Syncing what LevelDB has written: every log, and nothing but logs.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { syncLogs } from '../../src/journal/store/log-files.ts';

async function folder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-logs-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

test('a log that cannot be synced is told, whichever it is', async () => {
  const directory = await folder();
  for (const name of ['000003.log', '000007.log']) await writeFile(join(directory, name), 'x');
  await syncLogs(directory);
  await mkdir(join(directory, '000005.log'));
  await expect(syncLogs(directory)).rejects.toMatchObject({ code: 'EISDIR' });
});

test('what is no log is left alone', async () => {
  const directory = await folder();
  for (const name of ['LOCK', 'CURRENT', '000004.ldb', 'LOG']) await mkdir(join(directory, name));
  await syncLogs(directory);
});

test('a folder that is gone is told', async () => {
  await expect(syncLogs(join(await folder(), 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
});
