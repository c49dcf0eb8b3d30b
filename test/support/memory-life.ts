// The memories of a session without a system: commands are decided and their events applied as an entity does it, deadlines first;
// payloads are erased as the journal does it.
import type { LawEvent } from '../../src/domain/law.ts';
import { defaultPromotion, type PromotionPolicy } from '../../src/domain/memory/memory-confidence.ts';
import type { MemoryCommand } from '../../src/domain/memory/memory-decisions.ts';
import { memoriesLaw, memoriesStream } from '../../src/domain/memory/memory-law.ts';
import type { MemoriesState } from '../../src/domain/memory/memory-state.ts';

const stream = memoriesStream('s');

export type Told = Readonly<Record<string, unknown>> & { readonly code?: string };

export class MemoryLife {
  readonly #law: ReturnType<typeof memoriesLaw>;
  readonly events: LawEvent[] = [];
  state: MemoriesState;

  constructor(policy: Partial<PromotionPolicy> = {}) {
    this.#law = memoriesLaw({ ...defaultPromotion, ...policy });
    this.state = this.#law.initial(stream);
  }

  /** What it answers, or the code of the refusal. */
  send(command: MemoryCommand, at: number): Told {
    this.pass(at);
    return this.#run(command, at);
  }

  /** What is due by then happens. */
  pass(at: number): void {
    for (let due = this.#law.due(this.state, at); due; due = this.#law.due(this.state, at)) {
      const before = this.events.length;
      this.#run(due, at);
      if (this.events.length === before) throw new Error('what is due changes nothing');
    }
  }

  erase(seqs: readonly number[], at: number): void {
    for (const seq of seqs) {
      const index = seq - 1;
      const event = this.events[index];
      if (event !== undefined) this.events[index] = { ...event, data: undefined };
    }
    const left = { durability: this.state.durability };
    this.#apply('payload.erased', { seqs, reason: 'asked to', by: null, left }, at);
  }

  /** As from a snapshot. */
  reload(): void {
    this.state = this.#law.decode(this.#law.encode(this.state));
  }

  get text(): string {
    return this.#law.encode(this.state);
  }

  /** The state that the events alone lead to. */
  get replayed(): string {
    let state = this.#law.initial(stream);
    for (const event of this.events) state = this.#law.evolve(state, event) ?? state;
    return this.#law.encode(state);
  }

  #run(command: MemoryCommand, at: number): Told {
    const decision = this.#law.decide(this.state, command, at, this.events.length);
    if ('refusal' in decision) return { code: decision.refusal.code };
    for (const { type, data } of decision.events) this.#apply(type, data, at);
    return decision.reply ?? {};
  }

  #apply(type: string, data: unknown, at: number): void {
    const event = { stream, seq: this.events.length + 1, at, type, typeVersion: 1, data };
    const next = this.#law.evolve(this.state, event);
    if (next === undefined) throw new Error(`${type} is not lawful`);
    this.state = next;
    this.events.push(event);
  }
}
