// The database looked at before LevelDB opens it: to open one that lacks its names would delete what is left of it. Reads
// only, and never LOCK: a process that closes it again loses the lock that it holds.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError, toError } from '../../base/errors.ts';
import { fileNumber, isLog, isTable, numberOf } from './file-names.ts';
import { type Framing, readFraming } from './log-framing.ts';
import { firstOutOfOrder } from './log-order.ts';
import { endedCompacting, scanLastRun } from './log-scan.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { noFile, oddAmong } from './odd-files.ts';
import { checkTable } from './table-check.ts';

/** What was known of the files when they were last known to be right. */
export interface KnownFiles {
  /** Name and length of the MANIFEST. */
  readonly manifest: readonly [name: string, length: number];
  /** The logs and their lengths; only after a close is it known which there are. */
  readonly logs?: Readonly<Record<string, number>>;
}

/** `log`: records of it can be dropped. `filter`: tables have to be written anew. `database`: LevelDB has to rebuild it. */
export interface Suspicion {
  readonly kind: 'log' | 'filter' | 'database';
  readonly file: string;
  readonly problem: string;
}

/** What is found where no repair is wanted. */
export const unsound = (location: string, findings: readonly string[]): HoldfastError =>
  new HoldfastError('JOURNAL_DAMAGED', { location, problem: findings.join('; '), findings });

export const textOfSuspicion = ({ file, problem }: Suspicion): string => `${file}: ${problem}`;

export interface Inspection {
  readonly suspicions: readonly Suspicion[];
  /** The MANIFEST that CURRENT names, and how long it is. */
  readonly manifest: KnownFiles['manifest'] | undefined;
}

/** Each is read in a few small parts: most of it is waiting for the file system. */
const tablesAtOnce = 8;

/** Too many files are open, there is no memory, there are no rights. */
const isOfProcess = /^(EMFILE|ENFILE|ENOMEM|EACCES|EPERM)$/;

/**
 * `isClosed`: the store was closed in order, so that nothing in it can be half written. `isSuspect`: it may have ended the
 * process that had it, and each block of its tables is looked at.
 */
export async function inspectDatabase(
  folder: string,
  known: KnownFiles | undefined,
  isClosed: boolean,
  isSuspect = false,
): Promise<Inspection> {
  const inspector = new Inspector(folder, known, isClosed, isSuspect);
  try {
    return await inspector.inspect();
  } catch (thrown) {
    const error = toError(thrown) as NodeJS.ErrnoException;
    // That it could not be looked at says nothing of what it is.
    if (isOfProcess.test(error.code ?? '')) throw error;
    const suspicion = { kind: 'database', file: folder, problem: error.message } as const;
    return { suspicions: [suspicion], manifest: undefined };
  }
}

class Inspector {
  readonly #folder: string;
  readonly #known: KnownFiles | undefined;
  readonly #isClosed: boolean;
  readonly #isSuspect: boolean;
  readonly #suspicions: Suspicion[] = [];

  constructor(folder: string, known: KnownFiles | undefined, isClosed: boolean, isSuspect: boolean) {
    this.#folder = folder;
    this.#known = known;
    this.#isClosed = isClosed;
    this.#isSuspect = isSuspect;
  }

