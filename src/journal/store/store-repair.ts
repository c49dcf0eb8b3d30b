// Repair: on a copy, before anything opens the database, and put in its place by renames whose names tell how far they came.
//
//   store.repairing   a copy that is being worked on: worth nothing, removed by the next opening
//   store.repaired    a copy that is whole and synced, about to take the place of `store`
//   store.damaged-…   the database as it was found: evidence, never touched again
import {
  constants,
  copyFile,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Level } from 'level';
import { prefixRange } from '../keys.ts';
import type { Store } from '../level-store.ts';
import { fileNumber, isLog, isTable, numberOf } from './file-names.ts';
import { currentManifest } from './log-files.ts';
import { readFraming, writeFraming } from './log-framing.ts';
import { inOrder } from './log-order.ts';
import { readManifest } from './manifest.ts';
import { inspectDatabase, type Suspicion, textOfSuspicion } from './preflight.ts';
import { type Repaired, syncDirectory } from './store-marker.ts';
import { asWrites, readTable } from './table-salvage.ts';

/** LevelDB's own abilities, of which the types of `level`, that serve browsers too, do not know. */
const leveldb = Level as unknown as { repair(location: string): Promise<void> };
interface Compactable {
  compactRange(start: string, end: string): Promise<void>;
}

const workingCopy = (database: string): string => `${database}.repairing`;
const finishedCopy = (database: string): string => `${database}.repaired`;

/** True when a repair was finished, and a crash came before its last renames. */
export async function isRepairFinished(database: string): Promise<boolean> {
  return (await stat(finishedCopy(database)).catch(() => undefined)) !== undefined;
}

/** Takes up what a crash interrupted: answers with where the evidence is, when a repaired database took its place. */
export async function finishRepair(database: string): Promise<string | undefined> {
  await rm(workingCopy(database), { recursive: true, force: true });
  return (await isRepairFinished(database)) ? putInPlace(database) : undefined;
}

export function interruptedRepair(evidence: string | undefined): Repaired | undefined {
  return evidence === undefined ? undefined : { evidence, reasons: ['a repair was interrupted'] };
}

/** Repairs the database on a copy and puts that in its place. Answers with where the evidence is. */
export async function repairStore(database: string, suspicions: readonly Suspicion[]): Promise<string> {
  const tables = suspicions.map(({ file }) => file).filter(isTable);
  try {
    // LevelDB's repair saves most of a damaged table, or stumbles over it: then the others go on without.
    await makeCopy(database, suspicions, []).catch((error) => {
      if (tables.length === 0) throw error;
      return makeCopy(database, suspicions, tables);
    });
  } catch (error) {
    await rm(workingCopy(database), { recursive: true, force: true });
    throw error;
  }
  await rename(workingCopy(database), finishedCopy(database));
  return putInPlace(database);
}

async function makeCopy(
  database: string,
  suspicions: readonly Suspicion[],
  without: readonly string[],
): Promise<void> {
  const copy = workingCopy(database);
  await rm(copy, { recursive: true, force: true });
  await copyDatabase(database, copy, without);
  await dropUnnamed(copy, suspicions);
  // First the logs that were found: those that tables become are in the order of their keys.
  await salvageLogs(copy);
  const isSalvaged = await salvageTables(copy);
  await rebuild(copy, isSalvaged || suspicions.some(({ kind }) => kind !== 'log'));
  await syncAll(copy);
}

async function putInPlace(database: string): Promise<string> {
  const evidence = await freeName(database);
  await syncDirectory(dirname(database));
  if ((await stat(database).catch(() => undefined)) !== undefined) await rename(database, evidence);
  await syncDirectory(dirname(database));
  await rename(finishedCopy(database), database);
  await syncDirectory(dirname(database));
  return evidence;
}

async function freeName(database: string): Promise<string> {
  const name = `${database}.damaged-${new Date().toISOString().replace(/[:.]/g, '')}`;
  const isTaken = (await stat(name).catch(() => undefined)) !== undefined;
  return isTaken ? freeName(database) : name;
}

