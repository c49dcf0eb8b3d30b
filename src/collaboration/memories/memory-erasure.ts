// Erasing memories: their payloads leave the journal and all snapshots, recorded in the batch that erases. Nothing of them is in
// memory meanwhile, so that what is known afterwards is what the records say without them.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { deepFreeze, type Json } from '../../base/json.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import type { Law } from '../../domain/law.ts';
import type { MemoryCommand } from '../../domain/memory/memory-decisions.ts';
import type { MemoriesErased } from '../../domain/memory/memory-events.ts';
import { memoriesStream } from '../../domain/memory/memory-law.ts';
import { type MemoriesState, seqOfMemory } from '../../domain/memory/memory-state.ts';
import { type Answer, eventMeta } from '../../entity/command-meta.ts';
import { refusalOf } from '../../entity/demand.ts';
import { hydrate } from '../../entity/hydrate.ts';
import { answerFromRecord, receiptKey, receiptsFor, receiptWindow } from '../../entity/receipts.ts';
import type { Append, EventDraft, Head, Journal, Snapshot, StoredEvent } from '../../journal/journal.ts';
import { parkedDigest } from '../../journal/replay-guard.ts';
import type { Call } from '../../operations/bind.ts';
import type { EntityHost } from '../entity-host.ts';

export interface MemoryErasureContext {
  readonly host: EntityHost<MemoriesState, MemoryCommand>;
  readonly law: Law<MemoriesState, MemoryCommand>;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** No entity has recorded it, so that none tells of it. */
  readonly tell: (sessionId: string, event: StoredEvent, isVolatile: boolean) => void;
}

interface Request {
  readonly sessionId: string;
  readonly reason: string;
  /** One of them; all without it. */
  readonly memoryId?: string;
}

interface Stored {
  readonly state: MemoriesState;
  readonly head: Head;
}

const recordsAtOnce = 10_000;

/** A repeat purges too: the one before may have died in between. */
export async function eraseMemories(
  context: MemoryErasureContext,
  request: Request,
  call: Call,
): Promise<Answer & { readonly erased: number; readonly purged: boolean }> {
  const { host, journal } = context;
  const { sessionId } = request;
  const answer = await host.rewrite(sessionId, () => eraseStored(context, request, call));
  const purged = await journal.purge(memoriesStream(sessionId));
  return { ...answer, purged } as Answer & { readonly erased: number; readonly purged: boolean };
}

async function eraseStored(context: MemoryErasureContext, request: Request, call: Call): Promise<Answer> {
  for (let erased = 0; ; ) {
    const stored = await storedMemories(context, request);
    if (stored === undefined) return { seq: 0, durability: 'fsync', erased };
    const known = await answerOnRecord(context, stored.head, call);
    if (known !== undefined) return known;
    const refusal = refusalOf({ type: 'memories.erase' }, call, stored.state.durability);
    if (refusal !== undefined) throw refusal;
    const seqs = await seqsOf(context.journal, request, stored.head);
    call.signal?.throwIfAborted();
    const now = seqs.slice(0, recordsAtOnce);
    const said = now.length === seqs.length ? { erased: erased + now.length } : undefined;
    const answer = await commit(context, request, stored, { seqs: now, said }, call);
    if (answer !== undefined) erased += now.length;
    if (answer !== undefined && said !== undefined) return answer;
  }
}

/** Undefined where nothing was ever remembered, which is refused for one memory alone. */
async function storedMemories(
  { law, journal, telemetry }: MemoryErasureContext,
  request: Request,
): Promise<Stored | undefined> {
  const { state, head } = await hydrate(law, memoriesStream(request.sessionId), journal, telemetry);
  if (head !== undefined && head.firstSeq <= head.seq) return { state, head };
  if (request.memoryId !== undefined) throw notFound(request);
  return undefined;
}

const notFound = ({ sessionId, memoryId }: Request): HoldfastError =>
  new HoldfastError('MEMORY_NOT_FOUND', { sessionId, memoryId });

/** Payloads that are still there, oldest first. */
async function seqsOf(
  journal: Journal,
  request: Request,
  { stream, firstSeq, seq: last }: Head,
): Promise<readonly number[]> {
  if (request.memoryId === undefined) return allSeqs(journal, stream, firstSeq);
  const seq = seqOfMemory(request.memoryId);
  if (seq === undefined || seq < firstSeq || seq > last) throw notFound(request);
  const [event] = (await journal.readFrom(stream, seq - 1, { limit: 1 })).events;
  if (event?.type !== 'memory.proposed') throw notFound(request);
  return event.data === undefined ? [] : [seq];
}

