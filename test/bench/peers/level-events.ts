// A persistence engine for nact over LevelDB: one key per event, each put synced before nact goes on.
import { Level } from 'level';

export interface NactEvent {
  readonly data: unknown;
  readonly sequenceNumber: number;
  readonly key: string;
}

interface Folded {
  reduce<S>(
    fold: (state: Promise<S>, event: NactEvent, index: number) => Promise<S>,
    start: Promise<S>,
  ): Promise<S>;
}

export class LevelEvents {
  readonly #db: Level<string, NactEvent>;

  static async open(path: string): Promise<LevelEvents> {
    const db = new Level<string, NactEvent>(path, { valueEncoding: 'json' });
    await db.open();
    return new LevelEvents(db);
  }

  private constructor(db: Level<string, NactEvent>) {
    this.#db = db;
  }

  /** The events of an actor after `offset`, in order. */
  events(key: string, offset = 0): Folded {
    const range = { gt: eventKey(key, offset), lt: `e!${key}!~` };
    const values = (): AsyncIterable<NactEvent> => this.#db.values(range);
    return {
      async reduce(fold, start) {
        let state = start;
        let index = 0;
        for await (const event of values()) {
          state = fold(state, event, index);
          index += 1;
        }
        return state;
      },
    };
  }

  async latestSnapshot(key: string): Promise<NactEvent | undefined> {
    return this.#db.get(`s!${key}`);
  }

  async takeSnapshot(snapshot: NactEvent): Promise<void> {
    await this.#db.put(`s!${snapshot.key}`, snapshot, { sync: true } as object);
  }

  async persist(event: NactEvent): Promise<void> {
    await this.#db.put(eventKey(event.key, event.sequenceNumber), event, { sync: true } as object);
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}

const eventKey = (key: string, sequence: number): string => `e!${key}!${String(sequence).padStart(9, '0')}`;
