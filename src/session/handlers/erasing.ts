// One erasure: judged on what is stored, and recorded in the very batch that erases. Nothing of the session is in memory
// meanwhile, so that what is known of it afterwards is what its records say without what was erased.
import { HoldfastError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { deepFreeze, type Json } from '../../base/json.ts';
import type { ChainFacts, RecoveredData } from '../../domain/recovery/recovery-vocabulary.ts';
import type { SessionCommand } from '../../domain/session/session-commands.ts';
import type { ErasedData, SessionRemains } from '../../domain/session/session-events.ts';
import { sessionLaw, sessionStream } from '../../domain/session/session-law.ts';
import { type SessionState, statusOf } from '../../domain/session/session-state.ts';
import { type Answer, type CommandMeta, eventMeta } from '../../entity/command-meta.ts';
import { durabilityOf, refusalOf } from '../../entity/demand.ts';
import { hydrate } from '../../entity/hydrate.ts';
import {
  answerFromRecord,
  noReceipts,
  receiptKey,
  receiptsFor,
  receiptWindow,
} from '../../entity/receipts.ts';
import type { Append, EventDraft, Head, Journal, Snapshot, StoredEvent } from '../../journal/journal.ts';
import { parkedDigest } from '../../journal/replay-guard.ts';
import type { Call } from '../../operations/bind.ts';
import { globalTopic, sessionTopic } from '../topics.ts';
import type { ReadingContext } from './handler-context.ts';

/** A session as it is stored. */
export interface StoredSession {
  readonly state: SessionState;
  readonly head: Head;
}

type Reply = Readonly<Record<string, Json>>;

export interface ErasurePlan {
  /** What is to be erased, oldest first; none when nothing is left to be. */
  readonly seqs: readonly number[];
  readonly left: SessionRemains | null;
  /** Of these the events that carry a state the session goes on from: it goes on from what is left of it. */
  readonly carriers?: readonly ChainFacts[];
  /** Of these the events whose record cannot be read. */
  readonly unreadable?: readonly number[];
  /** What is answered beside. */
  readonly reply: Reply;
}

export interface ErasureRequest {
  readonly operation: string;
  readonly sessionId: string;
  readonly reason: string;
  /** Asked again when the session has moved on meanwhile; throws why it cannot be done. */
  readonly plan: (stored: StoredSession) => Promise<ErasurePlan>;
}

/** So many records are rewritten in one batch: the rest of a longer session follows in the next ones. */
const recordsAtOnce = 10_000;

export async function eraseStored(
  context: ReadingContext,
  request: ErasureRequest,
  call: Call,
): Promise<Answer> {
  const { sessionId, plan } = request;
  for (let erased = 0; ; ) {
    const stored = await storedSession(context, sessionId);
    const known = await answerOnRecord(context, stored.head, call);
    if (known !== undefined) return known;
    assertReachable(request, stored, call);
    const { seqs, left, reply, carriers = [], unreadable = [] } = await plan(stored);
    const durability = durabilityOf(sessionLaw, stored.state);
    const now = seqs.slice(0, recordsAtOnce);
    const isLast = now.length === seqs.length;
    const said = { ...reply, erased: erased + now.length };
    call.signal?.throwIfAborted();
    if (now.length === 0) {
      const answer = { ...said, seq: stored.head.seq, durability };
      if (await keepAnswer(context, request, stored, { said, answer }, call)) return answer;
      continue;
    }
    const isNow = new Set(now);
    const step: Step = {
      ...{ seqs: now, left, answers: isLast ? said : undefined },
      carriers: carriers.filter(({ firstSeq }) => isNow.has(firstSeq)),
      unreadable: new Set(unreadable.filter((seq) => isNow.has(seq))),
    };
    const head = await commitErasure(context, request, stored, step, call);
    if (head !== undefined) erased += now.length;
    if (head !== undefined && isLast)
      return { ...said, seq: head.seq, durability: durability === 'none' ? 'none' : 'fsync' };
  }
}

/**
 * What is answered without erasing anything, if it is; throws why it cannot be done. The session has actors: that an answer
 * is kept goes through them.
 */
export async function previewErasure(
  context: ReadingContext,
  request: ErasureRequest,
  call: Call,
  send: (command: SessionCommand, meta: CommandMeta) => Promise<Answer>,
): Promise<Answer | undefined> {
  const stored = await storedSession(context, request.sessionId);
  const known = await answerOnRecord(context, stored.head, call);
  if (known !== undefined) return known;
  assertReachable(request, stored, call);
  const { seqs, reply } = await request.plan(stored);
  if (seqs.length > 0) return undefined;
  const said = { ...reply, erased: 0 };
  if (receiptKey(call) !== undefined) return send({ type: 'session.noteAnswer', reply: said }, call);
  return { ...said, seq: stored.head.seq, durability: durabilityOf(sessionLaw, stored.state) };
}

/** That nothing was left to be erased is an answer too, to be repeated. False when the session had moved on. */
async function keepAnswer(
  { journal, clock }: ReadingContext,
  { operation }: ErasureRequest,
  { state, head }: StoredSession,
  { said, answer }: { readonly said: Reply; readonly answer: Answer },
  call: Call,
): Promise<boolean> {
  const at = Math.max(clock.now(), head.updatedAt);
  const receipts = receiptsFor(call, answer, said, at, head.operations + 1);
  if (receipts.length === 0) return true;
  const options = { head: sessionLaw.summarize(state), receipts, durability: answer.durability };
  const result = await journal.append(head.stream, head.version, [], options);
  return isDone(result, operation, head.stream);
}

/** False for a conflict; throws where nobody knows. */
function isDone(result: Append, command: string, stream: string): result is Append & { readonly ok: true } {
  if (!result.ok && result.reason === 'unknown')
    throw new HoldfastError('OUTCOME_UNKNOWN', { command, stream }, { cause: result.cause });
  return result.ok;
}

async function storedSession({ journal }: ReadingContext, sessionId: string): Promise<StoredSession> {
  const { state, head } = await hydrate(sessionLaw, sessionStream(sessionId), journal, () => {});
  if (head === undefined || head.firstSeq > head.seq)
    throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
  return { state, head };
}

async function answerOnRecord(
  { journal, clock }: ReadingContext,
  { stream, operations }: Head,
  call: Call,
): Promise<Answer | undefined> {
  const key = receiptKey(call);
  const stored = key === undefined ? undefined : await journal.receipt(stream, key);
  return stored === undefined
    ? undefined
    : answerFromRecord(stored, call, clock.now(), operations, receiptWindow);
}

function assertReachable({ operation: type }: ErasureRequest, { state }: StoredSession, call: Call): void {
  const refusal = refusalOf({ type }, call, durabilityOf(sessionLaw, state));
  if (refusal !== undefined) throw refusal;
}

interface Step {
  readonly seqs: readonly number[];
  readonly left: SessionRemains | null;
  /** What is kept under the caller's key; undefined while more is to come. */
  readonly answers: Reply | undefined;
  readonly carriers: readonly ChainFacts[];
  readonly unreadable: ReadonlySet<number>;
}

/** The head behind it; undefined when the session had moved on. */
async function commitErasure(
  context: ReadingContext,
  { operation, sessionId, reason }: ErasureRequest,
  { state, head }: StoredSession,
  { seqs, left, answers, carriers, unreadable }: Step,
  call: Call,
): Promise<Head | undefined> {
  const { journal, clock } = context;
  const generations = carriers.length > 0 && { generations: carriers };
  const data: ErasedData = { seqs, reason, by: call.by ?? null, left, ...generations };
  const place = { stream: head.stream, seq: head.seq + (generations ? 2 : 1) };
  const at = Math.max(clock.now(), head.updatedAt);
  const draft = draftOf({ ...place, at }, 'payload.erased', data, call);
  const after = sessionLaw.evolve(state, draft.event);
  if (after === undefined) throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
  const events = generations
    ? [carrying(head, after, at, left === null ? 'rest' : 'nothing', call), draft]
    : [draft];
  const answer = { seq: draft.event.seq, durability: 'fsync' } as const;
  const receipts =
    answers === undefined
      ? noReceipts
      : receiptsFor(call, answer, answers, draft.event.at, head.operations + 1);
  const options = { head: sessionLaw.summarize(after), receipts };
  // Where the beginning was trimmed, the events alone lead nowhere.
  const snapshot = head.firstSeq > 1 ? snapshotOf(journal, after, draft.event.at) : undefined;
  const expected = head.version;
  const append = { expected, events, options, snapshot, unreadable };
  const result = await journal.erase(head.stream, seqs, append);
  if (!isDone(result, operation, head.stream)) return undefined;
  tell(
    context,
    sessionId,
    events.map(({ event }) => event),
    result.durability === 'none',
  );
  return result.head;
}

function draftOf(
  place: Pick<StoredEvent, 'stream' | 'seq' | 'at'>,
  type: string,
  data: ErasedData | RecoveredData,
  call: Call,
): EventDraft {
  const what = { type, typeVersion: 1, data: deepFreeze(data), meta: eventMeta(call, 0) };
  return { event: Object.freeze({ ...place, ...what }), payload: JSON.stringify(data) };
}

/** The session goes on from what is left of the state that an erased event carried: the chain begins anew behind its head. */
function carrying(
  { stream, seq, chain }: Head,
  state: SessionState,
  at: number,
  afterErasure: 'rest' | 'nothing',
  call: Call,
): EventDraft {
  const status = statusOf(state);
  const data: RecoveredData = {
    ...{ from: status, to: status, completeness: 'complete', tier: 'hot', recoveryId: '', through: seq },
    ...{ anchor: { seq, chain }, dropped: [], afterErasure },
    summary: sessionLaw.summarize(state).summary,
    state: sessionLaw.encode(state),
  };
  return draftOf({ stream, seq: seq + 1, at }, 'session.recovered', data, call);
}

function snapshotOf({ guard }: Journal, state: SessionState, at: number): (head: Head) => Snapshot {
  const text = sessionLaw.encode(state);
  const { version: lawVersion } = sessionLaw;
  const needs = sessionLaw.refersTo?.(state) ?? [];
  return ({ stream, seq, chain }) => {
    const parked = parkedDigest(guard?.parked(stream), seq);
    const snapshot = { seq, chain, at, lawVersion, stateHash: sha256(text), state: text, needs };
    return parked === undefined ? snapshot : { ...snapshot, parked };
  };
}

/** No actor has done it, so that none tells of it. */
function tell(
  { pubsub }: ReadingContext,
  sessionId: string,
  events: readonly StoredEvent[],
  isVolatile: boolean,
): void {
  const announcement = isVolatile ? { volatile: events } : { durable: events };
  for (const topic of [sessionTopic(sessionId), globalTopic]) pubsub.publish(topic, announcement);
}
