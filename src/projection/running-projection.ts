// A projection at work: built from heads, kept up by the feed, and built again on demand beside the one that answers,
// which it replaces once it knows as much. Readers never wait for a rebuild and never see a half-built model.
import { HoldfastError, toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { Cursor, FeedEntry, Head, Journal } from '../journal/journal.ts';
import type { ProjectionInfo } from '../operations/views.ts';
import type { Projection } from './projection.ts';
import { Unjournaled, type UnjournaledHeads } from './unjournaled.ts';

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
}) => Following;

export interface RunningProjectionOptions<P extends Projection> {
  /** Makes an empty one. */
  readonly create: () => P;
  readonly journal: Pick<Journal, 'list' | 'feedEnd' | 'readAll'>;
  readonly follow: Follow;
  /** The streams of which the feed does not tell. */
  readonly unjournaled: UnjournaledHeads;
  readonly telemetry: Telemetry;
}

/** One built model, from its first head to its successor. */
interface Generation<P> {
  readonly projection: P;
  readonly following: Following;
  /** Settles when all streams whose heads said too little were read, or it was stopped. */
  readonly completed: Promise<void>;
  stopped: boolean;
}

const lagLimit = 1_000;

export class RunningProjection<P extends Projection = Projection> {
  readonly #options: RunningProjectionOptions<P>;
  /** What is being loaded before it begins. */
  readonly #loading: { readonly projection: P; readonly outdated: string[] };
  readonly #unjournaled: Unjournaled;
  #generation: Generation<P> | undefined;
  #rebuilding: Promise<void> | undefined;
  #stopped = false;

  constructor(options: RunningProjectionOptions<P>) {
    this.#options = options;
    this.#loading = { projection: options.create(), outdated: [] };
    this.#unjournaled = new Unjournaled(options.unjournaled, () => this.#takeIn());
  }

  get name(): string {
    return this.#current.name;
  }

  get #current(): P {
    return this.#generation?.projection ?? this.#loading.projection;
  }

  /** Takes in a page of heads at boot. */
  load(heads: readonly Head[]): void {
    const { projection, outdated } = this.#loading;
    for (const stream of loadInto(projection, heads)) outdated.push(stream);
  }

  /** All heads are there; the feed is followed from where it ended before the first of them was read. */
  begin(from: Cursor): void {
    const { projection, outdated } = this.#loading;
    this.#generation = this.#start(projection, from, outdated.splice(0));
    projection.serve();
  }

  /** The projection, once it has taken in all that was durable when this was called. */
  async caughtUp(): Promise<P> {
    for (;;) {
      const generation = this.#generation;
      await generation?.following.catchUp();
      if (generation !== this.#generation) continue;
      this.#takeIn();
      return this.#current;
    }
  }

  #takeIn(): void {
    const projection = this.#current;
    this.#unjournaled.flush((stream, head) => {
      if (stream.startsWith(projection.prefix)) projection.place(stream, head);
    });
  }

  /** Builds it again from the journal. Calls that come while it is being built wait for the same one. */
  rebuild(): Promise<void> {
    this.#rebuilding ??= this.#rebuild().finally(() => {
      this.#rebuilding = undefined;
    });
    return this.#rebuilding;
  }

  async info(): Promise<ProjectionInfo> {
    const { name, version, rows, incomplete } = this.#current;
    const position = this.#generation?.following.position ?? null;
    const { journal } = this.#options;
    const behind = position === journal.feedEnd() ? [] : await journal.readAll(position, lagLimit);
    const rebuilding = this.#rebuilding !== undefined;
    return { name, version, rows, incomplete, position, lag: behind.length, rebuilding };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unjournaled.stop();
    await Promise.all([this.#end(this.#generation), this.#rebuilding?.catch(() => undefined)]);
  }

  async #rebuild(): Promise<void> {
    const { create, journal } = this.#options;
    const projection = create();
    let next: Generation<P> | undefined;
    try {
      const from = journal.feedEnd();
      this.#unjournaled.beginBuild();
      const outdated = await this.#loadAll(projection);
      next = this.#start(projection, from, outdated);
      await next.completed;
      await next.following.catchUp();
      this.#assertRunning();
    } catch (error) {
      this.#unjournaled.endBuild();
      await this.#end(next);
      projection.reset();
      throw error;
    }
    const last = this.#generation;
    this.#generation = next;
    this.#unjournaled.endBuild();
    this.#takeIn();
    projection.serve();
    await this.#end(last);
    last?.projection.reset();
  }

  async #loadAll(projection: P): Promise<readonly string[]> {
    const outdated: string[] = [];
    const { prefix } = projection;
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      this.#assertRunning();
      const page = await this.#options.journal.list({
        prefix,
        lazy: true,
        ...(after !== undefined && { after }),
      });
      for (const stream of loadInto(projection, page.heads)) outdated.push(stream);
      after = page.next;
    }
    return outdated;
  }

  #start(projection: P, from: Cursor, outdated: readonly string[]): Generation<P> {
    let position: Cursor | null = from;
    const following = this.#options.follow({
      name: `projection ${projection.name}`,
      load: () => position,
      handle: async (entries, to) => {
        for (const stream of projection.apply(entries)) await this.#reread(projection, stream);
        position = to;
      },
    });
    const generation = { projection, following, stopped: false, completed: Promise.resolve() };
    return Object.assign(generation, { completed: this.#complete(generation, outdated) });
  }

  /** One stream after the other, behind everything else that the system does. */
  async #complete(
    generation: Pick<Generation<P>, 'projection' | 'stopped'>,
    outdated: readonly string[],
  ): Promise<void> {
    for (const stream of outdated) {
      if (generation.stopped || this.#stopped) return;
      await this.#reread(generation.projection, stream).catch(() => undefined);
    }
  }

  /** A stream that cannot be read is reported, and its row stays as it is: it must not hold up all others. */
  async #reread(projection: P, stream: string): Promise<void> {
    try {
      await projection.reread(stream);
    } catch (error) {
      const { message } = toError(error);
      this.#options.telemetry('projection.incomplete', { name: projection.name, stream, problem: message });
      if (HoldfastError.is(error) && error.retryable) throw error;
    }
  }

  async #end(generation: Generation<P> | undefined): Promise<void> {
    if (generation === undefined) return;
    generation.stopped = true;
    await generation.following.stop();
    await generation.completed;
  }

  #assertRunning(): void {
    if (this.#stopped) throw new HoldfastError('SYSTEM_NOT_SERVING', { status: 'draining' });
  }
}

function loadInto(projection: Projection, heads: readonly Head[]): readonly string[] {
  return projection.load(heads.filter(({ stream }) => stream.startsWith(projection.prefix)));
}
