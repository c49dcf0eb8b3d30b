// The first verb: what a command leads to, as events with their place, their payload as text where it is journaled, and the
// state after each.
import type { ErrorCode } from '../base/errors.ts';
import { fitsBytes, roughBytes } from '../base/json.ts';
import type { Command, Law, Refusal } from '../domain/law.ts';
import type { EventDraft, EventMeta, StoredEvent } from '../journal/journal.ts';
import type { CommandMeta } from './command-meta.ts';

export interface DecidedEvent<State> {
  readonly draft: EventDraft;
  readonly state: State;
}

export interface Decided<State> {
  readonly events: readonly DecidedEvent<State>[];
  /** The stream's newest seq after the events. */
  readonly seq: number;
  readonly reply: Readonly<Record<string, unknown>> | undefined;
}

export interface DecidedFrom<State> {
  readonly state: State;
  readonly seq: number;
  readonly at: number;
}

/** Why whoever sends a command may not: his incarnation is over, or what he writes to is not his any more. */
export function fenced<State, C extends Command>(
  law: Law<State, C>,
  state: State,
  command: C,
  { agent, ownership, source }: CommandMeta,
): Refusal | undefined {
  const stale = agent && law.fence?.(state, agent);
  return stale ?? law.fenceOwner?.(state, command, ownership, (agent ?? source) !== undefined);
}

/** What an event takes in memory beside its payload. */
const eventBytes = 128;

/** Pure but for the law: nothing is kept of it when the command is refused, even after some of its events. */
export function decideCommand<State, C extends Command>(
  law: Law<State, C>,
  stream: string,
  from: DecidedFrom<State>,
  command: C,
  meta: EventMeta,
  valueBytes: number,
): Decided<State> | { readonly refusal: Refusal } {
  const decision = law.decide(from.state, command, from.at, from.seq);
  if ('refusal' in decision) return decision;
  const events: DecidedEvent<State>[] = [];
  const isJournaled = law.durability?.(from.state) !== 'none';
  let { state, seq } = from;
  for (const proposal of decision.events) {
    seq += 1;
    const { type } = proposal;
    const data: unknown = Object.freeze(proposal.data);
    const typeVersion = law.eventVersions[type] ?? 1;
    const event: StoredEvent = Object.freeze({
      stream,
      seq,
      at: proposal.at ?? from.at,
      type,
      typeVersion,
      data,
      meta,
    });
    const bytes = isJournaled ? undefined : eventBytes + roughBytes(data);
    const isSmall = bytes !== undefined && bytes * 6 < valueBytes - 4096;
    const payload = isSmall ? '' : JSON.stringify(data);
    if (!fitsBytes(payload, valueBytes - 4096)) return tooLarge(type, payload, valueBytes - 4096);
    const next = law.evolve(state, event);
    if (next === undefined) return { refusal: law.explain(state, proposal) };
    state = next;
    const draft = bytes === undefined ? { event, payload } : { event, payload: '', bytes };
    events.push({ draft, state });
  }
  return { events, seq, reply: decision.reply };
}

function tooLarge(type: string, payload: string, limit: number): { refusal: Refusal } {
  const code: ErrorCode = 'TOO_LARGE';
  return { refusal: { code, details: { what: `event ${type}`, size: Buffer.byteLength(payload), limit } } };
}
