// One stream in the hands of its law alone: what it is asked, what it answers, and all that has happened in it.
import type { Command, Law, LawEvent } from '../../src/domain/law.ts';

export type LawAnswer = Readonly<Record<string, unknown>> | string;

export class LawLife<State, C extends Command> {
  readonly law: Law<State, C>;
  readonly stream: string;
  readonly events: LawEvent[] = [];
  state: State;

  constructor(law: Law<State, C>, stream: string) {
    this.law = law;
    this.stream = stream;
    this.state = law.initial(stream);
  }

  /** Deadlines that have passed come first. Answers with the code of what is refused. */
  send(command: C, at: number): LawAnswer {
    this.passTime(at);
    return this.#run(command, at);
  }

  /** What is due by then, all at once and late. */
  passTime(at: number): void {
    for (let due = this.law.due(this.state, at); due !== undefined; due = this.law.due(this.state, at)) {
      const before = this.events.length;
      this.#run(due, at);
      if (this.events.length === before) throw new Error(`${due.type} is due and leads to nothing`);
    }
  }

  /** The same state, made of its events alone, and of its text. */
  assertReplays(): void {
    const { law } = this;
    const text = law.encode(this.state);
    const replayed = this.events.reduce(
      (before, event) => law.evolve(before, event) ?? before,
      law.initial(this.stream),
    );
    if (law.encode(replayed) !== text) throw new Error('its events lead elsewhere');
    if (law.encode(law.decode(text)) !== text) throw new Error('its text reads otherwise');
    if (law.nextDeadline(law.decode(text)) !== law.nextDeadline(this.state))
      throw new Error('its text has another deadline');
  }

  #run(command: C, at: number): LawAnswer {
    const decision = this.law.decide(this.state, command, at, this.events.length);
    if ('refusal' in decision) return decision.refusal.code;
    for (const { type, data } of decision.events) {
      const seq = this.events.length + 1;
      const event: LawEvent = { stream: this.stream, seq, at, type, typeVersion: 1, data };
      const next = this.law.evolve(this.state, event);
      if (next === undefined) throw new Error(`${type} is not lawful`);
      this.events.push(event);
      this.state = next;
    }
    return decision.reply ?? {};
  }
}
