// The floors: what the same bytes cost with nothing of Holdfast around them.
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';

/** Plain objects in a Map, one key per message, all that waits in one synced batch: the least that a journal can do. */
export class PlainLevel {
  readonly #db: Level<string, string>;
  readonly #sessions = new Map<string, { messages: number }>();
  #waiting: { key: string; value: string; done: () => void }[] = [];
  #running = false;

  static async open(directory: string): Promise<PlainLevel> {
    const db = new Level<string, string>(join(directory, 'floor'));
    await db.open();
    return new PlainLevel(db);
  }

  private constructor(db: Level<string, string>) {
    this.#db = db;
  }

  /** Counts the message in its session's object and resolves when it is on disk. */
  append(session: string, value: string): Promise<void> {
    const state = this.#sessions.get(session) ?? { messages: 0 };
    state.messages += 1;
    this.#sessions.set(session, state);
    return new Promise((done) => {
      this.#waiting.push({ key: `e!${session}!${String(state.messages).padStart(9, '0')}`, value, done });
      if (!this.#running) void this.#run();
    });
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  async #run(): Promise<void> {
    this.#running = true;
    await null;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      const batch = this.#db.batch();
      for (const { key, value } of group) batch.put(key, value);
      await batch.write({ sync: true } as object);
      for (const { done } of group) done();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#running = false;
  }
}

/** The bytes of a key of PlainLevel. */
export const plainKeyBytes = (session: string): number => 'e!!'.length + session.length + 9;

/** Sessions in memory and nothing else: a plain object each, in a Map. */
export class PlainMemory {
  readonly #sessions = new Map<string, { messages: number; last: string }>();

  append(session: string, content: string): number {
    const state = this.#sessions.get(session);
    if (state === undefined) this.#sessions.set(session, { messages: 1, last: content });
    else {
      state.messages += 1;
      state.last = content;
    }
    return state?.messages ?? 1;
  }
}

/** A file that is written and synced through libuv, one write at a time. */
export class RawFile {
  readonly #file: FileHandle;

  static async open(directory: string): Promise<RawFile> {
    return new RawFile(await open(join(directory, 'raw'), 'a'));
  }

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes);
    await this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