  async inspect(): Promise<Inspection> {
    const names = await this.#names();
    if (this.#suspicions.length > 0) return { suspicions: this.#suspicions, manifest: undefined };
    const name = await this.#currentManifest(names);
    const length = name === undefined ? 0 : (await stat(join(this.#folder, name))).size;
    const manifest = name === undefined ? undefined : await this.#readManifest(name, length);
    if (manifest !== undefined) {
      await this.#checkTables(manifest, names, await this.#mayHaveEndedIt());
      await this.#checkLogs(manifest, names);
    }
    for (const line of await scanLastRun(this.#folder)) this.#suspect('database', 'LOG', line);
    return { suspicions: this.#suspicions, manifest: name === undefined ? undefined : [name, length] };
  }

  async #names(): Promise<readonly string[]> {
    const entries = await readdir(this.#folder, { withFileTypes: true });
    for (const name of await oddAmong(this.#folder, entries)) this.#suspect('database', name, noFile);
    return entries.map(({ name }) => name);
  }

  async #mayHaveEndedIt(): Promise<boolean> {
    return !this.#isClosed && (this.#isSuspect || (await endedCompacting(this.#folder)));
  }

  #suspect(kind: Suspicion['kind'], file: string, problem: string): void {
    this.#suspicions.push({ kind, file, problem });
  }

  async #currentManifest(names: readonly string[]): Promise<string | undefined> {
    if (!names.includes('CURRENT')) {
      this.#suspect('database', 'CURRENT', 'it is missing');
      return undefined;
    }
    const text = await readFile(join(this.#folder, 'CURRENT'), 'latin1');
    const [, name] = /^(MANIFEST-\d+)\n$/.exec(text) ?? [];
    if (name === undefined) this.#suspect('database', 'CURRENT', 'it names no manifest');
    else if (!names.includes(name)) this.#suspect('database', name, 'CURRENT names it, and it is missing');
    else return name;
    return undefined;
  }

  async #readManifest(name: string, length: number): Promise<Manifest | undefined> {
    const framing = readFraming(await readFile(join(this.#folder, name)));
    const manifest = readManifest(framing.records);
    const problem =
      this.#problemOfLength(name, length) ?? this.#problemOfFraming(framing) ?? problemOfManifest(manifest);
    if (problem !== undefined) this.#suspect('database', name, problem);
    return problem === undefined ? manifest : undefined;
  }

  #problemOfLength(name: string, length: number): string | undefined {
    if (length === 0) return 'it is empty';
    const [knownName, knownLength] = this.#known?.manifest ?? [name, 0];
    if (name === knownName && length < knownLength)
      return `it has ${length} bytes of the ${knownLength} that it had`;
    return numberOf(name) < numberOf(knownName) ? `${knownName} had taken its place` : undefined;
  }

  #problemOfFraming({ damage, torn }: Framing): string | undefined {
    const at = damage[0] ?? (this.#isClosed ? torn : undefined);
    return at === undefined ? undefined : `the record at byte ${at} does not match its checksum`;
  }

  async #checkTables({ tables }: Manifest, names: readonly string[], isThorough: boolean): Promise<void> {
    const present = new Map(names.filter(isTable).map((name) => [numberOf(name), name]));
    const check = async ([number, size]: readonly [number, number]): Promise<void> => {
      const name = present.get(number);
      if (name === undefined) this.#suspect('database', `${fileNumber(number)}.ldb`, 'it is missing');
      else await this.#checkTable(name, size, isThorough);
    };
    const all = [...tables];
    for (let from = 0; from < all.length; from += tablesAtOnce)
      await Promise.all(all.slice(from, from + tablesAtOnce).map(check));
  }

  async #checkTable(name: string, size: number, isThorough: boolean): Promise<void> {
    const path = join(this.#folder, name);
    const found = (await stat(path)).size;
    if (found !== size) {
      this.#suspect('database', name, `it has ${found} bytes in place of ${size}`);
      return;
    }
    const fault = await checkTable(path, size, isThorough);
    if (fault !== undefined) this.#suspect(fault.inFilter ? 'filter' : 'database', name, fault.problem);
  }

  async #checkLogs({ logNumber = 0 }: Manifest, names: readonly string[]): Promise<void> {
    const logs = names.filter(isLog).filter((name) => numberOf(name) >= logNumber);
    logs.sort((a, b) => numberOf(a) - numberOf(b));
    // A database that LevelDB has just made or repaired has no log yet.
    const least = logNumber === 0 ? {} : { [`${fileNumber(logNumber)}.log`]: 0 };
    const expected = { ...least, ...this.#known?.logs };
    for (const [name, length] of Object.entries(expected)) {
      if (numberOf(name) < logNumber) continue;
      if (!logs.some((log) => numberOf(log) === numberOf(name))) this.#suspect('log', name, 'it is missing');
      else await this.#checkLength(name, length);
    }
    const last = await this.#lastWritten(logs);
    for (const name of logs) await this.#checkLog(name, name === last);
  }

  /** Openings that were cut off leave new logs in which nothing is, behind the one that was being written. */
  async #lastWritten(logs: readonly string[]): Promise<string | undefined> {
    for (const name of logs.toReversed()) if ((await stat(join(this.#folder, name))).size > 0) return name;
    return logs.at(-1);
  }

  async #checkLength(name: string, length: number): Promise<void> {
    const { size } = await stat(join(this.#folder, name));
    if (size < length) this.#suspect('log', name, `it has ${size} bytes of the ${length} that it had`);
  }

  /** A write that was cut off stands at the end of the last log alone. */
  async #checkLog(name: string, isLast: boolean): Promise<void> {
    const { records, damage, torn } = readFraming(await readFile(join(this.#folder, name)));
    const at = damage[0] ?? (this.#isClosed || !isLast ? torn : undefined);
    if (at !== undefined) this.#suspect('log', name, `the record at byte ${at} does not match its checksum`);
    const misplaced = firstOutOfOrder(records);
    if (misplaced !== undefined)
      this.#suspect('log', name, `the record ${misplaced + 1} stands behind those that it belongs before`);
  }
}

function problemOfManifest(manifest: Manifest | undefined): string | undefined {
  return manifest?.logNumber === undefined ? 'it does not say what the database is' : undefined;
}
