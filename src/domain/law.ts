// What a law is: pure functions from state and command to events, and from state and event to state. No I/O, no time, no chance.
import type { Durability } from '../base/durability.ts';
import type { ErrorCode, ErrorDetails } from '../base/errors.ts';
import type { Json } from '../base/json.ts';

/** An event as the law sees it; the journal adds nothing to it but bytes. */
export interface LawEvent<Type extends string = string, Data = unknown> {
  readonly stream: string;
  readonly seq: number;
  readonly at: number;
  readonly type: Type;
  readonly typeVersion: number;
  readonly data: Data;
  /** Who wrote it: the run of an agent, where it was one. */
  readonly meta?: { readonly agent?: string };
}

/** An event that a decision asks for. `at` is the command's time unless it says another. */
export interface Proposal {
  readonly type: string;
  readonly data: unknown;
  readonly at?: number;
}

/** Why a command is not lawful now: data, never an exception. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
}

/** What a command leads to. `reply` is plain data; events may be none, when all that was asked for is already so. */
export type Decision =
  | { readonly events: readonly Proposal[]; readonly reply?: Readonly<Record<string, unknown>> }
  | { readonly refusal: Refusal };

export interface Command {
  readonly type: string;
}

/** What lists and boots need to know of a state without reading it. */
export interface StateSummary {
  readonly status: string;
  readonly dueAt: number | null;
  readonly summary: SummaryData;
}

type SummaryData = { readonly [key: string]: string | number | boolean | null };

/**
 * A kind of entity. `decide` may be called on states that are not durable yet; `evolve` returns undefined for an event
 * that is not lawful in the state, which refuses the command that led to it.
 */
export interface Law<State, C extends Command = Command> {
  /** The first part of its streams' names. */
  readonly kind: string;
  /** Raised by hand when the same events lead to another state. */
  readonly version: number;
  /** The version in which events of a type are written now; 1 where it is not named. */
  readonly eventVersions: Readonly<Record<string, number>>;
  initial(stream: string): State;
  /** The state of a stream of which nothing is left but its tombstone. */
  tombstone(stream: string): State;
  /** Why an agent's incarnation may not send commands any more; undefined when it may. */
  fence?(state: State, writer: { readonly run: string; readonly incarnation: number }): Refusal | undefined;
  /** Why a writer may not send a command to what somebody else owns; `claim` is what he says of himself. Undefined when he may. */
  fenceOwner?(
    state: State,
    command: C,
    claim: { readonly owner: string; readonly epoch: number } | undefined,
    isAgent: boolean,
  ): Refusal | undefined;
  /** `seq` is that of the newest event that led to the state. */
  decide(state: State, command: C, at: number, seq: number): Decision;
  evolve(state: State, event: LawEvent): State | undefined;
  /** Why an event that `evolve` did not take is not lawful. */
  explain(state: State, proposal: Proposal): Refusal;
  /** What the answers of the stream wait for; `fsync` where the law does not say. */
  durability?(state: State): Durability;
  /** The seqs of events that the state refers to and does not hold: they must stay readable as long as it does. */
  refersTo?(state: State): readonly number[];
  /** The command of the earliest deadline that has passed at `now`, if any; those of {@link nextSpan} pass by `time`, which is the stream's. */
  due(state: State, now: number, time?: number): C | undefined;
  /**
   * The earliest of those deadlines that stand a span behind an event, as the end of a lease does: it has passed when so much time has,
   * however the clock was set meanwhile. A law without it has none.
   */
  nextSpan?(state: State): number | null;
  /**
   * True for a command that ends something or frees space: it is taken while the disk is full, out of the reserve. A law
   * without it has all of its commands taken, and wait where nothing at all can be written.
   */
  isUrgent?(command: C): boolean;
  /** True for an event that carries the whole state: what it leads to does not depend on the state before it. */
  carriesState?(event: LawEvent): boolean;
  /** False for an event that only tells of time passing or of a restart: by it alone nothing has got any further. */
  isProgress?(event: LawEvent): boolean;
  summarize(state: State): StateSummary;
  /** A summary of its own as JSON: the same text as JSON makes of it, at less cost. */
  readonly summaryText?: (summary: Json) => string;
  /** When the state next changes by itself while it is in memory: deadlines and quiet ones. */
  nextDeadline(state: State): number | null;
  /** All that a reader can see, as JSON in a fixed order: equal histories give equal texts. */
  encode(state: State): string;
  decode(text: string): State;
}

export const refuse = (code: ErrorCode, details: ErrorDetails): { refusal: Refusal } => ({
  refusal: { code, details },
});
