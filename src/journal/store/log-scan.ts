// LevelDB tells of damage in one place, a text file: its LOG. What it dropped, it dropped without an error.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** More lines than these say nothing new. */
const longestScan = 100;

/** Lines of the LOG that this run has written, and that tell of damage. The run before is in LOG.old. */
export async function scanLog(database: string): Promise<readonly string[]> {
  return linesOf(database, /ignoring error|Corruption|dropping/i);
}

/** Why LevelDB could not go on compacting in the run that has ended, before its LOG is replaced. */
export async function scanLastRun(database: string): Promise<readonly string[]> {
  return linesOf(database, /Compaction error: Corruption/);
}

async function linesOf(database: string, pattern: RegExp): Promise<readonly string[]> {
  const text = await readFile(join(database, 'LOG'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => pattern.test(line))
    .slice(0, longestScan)
    .map((line) => line.replace(/^\S+ \S+ /, '').slice(0, 300));
}