/** Without LOCK, which is never read, and without what LevelDB says of itself. Where a file system can, nothing is copied. */
async function copyDatabase(database: string, copy: string, without: readonly string[]): Promise<void> {
  await mkdir(copy, { mode: 0o700 });
  for (const entry of await readdir(database, { withFileTypes: true })) {
    if (!entry.isFile() || /^LO(CK|G|G\.old)$/.test(entry.name) || without.includes(entry.name)) continue;
    await copyFile(join(database, entry.name), join(copy, entry.name), constants.COPYFILE_FICLONE);
  }
}

/**
 * Where the MANIFEST can be believed, what it does not name goes: tables that LevelDB had replaced, and would have deleted, hold what
 * was deleted since, and LevelDB's repair takes every table that it finds.
 */
async function dropUnnamed(copy: string, suspicions: readonly Suspicion[]): Promise<void> {
  const [name] = (await currentManifest(copy)) ?? [];
  if (name === undefined || suspicions.some(({ file }) => /^(CURRENT|MANIFEST)/.test(file))) return;
  const { records, damage } = readFraming(await readFile(join(copy, name)));
  const { tables, logNumber } = (damage.length === 0 ? readManifest(records) : undefined) ?? {};
  if (tables === undefined || logNumber === undefined) return;
  for (const file of await readdir(copy)) {
    const number = numberOf(file);
    const isUnnamed = (isTable(file) && !tables.has(number)) || (isLog(file) && number < logNumber);
    if (isUnnamed) await rm(join(copy, file));
  }
}

/** What holds of a damaged table goes into a log of its own, of which LevelDB's repair makes a table. True when there was one. */
async function salvageTables(copy: string): Promise<boolean> {
  const names = await readdir(copy);
  const last = Math.max(0, ...names.map(numberOf));
  let number = last;
  for (const name of names.filter(isTable)) {
    const path = join(copy, name);
    const { entries, damaged, hasIndex } = readTable(await readFile(path));
    if (hasIndex && damaged.length === 0) continue;
    number += 1;
    await writeFile(join(copy, `${fileNumber(number)}.log`), writeFraming(asWrites(entries)));
    await rm(path);
  }
  return number > last;
}

/**
 * Leaves in the logs what holds, each write once: LevelDB would drop the rest of a block of 32 KiB with one record, and its repair, which looks
 * at no checksum there, would put a damaged one back.
 */
async function salvageLogs(copy: string): Promise<void> {
  for (const name of (await readdir(copy)).filter(isLog)) {
    const { records, damage, torn } = readFraming(await readFile(join(copy, name)));
    const kept = inOrder(records);
    if (damage.length > 0 || torn !== undefined || kept !== records)
      await writeFile(join(copy, name), writeFraming(kept));
  }
}

/** Only what opens, and can be read as far as an opening reads, may take the place of what there was. */
async function rebuild(copy: string, isRebuilt: boolean): Promise<void> {
  if (isRebuilt) {
    await leveldb.repair(copy);
    await rm(join(copy, 'lost'), { recursive: true, force: true });
  }
  const db = new Level<string, string>(copy, { createIfMissing: false });
  await db.open();
  try {
    await probe(db as unknown as Store);
    // LevelDB's repair keeps filters and indexes as they are, and lays tables beside each other of which the one with the
    // highest number is believed, not the one with the newest entry. Tables that are written anew know what is newest.
    if (isRebuilt) await (db as unknown as Compactable).compactRange('\u0000', '\u{10ffff}');
  } finally {
    await db.close();
  }
  await rm(join(copy, 'LOCK'), { force: true });
  const { suspicions: left } = await inspectDatabase(copy, undefined, true);
  if (left.length > 0) throw new Error(`it cannot be repaired: ${left.map(textOfSuspicion).join('; ')}`);
}

/** Throws what LevelDB says when it cannot read what an opening reads. */
async function probe(db: Store): Promise<void> {
  for (const of of ['f!', 'h!', 'm!', 'r!', 't!']) {
    const keys = db.keys(prefixRange(of));
    while ((await keys.nextv(1_000)).length > 0);
    await keys.close();
  }
}

async function syncAll(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = await open(join(folder, name), 'r');
    await file.sync().finally(() => file.close());
  }
  await syncDirectory(folder);
}