async function allSeqs(journal: Journal, stream: string, firstSeq: number): Promise<readonly number[]> {
  const seqs: number[] = [];
  for (let after = firstSeq - 1; ; ) {
    const { events, end } = await journal.readFrom(stream, after);
    for (const { seq, type, data } of events)
      if (data !== undefined && type !== 'payload.erased') seqs.push(seq);
    after = events.at(-1)?.seq ?? after;
    if (end || events.length === 0) return seqs;
  }
}

async function answerOnRecord(
  { journal, clock }: MemoryErasureContext,
  { stream, operations }: Head,
  call: Call,
): Promise<Answer | undefined> {
  const key = receiptKey(call);
  const stored = key === undefined ? undefined : await journal.receipt(stream, key);
  if (stored === undefined) return undefined;
  return answerFromRecord(stored, call, clock.now(), operations, receiptWindow);
}

interface Step {
  readonly seqs: readonly number[];
  /** What is answered, and kept under the caller's key; undefined while more is to come. */
  readonly said: { readonly erased: number } | undefined;
}

/** Undefined when the stream had moved on. */
async function commit(
  context: MemoryErasureContext,
  request: Request,
  { state, head }: Stored,
  { seqs, said }: Step,
  call: Call,
): Promise<Answer | undefined> {
  const { law, journal, clock } = context;
  const { stream, version: expected } = head;
  const at = Math.max(clock.now(), head.updatedAt);
  const drafts = seqs.length === 0 ? [] : [draftOf(head, state, { ...request, seqs }, at, call)];
  const [draft] = drafts;
  const after = draft === undefined ? state : (law.evolve(state, draft.event) ?? state);
  const place = { seq: draft?.event.seq ?? head.seq, durability: state.durability };
  const receipts = said === undefined ? [] : receiptsFor(call, place, said, at, head.operations + 1);
  if (draft === undefined && receipts.length === 0) return { ...place, ...said };
  const options = { head: law.summarize(after), receipts };
  // Where the beginning was trimmed, the events alone lead nowhere.
  const snapshot = head.firstSeq > 1 ? snapshotOf(context, after, at) : undefined;
  const result =
    draft === undefined
      ? await journal.append(stream, expected, [], { ...options, durability: state.durability })
      : await journal.erase(stream, seqs, { expected, events: drafts, options, snapshot });
  if (!isDone(result, stream)) return undefined;
  if (draft !== undefined) context.tell(request.sessionId, draft.event, result.durability === 'none');
  return { ...place, durability: result.durability, ...said };
}

/** False for a conflict; throws where nobody knows. */
function isDone(result: Append, stream: string): result is Append & { readonly ok: true } {
  if (!result.ok && result.reason === 'unknown')
    throw new HoldfastError(
      'OUTCOME_UNKNOWN',
      { command: 'memories.erase', stream },
      { cause: result.cause },
    );
  return result.ok;
}

function draftOf(
  { stream, seq }: Head,
  { durability }: MemoriesState,
  { seqs, reason }: Request & { readonly seqs: readonly number[] },
  at: number,
  call: Call,
): EventDraft {
  const data: MemoriesErased = { seqs, reason, by: call.by ?? null, left: { durability } };
  const what = { type: 'payload.erased', typeVersion: 1, data: deepFreeze(data), meta: eventMeta(call, 0) };
  const event = Object.freeze({ stream, seq: seq + 1, at, ...what });
  return { event, payload: JSON.stringify(data as unknown as Json) };
}

function snapshotOf(
  { law, journal: { guard } }: MemoryErasureContext,
  state: MemoriesState,
  at: number,
): (head: Head) => Snapshot {
  const text = law.encode(state);
  return ({ stream, seq, chain }) => {
    const parked = parkedDigest(guard?.parked(stream), seq);
    const snapshot = { seq, chain, at, lawVersion: law.version, stateHash: sha256(text), state: text };
    return parked === undefined ? { ...snapshot, needs: [] } : { ...snapshot, needs: [], parked };
  };
}
