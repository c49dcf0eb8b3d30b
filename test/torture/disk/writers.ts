// Clients that write to one system each its own session, and remember what was answered: all of it must be there, once.
import { randomBytes } from 'node:crypto';
import type { DiskProcess } from './disk-process.ts';

/** What a write may hear when the disk does not take it. */
const outageCodes: ReadonlySet<string> = new Set([
  ...[
    'STORAGE_FULL',
    'OUTCOME_UNKNOWN',
    'NOT_COMMITTED',
    'JOURNAL_UNAVAILABLE',
    'JOURNAL_GONE',
    'OVERLOADED',
  ],
]);

const clients = 8;

export class Writers {
  readonly codes = new Map<string, number>();
  /** By session, the texts that were answered. */
  readonly acknowledged = new Map<string, string[]>();
  readonly problems: string[] = [];
  readonly #bytes: number;
  #texts = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  get count(): number {
    return [...this.acknowledged.values()].reduce((sum, texts) => sum + texts.length, 0);
  }

  async create(system: DiskProcess): Promise<void> {
    for (let client = 0; client < clients; client++) {
      const { code } = await system.call('sessions.create', { sessionId: `c${client}` });
      if (code !== undefined) this.problems.push(`a session could not be created: ${code}`);
      this.acknowledged.set(`c${client}`, []);
    }
  }

  /** All clients write until each was refused so many times in a row, or has written so many. */
  async write(system: DiskProcess, refusals: number, most = Number.POSITIVE_INFINITY): Promise<void> {
    await Promise.all(
      [...this.acknowledged].map(async ([sessionId, texts]) => {
        for (let refused = 0, written = 0; refused < refusals && written < most; written++) {
          const text = await this.writeOne(system, sessionId);
          if (text === undefined) refused += 1;
          else {
            refused = 0;
            texts.push(text);
          }
          if (refused > 0) await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }),
    );
  }

  /** What was written, or undefined when it was refused. */
  async writeOne(system: DiskProcess, sessionId: string): Promise<string | undefined> {
    this.#texts += 1;
    const text = `${this.#texts}:`;
    // Noise, which no compression makes small.
    const content = text + randomBytes((this.#bytes * 3) / 4).toString('base64');
    const { code } = await system.call('messages.send', { sessionId, role: 'user', content });
    if (code === undefined) return text;
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
    if (!outageCodes.has(code)) this.problems.push(`a write heard ${code}`);
    return undefined;
  }

  /** Reads everything back. What was not answered may be there too, once. */
  async verify(system: DiskProcess, when: string): Promise<void> {
    for (const [sessionId, texts] of this.acknowledged) {
      const found: string[] = [];
      for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
        const page = await system.call('messages.list', { sessionId, limit: 50, ...(cursor && { cursor }) });
        if (page.code !== undefined) {
          this.problems.push(`${when}, ${sessionId} could not be read: ${page.code}`);
          return;
        }
        const { items, cursor: next } = page.answer as {
          items: readonly { content: string }[];
          cursor?: string;
        };
        for (const { content } of items) found.push(content.slice(0, content.indexOf(':') + 1));
        cursor = next;
      }
      const lost = texts.filter((text) => !found.includes(text));
      if (lost.length > 0) this.problems.push(`${when}, ${lost.length} of ${sessionId} were lost`);
      if (new Set(found).size < found.length) this.problems.push(`${when}, ${sessionId} has some twice`);
    }
  }

  /** How long it took until a write was answered again. */
  async untilHealed(system: DiskProcess, longestMs = 60_000): Promise<number> {
    const startedAt = Date.now();
    while (Date.now() - startedAt < longestMs) {
      const text = await this.writeOne(system, 'c0');
      if (text !== undefined) {
        this.acknowledged.get('c0')?.push(text);
        return Date.now() - startedAt;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    this.problems.push(`it did not heal within ${longestMs} ms`);
    return longestMs;
  }
}
