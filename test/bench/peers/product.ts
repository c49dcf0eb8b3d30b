// Holdfast's side of every comparison: messages that are sent through the Client, spread over many sessions.
import { join } from 'node:path';
import { createSystem, HoldfastError, type System } from 'holdfast';
import { inFlight } from '../measure.ts';
import { type Cost, timed } from './alternating.ts';
import { PeerMissing } from './installed.ts';

/** About what an agent's message weighs, 90 bytes: both sides are sent the same. */
export const content =
  'The quick brown fox jumps over the lazy dog while the agent waits for its tool to answer. '.slice(0, 90);

export const fsynced = 'fsync before the answer (LevelDB, one synced batch for all that waits)';

export const stores =
  'Holdfast stores a record of each message with its hash chain, the head of its session and a feed entry; the session keeps its last 100 messages in memory';

export class Product {
  readonly #system: System;
  readonly #sessions: number;

  static async open(directory: string, sessions: number): Promise<Product> {
    const system = await createSystem({ location: join(directory, 'holdfast') });
    const product = new Product(system, sessions);
    await product.#create(sessions, (sessionId) => ({ sessionId }));
    return product;
  }

  private constructor(system: System, sessions: number) {
    this.#system = system;
    this.#sessions = sessions;
  }

  /** Fsynced messages, spread over the sessions. */
  send(count: number, width: number): Promise<Cost> {
    return timed(count, width, (i) => this.#send(`s${i % this.#sessions}`));
  }

  /** Opens sessions that are not journaled, for `sendUnjournaled`. */
  async openUnjournaled(count: number): Promise<void> {
    const input = (sessionId: string) => ({ sessionId, durability: 'none' as const });
    try {
      await this.#system.client.sessions.create(input('probe'));
    } catch (error) {
      if (!(error instanceof HoldfastError && error.code === 'INVALID_INPUT')) throw error;
      throw new PeerMissing("sessions.create takes no durability 'none' in this build of Holdfast");
    }
    await this.#create(count, (sessionId) => input(`unjournaled-${sessionId}`));
  }

  sendUnjournaled(count: number, width: number, sessions: number): Promise<Cost> {
    return timed(count, width, (i) => this.#send(`unjournaled-s${i % sessions}`));
  }

  close(): Promise<void> {
    return this.#system.close();
  }

  #send(sessionId: string): Promise<unknown> {
    return this.#system.client.messages.send({ sessionId, role: 'user', content });
  }

  async #create(count: number, input: (sessionId: string) => { sessionId: string }): Promise<void> {
    await inFlight(count, 256, (i) => this.#system.client.sessions.create(input(`s${i}`)));
  }
}
