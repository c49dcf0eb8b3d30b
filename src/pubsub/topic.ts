// The listeners of one topic: joining and leaving cost the same however many there are, and a message that is published
// while another is being heard is heard behind it, by all in the same order.

interface Member<Message> {
  readonly hear: (message: Message) => void;
  hasLeft: boolean;
}

/** A listener that publishes on hearing has no end: what comes after so many messages is refused to it. */
const longestChain = 1_024;

export class Topic<Message> {
  readonly #members = new Set<Member<Message>>();
  /** Who hears the next message, in order; undefined when somebody has joined or left since. */
  #audience: readonly Member<Message>[] | undefined = [];
  #behind: Message[] | undefined;

  get size(): number {
    return this.#members.size;
  }

  /** From the next message on. The listener must not throw. */
  join(hear: (message: Message) => void): () => void {
    const member = { hear, hasLeft: false };
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
    if (this.#behind !== undefined) {
      if (this.#behind.length >= longestChain)
        throw new RangeError('Listeners publish to each other without end');
      this.#behind.push(message);
      return;
    }
    const behind = [message];
    this.#behind = behind;
    try {
      // It grows while it is gone through.
      for (const next of behind) this.#deliver(next);
    } finally {
      this.#behind = undefined;
    }
  }

  #deliver(message: Message): void {
    this.#audience ??= [...this.#members];
    for (const member of this.#audience) if (!member.hasLeft) member.hear(message);
  }
}
