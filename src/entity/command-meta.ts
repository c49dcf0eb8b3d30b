// What travels with a command beside what it asks: who sent it, and under which key its answer is kept.
import type { Durability } from '../base/durability.ts';
import type { Json } from '../base/json.ts';
import type { EventMeta } from '../journal/journal.ts';

/** A command of a process manager: its place in the stream that caused it, so that a repeat is recognised for ever. */
export interface CommandSource {
  readonly manager: string;
  readonly stream: string;
  readonly seq: number;
  /** The place among the commands that one event caused. */
  readonly index: number;
}

export interface CommandMeta {
  /** The caller's idempotency key; the answer is found again under it. */
  readonly operationId?: string;
  /** Whose key that is, where the commands of many go to one stream. */
  readonly keyOf?: string;
  /** SHA-256 of the request, to tell a repeat from another request under the same key. */
  readonly digest?: string;
  readonly source?: CommandSource;
  /** Set for what an agent sends: the law refuses an incarnation that is not the current one. */
  readonly agent?: { readonly run: string; readonly incarnation: number };
  /** As whom it is sent to what has an owner: refused once somebody else owns it. */
  readonly ownership?: { readonly owner: string; readonly epoch: number };
  readonly by?: string;
  readonly correlation?: string;
  readonly causation?: string;
  /** What the answer must have reached at least. */
  readonly durability?: 'os' | 'fsync';
}

/** What a command led to. `seq` is the stream's newest event when it was decided; the answer waited until it was durable. */
export interface Answer {
  readonly seq: number;
  /** What was reached when the answer was given. */
  readonly durability: Durability;
  /** True when the answer comes from the record of an earlier call with the same key. */
  readonly repeated?: boolean;
  readonly [key: string]: unknown;
}

/** The record of an answer, as it is kept under its key. */
export interface OperationRecord {
  readonly digest: string;
  readonly seq: number;
  readonly at: number;
  /** How many operations the stream had recorded, this one included. */
  readonly ordinal: number;
  readonly reply: { readonly [key: string]: Json };
}

/** How far the commands of one source have come. */
export interface SourceRecord {
  readonly seq: number;
  readonly index: number;
  readonly answeredAt: number;
}

/** True when nothing of it is kept with the events. */
export function isBare({ operationId, source, by, correlation, causation, agent }: CommandMeta): boolean {
  return (
    operationId === undefined &&
    agent === undefined &&
    source === undefined &&
    by === undefined &&
    correlation === undefined &&
    causation === undefined
  );
}

/** What of it is kept with the events. */
export function eventMeta(meta: CommandMeta, incarnation: number): EventMeta {
  const { operationId, source, by, correlation, agent } = meta;
  const causation =
    source === undefined ? meta.causation : `${source.manager}:${source.stream}:${source.seq}`;
  const kept: { -readonly [Member in keyof EventMeta]: EventMeta[Member] } = {
    incarnation: agent?.incarnation ?? incarnation,
  };
  if (agent !== undefined) kept.agent = agent.run;
  if (operationId !== undefined) kept.operationId = operationId;
  if (by !== undefined) kept.by = by;
  if (correlation !== undefined) kept.correlation = correlation;
  if (causation !== undefined) kept.causation = causation;
  return Object.freeze(kept);
}
