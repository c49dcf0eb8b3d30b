// A client: keeps a few orders under way, and asks again, under the same key and in the same order, what was not answered.
import { seededRandom } from '../harness.ts';
import type { Order } from './order.ts';
import type { OrderBook } from './order-book.ts';
import type { Call } from './protocol.ts';

/** Orders that a client has under way at once. */
const windowSize = 4;
const mostSessions = 400;
const words =
  'flight seat refund Tuesday könnten 航班 ✈️ 👩‍💻 \u2028 \\ " \u0000 change cancel economy the a my'.split(
    ' ',
  );

export class TortureClient {
  readonly #index: number;
  readonly #random: () => number;
  readonly #book: OrderBook;
  /** By key, in the order in which they were first sent. */
  readonly #open = new Map<string, Order>();
  /** What has to follow, such as the end of a pause. */
  readonly #next: ((key: string) => Call)[] = [];
  #count = 0;

  constructor(index: number, seed: number, book: OrderBook) {
    this.#index = index;
    this.#random = seededRandom(seed + 1 + index * 7919);
    this.#book = book;
  }

  /** What is not answered. */
  get open(): Iterable<Order> {
    return this.#open.values();
  }

  settle(key: string): void {
    this.#open.delete(key);
  }

  /** New orders, until the window is full. */
  *orders(): Generator<Order> {
    while (this.#open.size < windowSize) {
      this.#count += 1;
      const key = `c${this.#index}-${this.#count}`;
      const call = this.#next.shift()?.(key) ?? this.#call(key);
      const order = { call, client: this.#index, number: this.#count };
      this.#open.set(key, order);
      this.#book.add(order);
      yield order;
    }
  }

  #call(key: string): Call {
    const { sessions } = this.#book;
    const sessionId = this.#session();
    const kind = this.#random();
    if (sessionId === undefined || (kind < 0.02 && sessions.length < mostSessions)) return this.#create(key);
    if (kind < 0.62) return this.#message(key, sessionId);
    if (kind < 0.74) return this.#memory(key, sessionId);
    if (kind < 0.8)
      return {
        key,
        operation: 'files.add',
        input: { sessionId, path: `src/${key}.ts`, metadata: { by: key } },
      };
    if (kind < 0.84)
      return {
        key,
        operation: 'files.index',
        input: { sessionId, path: `doc/${this.#below(9)}`, metadata: { by: key } },
      };
    if (kind < 0.9) return this.#toolCall(key, sessionId);
    if (kind < 0.94)
      return { key, operation: 'sessions.configure', input: { sessionId, metadata: { by: key } } };
    if (kind < 0.97) return { key, operation: 'sessions.hibernate', input: { sessionId, reason: key } };
    this.#next.push((later) => ({
      key: later,
      operation: 'sessions.resume',
      input: { sessionId, reason: later },
    }));
    return { key, operation: 'sessions.pause', input: { sessionId, reason: key } };
  }

  /** Half of all orders go to a few sessions, which so become long and are wanted by several clients at once. */
  #session(): string | undefined {
    const { sessions } = this.#book;
    const among = this.#random() < 0.5 ? Math.min(8, sessions.length) : sessions.length;
    return sessions[this.#below(among)];
  }

  /** With an id of its own, or one that the system derives from the key. */
  #create(key: string): Call {
    const named = this.#random() < 0.5 ? { sessionId: `session-${key}` } : {};
    return {
      key,
      operation: 'sessions.create',
      input: { ...named, name: `of ${key}`, metadata: { by: key } },
    };
  }

  #message(key: string, sessionId: string): Call {
    const kind = this.#random();
    const message =
      kind < 0.2
        ? {
            role: 'assistant' as const,
            content: null,
            toolCalls: [{ id: key, function: { arguments: this.#text(20) } }],
          }
        : kind < 0.3
          ? { role: 'tool' as const, content: '', toolCallId: key, name: 'search' }
          : { role: 'user' as const, content: this.#text(kind > 0.99 ? 8_000 : 60) };
    return { key, operation: 'messages.send', input: { sessionId, ...message, metadata: { by: key } } };
  }

  #memory(key: string, sessionId: string): Call {
    const value = { by: key, text: this.#text(20) };
    return { key, operation: 'memory.set', input: { sessionId, key: `note ${this.#below(20)}`, value } };
  }

  #toolCall(key: string, sessionId: string): Call {
    const data = { tool: 'search', toolCallId: key, parameters: { text: this.#text(10) } };
    return { key, operation: 'events.publish', input: { sessionId, type: 'tool.called', data } };
  }

  #text(length: number): string {
    return Array.from({ length: 1 + this.#below(length) }, () => words[this.#below(words.length)]).join(' ');
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}
