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

/** True when the run that has ended was cut off while it compacted: it may have ended itself over a damaged table. */
export async function endedCompacting(database: string): Promise<boolean> {
  const text = await readLog(database);
  return text.lastIndexOf(' Compacting ') > text.lastIndexOf(' compacted to: ');
}

const readLog = (database: string): Promise<string> =>
  readFile(join(database, 'LOG'), 'utf8').catch(() => '');

async function linesOf(database: string, pattern: RegExp): Promise<readonly string[]> {
  const text = await readLog(database);
  return text
    .split('\n')
    .filter((line) => pattern.test(line))
    .slice(0, longestScan)
    .map((line) => line.replace(/^\S+ \S+ /, '').slice(0, 300));
}
