// What the rows share, made when the first of them asks for it: a system with sessions, the floors, a filled store.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createSystem, type System, type SystemOptions } from 'holdfast';
import type { BenchOptions } from './bench-options.ts';
import { PlainLevel, RawFile } from './floors.ts';
import { inFlight } from './measure.ts';
import { measureStoredBytes, type StoredBytes } from './stored-bytes.ts';

export const width = 256;

export interface Populated {
  readonly system: System;
  readonly client: Client;
  readonly ids: readonly string[];
}

export type Say = (line: string) => void;

export class Workshop {
  readonly options: BenchOptions;
  readonly say: Say;
  readonly #root: string;
  readonly #made = new Map<string, Promise<unknown>>();
  readonly #closers: (() => Promise<unknown>)[] = [];

  static async open(options: BenchOptions, say: Say): Promise<Workshop> {
    return new Workshop(options, say, await mkdtemp(join(tmpdir(), 'holdfast-bench-')));
  }

  private constructor(options: BenchOptions, say: Say, root: string) {
    this.options = options;
    this.say = say;
    this.#root = root;
  }

  /** A system with the sessions that messages go to. */
  populated(): Promise<Populated> {
    return this.#once('populated', async () => {
      const system = await this.openSystem('store');
      const ids = await createSessions(system.client, 'bench', this.options.sessions, this.say);
      return { system, client: system.client, ids };
    });
  }

  plain(): Promise<PlainLevel> {
    return this.#once('plain', async () => {
      const plain = await PlainLevel.open(this.#root);
      this.#closers.push(() => plain.close());
      return plain;
    });
  }

  raw(): Promise<RawFile> {
    return this.#once('raw', async () => {
      const raw = await RawFile.open(this.#root);
      this.#closers.push(() => raw.close());
      return raw;
    });
  }

  storedBytes(): Promise<StoredBytes> {
    return this.#once('stored bytes', () => {
      this.say('counting the bytes that Holdfast writes');
      return measureStoredBytes(this.options.sessions, width);
    });
  }

  /** The directory of a closed store that holds `options.stored` sessions. */
  storedSessions(): Promise<string> {
    return this.#once('stored sessions', () => {
      const location = join(this.#root, 'filled');
      return fillStore(location, this.options.stored, this.say);
    });
  }

  /** Closed with the workshop, if not before. */
  async openSystem(name: string, numbers: Partial<SystemOptions> = {}): Promise<System> {
    const system = await createSystem({ ...numbers, location: join(this.#root, name) });
    this.#closers.push(() => system.close());
    return system;
  }

  directory(name: string): string {
    return join(this.#root, name);
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
    await rm(this.#root, { recursive: true, force: true });
  }

  #once<T>(name: string, make: () => Promise<T>): Promise<T> {
    const made = this.#made.get(name) ?? make();
    this.#made.set(name, made);
    return made as Promise<T>;
  }
}

export async function createSessions(
  client: Client,
  prefix: string,
  count: number,
  say: Say,
): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
  for (let from = 0; from < count; from += 10_000) {
    say(`creating sessions: ${from} of ${count}`);
    const some = ids.slice(from, from + 10_000);
    await inFlight(some.length, width, (i) => client.sessions.create({ sessionId: some[i] ?? '' }));
  }
  return ids;
}

/** Ids are `stored-0` and so on. */
export async function fillStore(location: string, count: number, say: Say): Promise<string> {
  const system = await createSystem({ location, maxActiveSessions: 2_000 });
  await createSessions(system.client, 'stored', count, say);
  await system.close();
  return location;
}
