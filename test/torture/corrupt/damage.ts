// What can happen to the files of a store that nobody has open: fourteen kinds of damage, each at a random place.
import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

type Random = () => number;

export interface Damage {
  readonly name: string;
  /** Which contents the store must have been written with; any, when it is not given. */
  readonly content?: 'compressible' | 'incompressible';
  /** True when nothing may be lost by it. */
  readonly harmless?: boolean;
  /** Damages the database in the folder, and says where. */
  inflict(database: string, random: Random): Promise<string>;
}

const footerBytes = 48;
/** So near its end a table holds filter, index and footer. */
const skeletonBytes = 2_000;

export const damages: readonly Damage[] = [
  { name: 'a bit of a table, incompressible', content: 'incompressible', inflict: flipIn(isTable, dataOnly) },
  { name: 'a bit of a table, compressible', content: 'compressible', inflict: flipIn(isTable, dataOnly) },
  { name: 'a bit of the index or footer of a table', inflict: flipIn(isTable, skeletonOnly) },
  { name: 'a table is missing', inflict: onFile(isTable, (path) => rm(path)) },
  { name: 'a table of 0 bytes', inflict: onFile(isTable, (path) => truncate(path, 0)) },
  { name: 'a bit of a log', inflict: flipIn(isLog, anywhere) },
  { name: 'a log cut off', inflict: cut(isLog) },
  { name: 'a log is missing', inflict: onFile(isLog, (path) => rm(path)) },
  { name: 'a bit of the MANIFEST', inflict: flipIn(isManifest, anywhere) },
  { name: 'the MANIFEST cut off', inflict: cut(isManifest) },
  { name: 'a bit of CURRENT', harmless: true, inflict: flipIn(isCurrent, anywhere) },
  { name: 'CURRENT is empty', harmless: true, inflict: onFile(isCurrent, (path) => truncate(path, 0)) },
  { name: 'CURRENT is missing', harmless: true, inflict: onFile(isCurrent, (path) => rm(path)) },
  {
    name: 'LOCK is deleted while it is closed',
    harmless: true,
    inflict: onFile(
      (name) => name === 'LOCK',
      (path) => rm(path),
    ),
  },
];

function isTable(name: string): boolean {
  return name.endsWith('.ldb');
}

function isLog(name: string): boolean {
  return name.endsWith('.log');
}

function isManifest(name: string): boolean {
  return name.startsWith('MANIFEST-');
}

function isCurrent(name: string): boolean {
  return name === 'CURRENT';
}

type Places = (size: number) => readonly [from: number, to: number];

function anywhere(size: number): readonly [number, number] {
  return [0, size];
}

function dataOnly(size: number): readonly [number, number] {
  return [0, Math.max(1, size - skeletonBytes)];
}

function skeletonOnly(size: number): readonly [number, number] {
  return [Math.max(0, size - skeletonBytes), size - footerBytes / 2];
}

function onFile(
  isOne: (name: string) => boolean,
  act: (path: string, size: number, random: Random) => Promise<unknown>,
): Damage['inflict'] {
  return async (database, random) => {
    const names = (await readdir(database)).filter(isOne).sort();
    const sized = await Promise.all(
      names.map(async (name) => ({ name, size: (await stat(join(database, name))).size })),
    );
    const filled = sized.filter(({ name, size }) => size > 0 || name === 'LOCK');
    const chosen = filled[Math.floor(random() * filled.length)];
    if (chosen === undefined) throw new Error('the store has no such file');
    const where = await act(join(database, chosen.name), chosen.size, random);
    return `${chosen.name} ${typeof where === 'string' ? where : ''}`.trim();
  };
}

function flipIn(isOne: (name: string) => boolean, places: Places): Damage['inflict'] {
  return onFile(isOne, async (path, size, random) => {
    const [from, to] = places(size);
    const at = from + Math.floor(random() * (to - from));
    const bit = Math.floor(random() * 8);
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
    await writeFile(path, bytes);
    return `bit ${bit} of byte ${at} of ${size}`;
  });
}

function cut(isOne: (name: string) => boolean): Damage['inflict'] {
  return onFile(isOne, async (path, size, random) => {
    const length = Math.floor(random() * size);
    await truncate(path, length);
    return `at ${length} of ${size}`;
  });
}
