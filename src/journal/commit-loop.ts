// The single writer: takes all that waits, streams in turn, and makes it durable with one batch and at most one fsync.
import { toError } from '../base/errors.ts';
import type { StoredEvent } from './journal.ts';

export interface Write {
  readonly key: string;
  /** Undefined deletes the key. */
  readonly value: string | undefined;
}

/** What a group commit has reached as a whole. */
export type Reached = 'fsync' | 'os';

/** One append on its way: all of its writes or none become durable. */
export interface PendingCommit {
  readonly stream: string;
  readonly writes: readonly Write[];
  readonly bytes: number;
  readonly events: readonly StoredEvent[];
  /** False when it is enough that the operating system has it. */
  readonly needsSync: boolean;
  /** Its writes have been copied into the batch: they need not wait for the disk in memory twice. */
  forgetWrites?(): void;
  committed(reached: Reached): void;
  /** The batch was handed to the disk and failed: it may be there or not. */
  failed(cause: Error): void;
  /** It was never handed to the disk. */
  dropped(cause: Error): void;
}

export interface CommitLoopOptions {
  /** Writes one atomic batch, synced when one of the group needs it. */
  readonly write: (group: readonly PendingCommit[]) => Promise<Reached>;
  /** Called once, after a failed write and before its commits are told. The loop takes nothing until {@link resume}. */
  readonly onFailure: (cause: Error) => void;
  /** A group takes no further append beyond so many bytes. */
  readonly groupBytes: number;
}

/** A group takes no more appends than these: those of one are answered, and send again, while the disk has the next. */
const groupAppends = 128;

export class CommitLoop {
  readonly #options: CommitLoopOptions;
  /** What waits, by stream: nearly always one append, else several in order. */
  #queue = new Map<string, PendingCommit | PendingCommit[]>();
  #backlogBytes = 0;
  #running: Promise<void> | undefined;
  #stopped: Error | undefined;

  constructor(options: CommitLoopOptions) {
    this.#options = options;
  }

  get backlogBytes(): number {
    return this.#backlogBytes;
  }

  add(commit: PendingCommit): void {
    if (this.#stopped !== undefined) {
      commit.dropped(this.#stopped);
      return;
    }
    const waiting = this.#queue.get(commit.stream);
    if (waiting === undefined) this.#queue.set(commit.stream, commit);
    else if (Array.isArray(waiting)) waiting.push(commit);
    else this.#queue.set(commit.stream, [waiting, commit]);
    this.#backlogBytes += commit.bytes;
    this.#running ??= this.#run();
  }

  /** Resolves when all that was added before has settled. */
  async drain(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  resume(): void {
    this.#stopped = undefined;
  }

  /** Refuses what comes from now on, and drops what still waits. */
  stop(cause: Error): void {
    this.#stopped = cause;
    const waiting = [...this.#queue.values()].flat();
    this.#queue = new Map();
    this.#backlogBytes = 0;
    for (const commit of waiting) commit.dropped(cause);
  }

  async #run(): Promise<void> {
    await null;
    let durable: readonly PendingCommit[] = [];
    let reached: Reached = 'fsync';
    while (this.#queue.size > 0) {
      const group = this.#gather();
      const written = this.#options.write(group);
      for (const commit of durable) commit.committed(reached);
      durable = [];
      try {
        reached = await written;
      } catch (error) {
        this.#fail(group, toError(error));
        break;
      }
      if (this.#queue.size > 0) durable = group;
      else await this.#answerAll(group, reached);
    }
    this.#running = undefined;
  }

  /** Nothing waits: those who are answered now may send again before the next group is gathered. */
  async #answerAll(group: readonly PendingCommit[], reached: Reached): Promise<void> {
    for (const commit of group) commit.committed(reached);
    await turnOfTheLoop();
  }

  #fail(group: readonly PendingCommit[], cause: Error): void {
    this.#options.onFailure(cause);
    for (const commit of group) commit.failed(cause);
    this.stop(cause);
  }

  /** One append of each stream in turn, until nothing waits or the group is full. */
  #gather(): PendingCommit[] {
    const group: PendingCommit[] = [];
    let bytes = 0;
    for (const [stream, waiting] of this.#queue) {
      const commit = Array.isArray(waiting) ? waiting.shift() : waiting;
      this.#queue.delete(stream);
      if (commit === undefined) continue;
      if (Array.isArray(waiting) && waiting.length > 0) this.#queue.set(stream, waiting);
      group.push(commit);
      bytes += commit.bytes;
      if (bytes >= this.#options.groupBytes || group.length === groupAppends) break;
    }
    this.#backlogBytes -= bytes;
    return group;
  }
}

/** Lets those who were just answered send again, so that their next append joins the next group. */
function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
