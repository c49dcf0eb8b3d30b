// One model of a projection, from its first head to its successor: made from all heads, a small page at a time behind
// everything else that the system does, then kept up by the feed from where that ended before the first of them was read.
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { positionAt } from '../journal/feed.ts';
import type { Cursor, FeedEntry, HeadPage, Journal } from '../journal/journal.ts';
import type { Projection } from './projection.ts';

/** Reads the feed on behalf of a projection. */
interface Following {
  readonly position: Cursor | null;
  /** Resolves once everything is handled that the feed held when this was called. */
  catchUp(): Promise<void>;
  stop(): Promise<void>;
}

type Follow = (options: {
  readonly name: string;
  /** Where to begin, and to go on after a failure. */
  readonly load: () => Cursor | null;
  readonly handle: (entries: readonly FeedEntry[], position: Cursor) => Promise<void>;
  /** A damaged entry is handed on as `passed`. */
  readonly passesDamage: true;
}) => Following;

export interface GenerationOptions<P extends Projection> {
  /** Makes an empty one. */
  readonly create: () => P;
  readonly journal: Pick<Journal, 'list' | 'feedEnd'>;
  readonly follow: Follow;
  readonly telemetry: Telemetry;
}

/** Verified and taken in in a few milliseconds, for which commands wait. */
const headsPerTurn = 250;

export class Generation<P extends Projection> {
  readonly projection: P;
  readonly #options: GenerationOptions<P>;
  #position: Cursor;
  /** Up to where the feed tells of nothing that the heads did not say when they were read last. */
  #readThrough: Cursor;
  #following: Following | undefined;
  #completed: Promise<void> = Promise.resolve();
  #stopped = false;
  #giveUp: () => void = () => {};

  constructor(options: GenerationOptions<P>) {
    this.#options = options;
    this.projection = options.create();
    this.#position = options.journal.feedEnd();
    this.#readThrough = this.#position;
  }

  /** How far it has come in the feed; where its heads are read, from where it will follow. */
  get position(): Cursor {
    return this.#following?.position ?? this.#position;
  }

  /** Settles when all streams whose heads said too little were read, or it was stopped. */
  get completed(): Promise<void> {
    return this.#completed;
  }

  /**
   * Takes in all heads, and begins to follow. Rejects with `SYSTEM_NOT_SERVING` as soon as it is stopped. `quiet` is for
   * heads that were read just before: what is damaged among them was reported then.
   */
  build({ quiet }: { readonly quiet: boolean }): Promise<void> {
    const givenUp = new Promise<never>((_, reject) => {
      this.#giveUp = () => reject(notServing());
    });
    return Promise.race([this.#build(quiet), givenUp]);
  }

  /** Resolves once it has taken in all that was durable when this was called. */
  async catchUp(): Promise<void> {
    await this.#following?.catchUp();
  }

  /** It answers nobody any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#giveUp();
    await this.#following?.stop();
    await this.#completed;
  }

  async #build(quiet: boolean): Promise<void> {
    const outdated: string[] = [];
    this.#position = this.#options.journal.feedEnd();
    for await (const { heads } of this.#pages(quiet)) {
      for (const stream of this.projection.load(heads)) outdated.push(stream);
      await turnOfTheLoop();
      this.#assertRunning();
    }
    this.#assertRunning();
    this.#following = this.#follow();
    this.#completed = this.#complete(outdated);
  }

  /** Each is read while the one before it is taken in; no other is kept. */
  async *#pages(quiet: boolean): AsyncGenerator<HeadPage> {
    const { journal } = this.#options;
    const query = { prefix: this.projection.prefix, limit: headsPerTurn, lazy: true, quiet };
    let coming: Promise<HeadPage> | undefined = journal.list(query);
    while (coming !== undefined) {
      const page: HeadPage = await coming;
      this.#assertRunning();
      coming = page.next === undefined ? undefined : journal.list({ ...query, after: page.next });
      // When it is stopped nobody waits for it any more.
      coming?.catch(() => undefined);
      yield page;
    }
  }

  #follow(): Following {
    const { projection } = this;
    return this.#options.follow({
      name: `projection ${projection.name}`,
      load: () => this.#position,
      handle: async (entries, to) => {
        for (const stream of projection.apply(entries)) await this.#reread(stream);
        for (const { cursor, passed } of entries) if (passed) await this.#makeGood(cursor);
        this.#position = to;
      },
      passesDamage: true,
    });
  }

  /** A damaged entry does not say of which streams it told: those whose heads have come further are taken in anew, once for all entries. */
  async #makeGood(passed: Cursor): Promise<void> {
    if (this.#stopped || positionAt(passed) <= positionAt(this.#readThrough)) return;
    const end = this.#options.journal.feedEnd();
    try {
      for await (const { heads } of this.#pages(false)) {
        for (const stream of this.projection.load(heads)) await this.#reread(stream);
        await turnOfTheLoop();
      }
    } catch (error) {
      // Nobody asks it any more.
      if (this.#stopped) return;
      throw error;
    }
    this.#readThrough = end;
  }

  /** One stream after the other, behind everything else that the system does. */
  async #complete(outdated: readonly string[]): Promise<void> {
    for (const stream of outdated) {
      if (this.#stopped) return;
      await this.#reread(stream).catch(() => undefined);
    }
  }

  /** A stream that cannot be read is reported, and its row stays as it is: it must not hold up all others. */
  async #reread(stream: string): Promise<void> {
    try {
      await this.projection.reread(stream);
    } catch (error) {
      const { name } = this.projection;
      this.#options.telemetry('projection.incomplete', { name, stream, problem: toError(error).message });
      if (HoldfastError.is(error) && error.retryable) throw error;
    }
  }

  #assertRunning(): void {
    if (this.#stopped) throw notServing();
  }
}

export function notServing(): HoldfastError {
  return new HoldfastError('SYSTEM_NOT_SERVING', { status: 'draining' });
}
