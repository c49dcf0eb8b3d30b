// A small program that keeps lines on a bare store, rightly or with one of the mistakes that such programs make. Each line is
// written in two halves, so that it can be seen half written; every third write is followed by a snapshot and a trim.
import { createHash } from 'node:crypto';
import type { Store } from '../../src/journal/level-store.ts';
import { synced } from '../../src/journal/stream-writer.ts';
import type { CrashScenario } from '../../src/testing/crash-matrix/scenario.ts';

export type Mistake =
  | 'apply before append'
  | 'go on after an I/O error'
  | 'no sync'
  | 'trim before snapshot'
  | 'ack before append'
  | 're-hash on mismatch';

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const number = (value: number): string => String(value).padStart(6, '0');

class Notebook {
  readonly lines: string[] = [];
  readonly #db: Store;
  readonly #mistake: Mistake | undefined;
  #trimmed = 0;

  static async open(open: () => Promise<Store>, mistake?: Mistake): Promise<Notebook> {
    const notebook = new Notebook(await open(), mistake);
    await notebook.#read();
    return notebook;
  }

  private constructor(db: Store, mistake: Mistake | undefined) {
    this.#db = db;
    this.#mistake = mistake;
  }

  async add(line: string): Promise<void> {
    const index = this.lines.length;
    if (this.#mistake === 'apply before append') this.lines.push(line);
    const written = this.#write(index, line);
    if (this.#mistake === 'ack before append') written.catch(() => undefined);
    else if (this.#mistake === 'go on after an I/O error') await written.catch(() => undefined);
    else await written;
    if (this.#mistake !== 'apply before append') this.lines.push(line);
    if (this.lines.length % 3 === 0) await this.#compact().catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#db.close();
  }

  async #write(index: number, line: string): Promise<void> {
    const half = Math.ceil(line.length / 2);
    const options = this.#mistake === 'no sync' ? {} : synced;
    await this.#db.put(`x!${number(index)}!1`, line.slice(0, half), options);
    await this.#db.put(`x!${number(index)}!2`, `${hashOf(line)}${line.slice(half)}`, options);
  }

  async #compact(): Promise<void> {
    const keep = (): Promise<void> =>
      this.#db.put('y', JSON.stringify(this.lines), this.#mistake === 'no sync' ? {} : synced);
    const last = this.lines.length;
    const trim = (): Promise<void> =>
      this.#db.clear({ gte: `x!${number(this.#trimmed)}`, lt: `x!${number(last)}` });
    if (this.#mistake === 'trim before snapshot') await trim().then(keep);
    else await keep().then(trim);
    this.#trimmed = last;
  }

  async #read(): Promise<void> {
    this.lines.push(...(JSON.parse((await this.#db.get('y')) ?? '[]') as string[]));
    for (;;) {
      const [first, second] = await this.#db.getMany(
        [1, 2].map((part) => `x!${number(this.lines.length)}!${part}`),
      );
      if (first === undefined) return;
      const line = first + (second ?? '').slice(64);
      // Half of a line was never acknowledged: it is not there.
      if (hashOf(line) !== second?.slice(0, 64) && this.#mistake !== 're-hash on mismatch') return;
      this.lines.push(line);
    }
  }
}

/** A notebook that failed to write is opened anew before anything else is asked of it. */
interface Desk {
  notebook: Notebook;
  readonly reopen: () => Promise<Notebook>;
}

export const notebookScenario = (mistake?: Mistake): CrashScenario<Desk, string> => ({
  async start({ store }) {
    const reopen = (): Promise<Notebook> => Notebook.open(store, mistake);
    return { notebook: await reopen(), reopen };
  },
  commands: (random) =>
    Array.from({ length: 1 + Math.floor(random() * 6) }, () => `line ${Math.floor(random() * 1_000)}`),
  async run(desk, line) {
    try {
      await desk.notebook.add(line);
    } catch (error) {
      if (mistake !== 'apply before append') {
        await desk.notebook.close();
        desk.notebook = await desk.reopen();
      }
      throw error;
    }
  },
  read: ({ notebook }) => [...notebook.lines],
  stop: ({ notebook }) => notebook.close(),
});
