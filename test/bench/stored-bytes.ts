// How many bytes Holdfast writes for a message or a session, counted in the batches of a store of its own: keys and values of
// record, head, feed and whatever else there is. The floors write as many, of what was really written: it compresses alike.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createSystem, type SystemOptions } from 'holdfast';
import { Level } from 'level';
import { inFlight } from './measure.ts';
import { content } from './message.ts';

export interface Written {
  /** Keys and values, of one operation. */
  readonly bytes: number;
  /** Text that was written, in order: pieces of it are what the floors write. */
  readonly text: string;
}

export interface StoredBytes {
  readonly create: Written;
  readonly send: Written;
  readonly sendOneByOne: Written;
}

type OpenStore = NonNullable<SystemOptions['store']>;
type Store = Awaited<ReturnType<OpenStore>>;

export async function measureStoredBytes(sessions: number, width: number): Promise<StoredBytes> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-bytes-'));
  const counter = new WriteCounter();
  const system = await createSystem({ store: () => counter.open(join(directory, 'counted')) });
  const { client } = system;
  const send = (i: number): Promise<unknown> => sendTo(client, `b${i % sessions}`);
  try {
    const create = await counter.during(sessions, () =>
      inFlight(sessions, width, (i) => client.sessions.create({ sessionId: `b${i}` })),
    );
    const many = await counter.during(sessions, () => inFlight(sessions, width, send));
    const single = await counter.during(100, () => inFlight(100, 1, send));
    return { create, send: many, sendOneByOne: single };
  } finally {
    await system.close();
    await rm(directory, { recursive: true });
  }
}

const sendTo = (client: Client, sessionId: string): Promise<unknown> =>
  client.messages.send({ sessionId, role: 'user', content });

/** Pieces of what was written, each so long that with a key of `keyBytes` it has the bytes of one operation. */
export function piecesOf({ bytes, text }: Written, keyBytes: number): readonly string[] {
  const length = Math.max(1, Math.round(bytes) - keyBytes);
  const count = Math.max(1, Math.floor(text.length / length));
  return Array.from({ length: count }, (_, i) =>
    text.slice(i * length, (i + 1) * length).padEnd(length, 'x'),
  );
}

class WriteCounter {
  #bytes = 0;
  #text: string[] = [];

  async open(path: string): Promise<Store> {
    const db = new Level<string, string>(path, { keyEncoding: 'utf8', valueEncoding: 'utf8' });
    await db.open();
    return this.#counted(db as unknown as Store);
  }

  async during(operations: number, job: () => Promise<unknown>): Promise<Written> {
    this.#bytes = 0;
    this.#text = [];
    await job();
    return { bytes: this.#bytes / operations, text: this.#text.join('') };
  }

  #counted(db: Store): Store {
    const { put, batch } = db;
    return Object.assign(db, {
      put: (...args: readonly unknown[]) => {
        this.#note(args[0], args[1]);
        return Reflect.apply(put, db, args);
      },
      batch: (...args: readonly unknown[]) => {
        for (const { key, value } of (args[0] ?? []) as { key: unknown; value?: unknown }[])
          this.#note(key, value);
        const made = Reflect.apply(batch, db, args);
        return args.length === 0 ? this.#countedChain(made) : made;
      },
    });
  }

  #countedChain(chain: ReturnType<Store['batch']>): ReturnType<Store['batch']> {
    const { put } = chain;
    return Object.assign(chain, {
      put: (...args: readonly unknown[]) => {
        this.#note(args[0], args[1]);
        return Reflect.apply(put, chain, args);
      },
    });
  }

  #note(key: unknown, value: unknown): void {
    if (value === undefined) return;
    this.#bytes += Buffer.byteLength(String(key)) + Buffer.byteLength(String(value));
    this.#text.push(String(value));
  }
}
