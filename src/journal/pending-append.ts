// An append on its way to the disk: it moves its stream's durable head when it gets there, and tells whoever sent it.
import type { PendingCommit, Reached, Write } from './commit-loop.ts';
import type { LiveHead } from './head/stream-heads.ts';
import type { Append, Head, StoredEvent } from './journal.ts';
import { notCommitted } from './journal-errors.ts';

interface AppendOnItsWay {
  readonly live: LiveHead;
  /** The stream's once it is durable. */
  readonly head: Head;
  readonly writes: readonly Write[];
  readonly bytes: number;
  readonly events: readonly StoredEvent[];
  readonly needsSync: boolean;
  readonly resolve: (append: Append) => void;
  readonly reject: (error: Error) => void;
}

const none: readonly Write[] = [];

export class PendingAppend implements PendingCommit {
  readonly bytes: number;
  readonly events: readonly StoredEvent[];
  readonly needsSync: boolean;
  writes: readonly Write[];
  readonly #live: LiveHead;
  readonly #head: Head;
  readonly #resolve: (append: Append) => void;
  readonly #reject: (error: Error) => void;

  constructor({ live, head, writes, bytes, events, needsSync, resolve, reject }: AppendOnItsWay) {
    this.writes = writes;
    this.bytes = bytes;
    this.events = events;
    this.needsSync = needsSync;
    this.#live = live;
    this.#head = head;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get stream(): string {
    return this.#head.stream;
  }

  forgetWrites(): void {
    this.writes = none;
  }

  committed(durability: Reached): void {
    this.#live.durable = this.#head;
    this.#live.waiting -= 1;
    this.#resolve({ ok: true, head: this.#head, durability });
  }

  failed(cause: Error): void {
    this.#resolve({ ok: false, reason: 'unknown', cause });
  }

  dropped(cause: Error): void {
    this.#reject(notCommitted('An append', this.stream, cause));
  }
}
