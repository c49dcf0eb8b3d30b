// All readers of a system: those of one topic share a source, which comes with the first and goes with the last. Nothing
// here keeps a reader alive that its user has let go: one that is never ended is collected, and gives back what it held.
import type { Telemetry } from '../base/telemetry.ts';
import { EventReader, type ReaderMembership } from './event-reader.ts';
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

type Endable = Pick<EventReader<unknown>, 'end' | 'fail'>;
type End = (reader: Endable, signal: AbortSignal) => void;

export class EventReaders<Item> {
  readonly #telemetry: Telemetry;
  readonly #topics = new Map<string, ReadTopic<Item>>();
  readonly #failing = new Endings((reader, signal) => reader.fail(signal.reason));
  readonly #closing = new Endings((reader) => reader.end());
  readonly #abandoned = new FinalizationRegistry<ReaderMembership>((membership) => membership.release());

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
  }

  /** Topics that somebody reads. */
  get size(): number {
    return this.#topics.size;
  }

  read<Source extends LiveSource<Item>>(options: ReadOptions<Item, Source>): EventReader<Item> {
    const { start, wants, signal, closing } = options;
    const topic = this.#join(options.topic, options.open);
    const source = topic.source as Source;
    const membership = new Membership(topic);
    const reader = new EventReader<Item>({ source, start: () => start(source), wants, membership });
    this.#abandoned.register(reader, membership);
    if (signal !== undefined) membership.endsWith(this.#failing.of(signal), reader);
    if (closing !== undefined) membership.endsWith(this.#closing.of(closing), reader);
    return reader;
  }

  #join(name: string, open: () => LiveSource<Item>): ReadTopic<Item> {
    const topic = this.#topics.get(name) ?? this.#open(name, open());
    topic.readers += 1;
    return topic;
  }

  #open(name: string, source: LiveSource<Item>): ReadTopic<Item> {
    const topic: ReadTopic<Item> = {
      source,
      readers: 0,
      lagged: (dropped) => this.#telemetry('subscriber.lagged', { topic: name, dropped }),
      leave: () => {
        topic.readers -= 1;
        if (topic.readers > 0) return;
        source.close();
        if (this.#topics.get(name) === topic) this.#topics.delete(name);
      },
    };
    this.#topics.set(name, topic);
    return topic;
  }
}

interface ReadTopic<Item> {
  readonly source: LiveSource<Item>;
  readers: number;
  readonly lagged: (dropped: number) => void;
  readonly leave: () => void;
}

/** What a reader takes part in until it ends. It must not know the reader, or the reader would never be collected. */
class Membership implements ReaderMembership {
  readonly #topic: Pick<ReadTopic<unknown>, 'lagged' | 'leave'>;
  #ref: WeakRef<Endable> | undefined;
  #endings: readonly Ending[] = [];
  #isOver = false;

  constructor(topic: Pick<ReadTopic<unknown>, 'lagged' | 'leave'>) {
    this.#topic = topic;
  }

  endsWith(ending: Ending, reader: Endable): void {
    if (this.#isOver) return;
    if (ending.isOver) {
      ending.end(reader);
      return;
    }
    this.#ref ??= new WeakRef(reader);
    ending.refs.add(this.#ref);
    this.#endings = [...this.#endings, ending];
  }

  lagged(dropped: number): void {
    this.#topic.lagged(dropped);
  }

  release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const { refs } of this.#endings) if (this.#ref !== undefined) refs.delete(this.#ref);
    this.#topic.leave();
  }
}

/** The readers that a signal ends, by one listener however many they are; it holds none of them. */
class Ending {
  readonly refs = new Set<WeakRef<Endable>>();
  readonly #signal: AbortSignal;
  readonly #end: End;

  constructor(signal: AbortSignal, end: End) {
    this.#signal = signal;
    this.#end = end;
    signal.addEventListener('abort', () => this.#endAll(), { once: true });
  }

  get isOver(): boolean {
    return this.#signal.aborted;
  }

  end(reader: Endable): void {
    this.#end(reader, this.#signal);
  }

  #endAll(): void {
    for (const ref of [...this.refs]) {
      const reader = ref.deref();
      if (reader !== undefined) this.end(reader);
    }
  }
}

class Endings {
  readonly #end: End;
  readonly #bySignal = new WeakMap<AbortSignal, Ending>();

  constructor(end: End) {
    this.#end = end;
  }

  of(signal: AbortSignal): Ending {
    const ending = this.#bySignal.get(signal) ?? new Ending(signal, this.#end);
    this.#bySignal.set(signal, ending);
    return ending;
  }
}
