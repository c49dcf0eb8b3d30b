// All that was asked and all that was answered, kept where no kill reaches it.
import type { Order } from './order.ts';
import type { Answer, Refused } from './protocol.ts';

export interface Entry {
  readonly order: Order;
  /** Undefined while nobody knows. */
  outcome: { readonly answer: Answer } | { readonly code: string } | undefined;
}

/** How orders may be refused: another client has paused or hibernated the session. */
const lawful: ReadonlySet<string> = new Set(['SESSION_NOT_ACTIVE', 'INVALID_TRANSITION']);

export class OrderBook {
  readonly entries = new Map<string, Entry>();
  /** The ids of the sessions whose creation was acknowledged. */
  readonly sessions: string[] = [];
  /** Answers that nothing explains. */
  readonly strange: string[] = [];
  acknowledged = 0;
  refused = 0;
  /** Answers from the record of an earlier call. */
  repeated = 0;

  add(order: Order): void {
    this.entries.set(order.call.key, { order, outcome: undefined });
  }

  answer(key: string, answer: Answer): void {
    const order = this.#settle(key, { answer });
    this.acknowledged += 1;
    if (answer.repeated === true) this.repeated += 1;
    if (order?.call.operation === 'sessions.create' && answer.sessionId !== undefined)
      this.sessions.push(answer.sessionId);
  }

  refuse({ key, code, message }: Refused): void {
    this.#settle(key, { code });
    this.refused += 1;
    if (!lawful.has(code)) this.strange.push(`${key} was refused with ${code}: ${message}`);
  }

  #settle(key: string, outcome: NonNullable<Entry['outcome']>): Order | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) this.strange.push(`${key} was answered, and nobody has asked it`);
    else if (entry.outcome !== undefined) this.strange.push(`${key} was answered twice`);
    else entry.outcome = outcome;
    return entry?.order;
  }
}
