// All readers of a system: those of one topic share a source, which comes with the first and goes with the last. Nothing
// here keeps a reader alive that its user has let go: one that is never ended is collected, and gives back what it held.
import type { Telemetry } from '../base/telemetry.ts';
import { EventReader } from './event-reader.ts';
import type { LiveSource } from './live-source.ts';

export interface ReadOptions<Item, Source extends LiveSource<Item>> {
  readonly topic: string;
  /** Makes the source of the topic when there is none. All sources of a topic are of one kind. */
  readonly open: () => Source;
  /** Where to begin; it may refuse. */
  readonly start: (source: Source) => string | Promise<string>;
  readonly wants?: ((item: Item) => boolean) | undefined;
  /** Ends the reader, which then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Ends the reader in silence. */
  readonly closing?: AbortSignal | undefined;
}

interface Shared<Item> {
  readonly source: LiveSource<Item>;
  readers: number;
}

type Endable = Pick<EventReader<unknown>, 'end' | 'fail'>;
type End = (reader: Endable) => void;

export class EventReaders<Item> {
  readonly #telemetry: Telemetry;
  readonly #shared = new Map<string, Shared<Item>>();
  readonly #endings = new Endings();
  readonly #abandoned = new FinalizationRegistry<() => void>((release) => release());

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
  }

  /** Topics that somebody reads. */
  get size(): number {
    return this.#shared.size;
  }

  read<Source extends LiveSource<Item>>(options: ReadOptions<Item, Source>): EventReader<Item> {
    const { topic, start, wants = () => true, signal, closing } = options;
    const telemetry = this.#telemetry;
    const shared = this.#join(topic, options.open);
    const source = shared.source as Source;
    const forget: (() => void)[] = [];
    // It must not know the reader, or the reader would never be collected.
    const release = once(() => {
      this.#leave(topic, shared);
      for (const each of forget) each();
    });
    const reader = new EventReader<Item>({
      source,
      start: () => start(source),
      wants,
      lagged: (dropped) => telemetry('subscriber.lagged', { topic, dropped }),
      release,
    });
    this.#abandoned.register(reader, release);
    const ref = new WeakRef<Endable>(reader);
    if (signal !== undefined) forget.push(this.#endings.add(signal, ref, failWith(signal)));
    if (closing !== undefined) forget.push(this.#endings.add(closing, ref, endQuietly));
    return reader;
  }

  #join(topic: string, open: () => LiveSource<Item>): Shared<Item> {
    const shared = this.#shared.get(topic) ?? { source: open(), readers: 0 };
    this.#shared.set(topic, shared);
    shared.readers += 1;
    return shared;
  }

  #leave(topic: string, shared: Shared<Item>): void {
    shared.readers -= 1;
    if (shared.readers > 0) return;
    shared.source.close();
    if (this.#shared.get(topic) === shared) this.#shared.delete(topic);
  }
}

const endQuietly: End = (reader) => reader.end();
const failWith =
  (signal: AbortSignal): End =>
  (reader) =>
    reader.fail(signal.reason);

function once(task: () => void): () => void {
  let ran = false;
  return () => {
    if (ran) return;
    ran = true;
    task();
  };
}

/** One listener per signal, however many readers it ends; it holds none of them. */
class Endings {
  readonly #bySignal = new WeakMap<AbortSignal, Map<WeakRef<Endable>, End>>();

  /** Returns how to forget the reader. */
  add(signal: AbortSignal, ref: WeakRef<Endable>, end: End): () => void {
    const reader = ref.deref();
    if (signal.aborted && reader !== undefined) {
      end(reader);
      return () => {};
    }
    const readers = this.#bySignal.get(signal) ?? this.#watch(signal);
    readers.set(ref, end);
    return () => void readers.delete(ref);
  }

  #watch(signal: AbortSignal): Map<WeakRef<Endable>, End> {
    const readers = new Map<WeakRef<Endable>, End>();
    this.#bySignal.set(signal, readers);
    const endAll = (): void => {
      for (const [ref, end] of [...readers]) {
        const reader = ref.deref();
        if (reader !== undefined) end(reader);
      }
    };
    signal.addEventListener('abort', endAll, { once: true });
    return readers;
  }
}
