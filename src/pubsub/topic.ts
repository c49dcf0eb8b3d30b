// The listeners of one topic: joining and leaving cost the same however many there are, and a message that is published
// while another is being heard is heard behind it, by all in the same order. What a listener throws, now or later, is told
// to `failed` and to nobody else.
import { toError } from '../base/errors.ts';

interface Member<Message> {
  readonly listener: (message: Message) => unknown;
  hasLeft: boolean;
}

/** A listener that publishes on hearing has no end: what comes after so many messages is refused to it. */
const longestChain = 1_024;

export class Topic<Message> {
  readonly #failed: (problem: string) => void;
  readonly #members = new Set<Member<Message>>();
  /** Who hears the next message, in order; undefined when somebody has joined or left since. */
  #audience: readonly Member<Message>[] | undefined = [];
  #isHeard = false;
  /** What was published meanwhile. */
  #behind: Message[] = [];

  constructor(failed: (problem: string) => void) {
    this.#failed = failed;
  }

  get size(): number {
    return this.#members.size;
  }

  /** From the next message on. */
  join(listener: (message: Message) => unknown): () => void {
    const member = { listener, hasLeft: false };
    this.#members.add(member);
    this.#audience = undefined;
    return () => {
      member.hasLeft = true;
      if (this.#members.delete(member)) this.#audience = undefined;
    };
  }

  clear(): void {
    for (const member of this.#members) member.hasLeft = true;
    this.#members.clear();
    this.#audience = [];
  }

  publish(message: Message): void {
    if (this.#isHeard) {
      this.#publishBehind(message);
      return;
    }
    this.#isHeard = true;
    try {
      this.#deliver(message);
      // It grows while it is gone through.
      if (this.#behind.length > 0) for (const next of this.#behind) this.#deliver(next);
    } finally {
      this.#isHeard = false;
      if (this.#behind.length > 0) this.#behind = [];
    }
  }

  #publishBehind(message: Message): void {
    if (this.#behind.length >= longestChain - 1)
      throw new RangeError('Listeners publish to each other without end');
    this.#behind.push(message);
  }

  #deliver(message: Message): void {
    this.#audience ??= [...this.#members];
    for (const member of this.#audience) if (!member.hasLeft) this.#hear(member, message);
  }

  #hear({ listener }: Member<Message>, message: Message): void {
    try {
      const result = listener(message);
      // Also what only looks like a promise, as those of other libraries do, may be rejected.
      if (result !== undefined && isThenable(result)) Promise.resolve(result).then(undefined, this.#fail);
    } catch (error) {
      this.#fail(error);
    }
  }

  readonly #fail = (error: unknown): void => this.#failed(toError(error).message);
}

const isThenable = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
