// The streams of which no feed tells: what changed is noted at once, and taken in together, at the latest before an answer.
// Their heads are in memory and say all that a row shows.
import type { Head } from '../journal/journal.ts';

export interface UnjournaledHeads {
  /** Calls back with each stream that changes. */
  watch(changed: (stream: string) => void): () => void;
  peek(stream: string): Head | undefined;
}

export class Unjournaled {
  readonly #heads: UnjournaledHeads;
  readonly #takeIn: () => void;
  readonly #stop: () => void;
  readonly #changed = new Set<string>();
  /** Those that changed while a model was being built that does not follow them yet. */
  #missed: Set<string> | undefined;
  #isScheduled = false;

  /** `takeIn` is called once per turn of the event loop in which something changed. */
  constructor(heads: UnjournaledHeads, takeIn: () => void) {
    this.#heads = heads;
    this.#takeIn = takeIn;
    this.#stop = heads.watch((stream) => this.#note(stream));
  }

  /** Hands out what has changed since the last call, as it stands now. */
  flush(place: (stream: string, head: Head | undefined) => void): void {
    if (this.#changed.size === 0) return;
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const stream of changed) place(stream, this.#heads.peek(stream));
  }

  beginBuild(): void {
    this.#missed = new Set();
  }

  /** What changed meanwhile is handed out once more, to the model that was built. */
  endBuild(): void {
    for (const stream of this.#missed ?? []) this.#changed.add(stream);
    this.#missed = undefined;
  }

  /** What changes from now on is nobody's business, nor what changed before. */
  stop(): void {
    this.#stop();
    this.#changed.clear();
  }

  #note(stream: string): void {
    this.#changed.add(stream);
    this.#missed?.add(stream);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#takeIn();
    });
  }
}
