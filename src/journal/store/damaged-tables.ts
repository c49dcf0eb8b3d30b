// The tables of an open database, as files: those that its MANIFEST names are whole, and LevelDB changes none of them.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isTable, numberOf } from './file-names.ts';
import { currentManifest } from './log-files.ts';
import { readFraming } from './log-framing.ts';
import { readManifest } from './manifest.ts';
import type { DamagedTable } from './store-report.ts';
import { checkTable } from './table-check.ts';

/** Waits with `pace` after each that it has read. One that LevelDB has replaced meanwhile is of no interest. */
export async function damagedTables(
  folder: string,
  pace: (bytes: number) => Promise<void>,
): Promise<readonly DamagedTable[]> {
  const damaged: DamagedTable[] = [];
  for (const [file, size] of await liveTables(folder)) {
    const fault = await checkTable(join(folder, file), size, true).catch(ofMissing);
    if (fault !== undefined && (await liveTables(folder)).has(file))
      damaged.push({ file, problem: fault.problem });
    await pace(size);
  }
  return damaged;
}

async function liveTables(folder: string): Promise<ReadonlyMap<string, number>> {
  const [name] = (await currentManifest(folder)) ?? [];
  if (name === undefined) return new Map();
  const { records } = readFraming(await readFile(join(folder, name)));
  const tables = readManifest(records)?.tables ?? new Map<number, number>();
  const files = (await readdir(folder)).filter(isTable);
  return new Map(files.flatMap((file) => sized(file, tables.get(numberOf(file)))));
}

const sized = (file: string, size: number | undefined): [string, number][] =>
  size === undefined ? [] : [[file, size]];

function ofMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
