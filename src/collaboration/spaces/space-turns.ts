// What one session asks of one space takes effect in the order in which it was sent, awaited or not: whatever a call reads or notes
// before its command, it finds what those before it have left.
import { SerialByKey } from '../../base/serial.ts';

/** A session, and the space in which its turn comes; what is asked in nobody's name is in turn with its like. */
export interface Taker {
  readonly spaceId: string;
  readonly sessionId: string | undefined;
}

export class SpaceTurns {
  readonly #serial = new SerialByKey();

  /** The whole of `job`, behind all that was sent before it. */
  whole<T>(taker: Taker, job: () => Promise<T>): Promise<T> {
    return this.#serial.run(keyOf(taker), job);
  }

  /** Behind all that was sent before it, and no longer than until its command is sent: those behind it do not wait for the disk. */
  async sending<T>(taker: Taker, send: () => Promise<{ readonly answer: Promise<T> }>): Promise<T> {
    const { answer } = await this.#serial.run(keyOf(taker), send);
    return answer;
  }
}

const keyOf = ({ spaceId, sessionId }: Taker): string => `${sessionId ?? ''}/${spaceId}`;
