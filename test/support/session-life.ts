// A session that is run by its law alone, as the product runs one: what fell due comes first, time never runs backwards
// within the stream, and of each event the text is kept that a journal would hold.
import { sha256 } from '../../src/base/hash.ts';
import { deepFreeze } from '../../src/base/json.ts';
import type { Law, LawEvent, Refusal } from '../../src/domain/law.ts';
import { hidingRange } from '../../src/domain/session/conversation.ts';
import { erasabilityOf, messagesCarriedBy, remainsOf } from '../../src/domain/session/erasure.ts';
import type { RollBackSession, SessionCommand } from '../../src/domain/session/session-commands.ts';
import type { ErasedData, MessageEvent } from '../../src/domain/session/session-events.ts';
import { sessionLaw, sessionStream } from '../../src/domain/session/session-law.ts';
import { initialSession, type SessionState, statusOf } from '../../src/domain/session/session-state.ts';
import { decideCommand } from '../../src/entity/decide.ts';
import type { StoredEvent } from '../../src/journal/journal.ts';

export type SessionLaw = Law<SessionState, SessionCommand>;

/** One event of a life: what was published, the text that was kept of it, and the state after it. */
export interface LifeStep {
  readonly event: StoredEvent;
  readonly payload: string;
  readonly state: SessionState;
}

export type Outcome =
  | { readonly events: readonly StoredEvent[]; readonly reply: Readonly<Record<string, unknown>> | undefined }
  | { readonly refusal: Refusal };

export interface LifeOptions {
  readonly law?: SessionLaw;
  readonly sessionId?: string;
  /** The most bytes of one stored value. */
  readonly valueBytes?: number;
  /** Sees every command with what it led to, those of deadlines included. */
  readonly observe?: (command: SessionCommand, before: SessionState, outcome: Outcome) => void;
}

const noMeta = Object.freeze({});

export class SessionLife {
  readonly stream: string;
  readonly steps: LifeStep[] = [];
  readonly #law: SessionLaw;
  readonly #valueBytes: number;
  readonly #observe: NonNullable<LifeOptions['observe']>;
  #state: SessionState;
  #lastAt = 0;

  constructor({ law = sessionLaw, sessionId = 's1', valueBytes = 2 ** 20, observe }: LifeOptions = {}) {
    this.stream = sessionStream(sessionId);
    this.#law = law;
    this.#valueBytes = valueBytes;
    this.#observe = observe ?? (() => {});
    this.#state = law.initial(this.stream);
  }

  get state(): SessionState {
    return this.#state;
  }

