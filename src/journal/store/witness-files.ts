// What a witness is on the disk: files in a folder of its own, outside of the database. A base says how far each stream had come;
// tails say what group commits brought since. All of it only ever grows, so that whatever is read is a least that must be there.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../base/hash.ts';
import type { FeedRange } from '../feed.ts';
import { seqOf } from '../keys.ts';
import { seal, unseal } from '../sealed.ts';
import type { KnownFiles } from './preflight.ts';
import type { WitnessState } from './store-report.ts';

export const baseName = (generation: number): string => `${nameOf(generation)}.base`;
export const tailName = (generation: number): string => `${nameOf(generation)}.tail`;
export const generationOf = (name: string): number => Number(/^(\d+)\.(base|tail)$/.exec(name)?.[1] ?? 0);

const nameOf = (generation: number): string => String(generation).padStart(6, '0');

/** How far a stream had come: its newest seq, and the beginning of the hash of that record. */
export interface WitnessedHead {
  readonly stream: string;
  readonly seq: number;
  readonly chain: string;
}

/** What was witnessed of a stream since the base: from which seq on, and how far. */
interface WitnessedRange {
  first: number;
  last: number;
}

export interface Witnessed {
  readonly state: WitnessState;
  /** The newest generation, 0 when there is none. */
  readonly generation: number;
  readonly files: number;
  /** In the order of the streams. */
  readonly base: readonly WitnessedHead[];
  /** By stream, those that changed last at the end. */
  readonly tail: ReadonlyMap<string, WitnessedRange>;
  /** The last entry of the feed that was witnessed. */
  readonly position: number;
  readonly manifest: KnownFiles['manifest'] | undefined;
}

const manifestKey = 'm!manifest';
const chainCharacters = 8;
const linesPerSection = 1_000;

/** A line of a tail: a key and a value with its checksum, such as an entry of the feed as it stands in the database. */
export const tailLine = (key: string, sealed: string): string => `${key} ${sealed}\n`;

export const manifestLine = (manifest: KnownFiles['manifest']): string =>
  tailLine(manifestKey, seal(manifestKey, JSON.stringify(manifest)));

/** Lines for a base, cut into sections with a checksum behind each; {@link BaseText.end} closes it. */
export class BaseText {
  #section = '';
  #lines = 0;
  #count = 0;

  /** What is to be written now, or nothing. */
  add(stream: string, seq: number, chain: string): string {
    this.#section += `${stream} ${seq} ${chain.slice(0, chainCharacters)}\n`;
    this.#lines += 1;
    this.#count += 1;
    return this.#lines < linesPerSection ? '' : this.#cut();
  }

  end(): string {
    return `${this.#cut()}${closing(this.#count)}`;
  }

  #cut(): string {
    const section = this.#section;
    this.#section = '';
    this.#lines = 0;
    return section === '' ? '' : `${section}#${sha256(section)}\n`;
  }
}

const closing = (count: number): string => `$${seal('$', String(count))}\n`;

/** What there is, without a look into it. */
export async function witnessFiles(
  folder: string,
): Promise<Pick<Witnessed, 'state' | 'generation' | 'files'>> {
  const names = await readdir(folder).catch(() => []);
  const generations = names.map(generationOf).filter((generation) => generation > 0);
  const state = generations.length === 0 ? 'none' : 'whole';
  return { state, generation: Math.max(0, ...generations), files: generations.length };
}

/** Reads all that is there. Throws nothing: a witness that cannot be read is damaged. */
export async function readWitness(folder: string): Promise<Witnessed> {
  const reader = new WitnessReader();
  const found = await witnessFiles(folder);
  const names = await readdir(folder).catch(() => []);
  const first = Math.max(0, ...names.filter((name) => name.endsWith('.base')).map(generationOf));
  if (first > 0) await reader.readBase(join(folder, baseName(first)));
  const tails = names.filter((name) => name.endsWith('.tail') && generationOf(name) >= first).sort();
  for (const name of tails) await reader.readTail(join(folder, name), name === tails.at(-1));
  return { ...found, ...reader.read, state: found.state === 'none' ? 'none' : reader.state };
}

/** True where anything was durable once, or where that cannot be told any more. */
export async function hasWitnessed(folder: string): Promise<boolean> {
  const { state, base, position } = await readWitness(folder);
  return state === 'damaged' || base.length > 0 || position > 0;
}

class WitnessReader {
  readonly #base: WitnessedHead[] = [];
  readonly #tail = new Map<string, WitnessedRange>();
  #state: WitnessState = 'whole';
  #position = 0;
  #manifest: KnownFiles['manifest'] | undefined;

  get state(): WitnessState {
    return this.#state;
  }

  get read(): Pick<Witnessed, 'base' | 'tail' | 'position' | 'manifest'> {
    return { base: this.#base, tail: this.#tail, position: this.#position, manifest: this.#manifest };
  }

  async readBase(path: string): Promise<void> {
    const text = await readFile(path, 'utf8').catch(() => '');
    let section: string[] = [];
    let count = 0;
    let isClosed = false;
    for (const line of text.split('\n')) {
      if (line.startsWith('#')) {
        if (line.slice(1) === sha256(`${section.join('\n')}\n`)) this.#addHeads(section);
        else this.#state = 'damaged';
        count += section.length;
        section = [];
      } else if (line.startsWith('$')) isClosed = `${line}\n` === closing(count);
      else section.push(line);
    }
    if (!isClosed) this.#state = 'damaged';
  }

  #addHeads(lines: readonly string[]): void {
    for (const line of lines) {
      const [stream = '', seq, chain = ''] = line.split(' ');
      this.#base.push({ stream, seq: Number(seq), chain });
    }
  }

  /** Only the last line of the last tail may be cut off: a kill leaves it so. */
  async readTail(path: string, isLast: boolean): Promise<void> {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) this.#state = 'damaged';
    const lines = (text ?? '').split('\n');
    const rest = lines.pop() ?? '';
    const faults = lines.flatMap((line, index) => (this.#readLine(line) ? [] : [index]));
    const isCut = rest !== '' || faults[0] === lines.length - 1;
    if (faults.some((index) => index < lines.length - 1) || (isCut && !isLast && faults.length > 0))
      this.#state = 'damaged';
    else if (isCut && this.#state === 'whole') this.#state = 'torn';
  }

  #readLine(line: string): boolean {
    const end = line.indexOf(' ');
    const key = line.slice(0, end);
    const text = unseal(key, line.slice(end + 1));
    if (text === undefined) return false;
    if (key === manifestKey) this.#manifest = JSON.parse(text) as KnownFiles['manifest'];
    else {
      this.#position = Math.max(this.#position, seqOf(key));
      for (const range of JSON.parse(text) as FeedRange[]) this.#addRange(range);
    }
    return true;
  }

  #addRange([stream, first, last]: FeedRange): void {
    const known = this.#tail.get(stream) ?? { first, last };
    this.#tail.delete(stream);
    this.#tail.set(stream, { first: Math.min(known.first, first), last: Math.max(known.last, last) });
  }
}