  get status(): string {
    return statusOf(this.#state);
  }

  get seq(): number {
    return this.steps.length;
  }

  /** Carries out what fell due until `now`, then the command. */
  send(command: SessionCommand, now: number): Outcome {
    this.wake(now);
    return this.decide(command, now);
  }

  /** Carries out what fell due until `now`. */
  wake(now: number): readonly SessionCommand[] {
    const carriedOut: SessionCommand[] = [];
    for (let due = this.#law.due(this.#state, now); due; due = this.#law.due(this.#state, now)) {
      const outcome = this.decide(due, now);
      if ('refusal' in outcome || outcome.events.length === 0) break;
      carriedOut.push(due);
    }
    return carriedOut;
  }

  /** The events as they come back from a journal: parsed from their text, and frozen. */
  recorded(): StoredEvent[] {
    return this.steps.map(({ event, payload }) =>
      Object.freeze({ ...event, data: payload === '' ? undefined : deepFreeze(JSON.parse(payload)) }),
    );
  }

  /** The messages of the conversation, also those that left its window. */
  messages(): MessageEvent[] {
    return this.steps
      .map(({ event }) => event)
      .filter((event): event is StoredEvent & MessageEvent => event.type === 'message.sent')
      .filter(({ data, seq }) => data !== undefined && seq > this.#state.conversation.clearedThrough)
      .filter(({ seq }) => hidingRange(this.#state.conversation, seq) === undefined);
  }

  /** The state after the event at `seq`. */
  at(seq: number): SessionState {
    return this.steps[seq - 1]?.state ?? this.#law.initial(this.stream);
  }

  /** What rolls the session back to `to`, counted round where it lies beyond the newest event. */
  rollbackTo(to: number, reason = 'requested'): RollBackSession {
    const version = 1 + ((to - 1) % Math.max(1, this.seq));
    const state = this.#law.encode(this.at(version));
    const found = { to: version, state, stateHash: sha256(state) };
    return { type: 'session.rollback', ...found, checkpointId: null, reason, ignoredMismatch: null };
  }

  /** The messages that can be erased by themselves. */
  erasable(): readonly number[] {
    const events = this.steps.map(({ event }) => event);
    const carried = new Set(events.flatMap(messagesCarriedBy));
    return events
      .filter(({ type, data, seq }) => type === 'message.sent' && data !== undefined && !carried.has(seq))
      .map(({ seq }) => seq);
  }

  /** Erases one message. False where there is no session that could record it. */
  eraseMessage(seq: number, now: number): boolean {
    return this.#erase([seq], null, now);
  }

  /** Erases all that was said; not while agents run. */
  eraseSession(now: number): boolean {
    if (this.#state.agents.open.size > 0) return false;
    const events = this.steps.map(({ event }) => event);
    const said = events.filter(({ type, data }) => data !== undefined && erasabilityOf(type) !== 'never');
    return this.#erase(
      said.map(({ seq }) => seq),
      remainsOf(this.#state),
      now,
    );
  }

  /** As it is done: the records lose their payloads, and the session is made again from what is left. */
  #erase(seqs: readonly number[], left: ErasedData['left'], now: number): boolean {
    if (this.status === 'initializing' || this.status === 'deleted') return false;
    const at = Math.max(now, this.#lastAt);
    const data: ErasedData = { seqs, reason: 'requested', by: null, left };
    const place = { stream: this.stream, seq: this.seq + 1, at, type: 'payload.erased', typeVersion: 1 };
    const event = { ...place, data: deepFreeze(data), meta: noMeta };
    this.steps.push({ event, payload: JSON.stringify(data), state: this.#state });
    for (const seq of seqs) {
      const step = this.steps[seq - 1] as LifeStep;
      this.steps[seq - 1] = { ...step, event: { ...step.event, data: undefined }, payload: '' };
    }
    this.#lastAt = at;
    this.#state = initialSession(this.stream);
    for (const [index, recorded] of this.recorded().entries()) {
      this.#state = this.#law.evolve(this.#state, recorded) ?? this.#state;
      this.steps[index] = { ...(this.steps[index] as LifeStep), state: this.#state };
    }
    return true;
  }

  /** The command alone, whatever fell due before it. */
  decide(given: SessionCommand, now: number): Outcome {
    const command = this.#completed(given);
    const at = Math.max(now, this.#lastAt);
    const before = this.#state;
    const decided = decideCommand(
      this.#law,
      this.stream,
      { state: before, seq: this.seq, at },
      command,
      noMeta,
      this.#valueBytes,
    );
    if ('refusal' in decided) {
      this.#observe(command, before, decided);
      return decided;
    }
    for (const { draft, state } of decided.events) {
      this.steps.push({ ...draft, state });
      this.#state = state;
      this.#lastAt = Math.max(this.#lastAt, draft.event.at);
    }
    const outcome = { events: decided.events.map(({ draft }) => draft.event), reply: decided.reply };
    this.#observe(command, before, outcome);
    return outcome;
  }

  /** A rollback that brings no state is to a version of this very life. */
  #completed(command: SessionCommand): SessionCommand {
    return command.type === 'session.rollback' && command.state === ''
      ? this.rollbackTo(command.to, command.reason)
      : command;
  }
}

/** The state that events lead to from `start`; throws at one that the law does not take. */
export function replay(law: SessionLaw, start: SessionState, events: readonly LawEvent[]): SessionState {
  let state = start;
  for (const event of events) {
    const next = law.evolve(state, event);
    if (next === undefined) throw new Error(`The law does not take ${event.type} again, at seq ${event.seq}`);
    state = next;
  }
  return state;
}
