// Operations that erase: what is asked is looked up in the records, refused where it cannot be done, done, and then taken out of
// the files too.
import { HoldfastError } from '../../base/errors.ts';
import { ownerOf } from '../../domain/fork/branching.ts';
import type { ChainFacts, RecoveredData } from '../../domain/recovery/recovery-vocabulary.ts';
import { erasabilityOf, messagesCarriedBy, remainsOf } from '../../domain/session/erasure.ts';
import type { ErasedData } from '../../domain/session/session-events.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import { isAtWork } from '../../domain/session/session-state.ts';
import type { Answer } from '../../entity/command-meta.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type { MessageErased, SessionErased } from '../../operations/views/erasure-views.ts';
import { isThere } from '../capsule/stored-records.ts';
import {
  type ErasurePlan,
  type ErasureRequest,
  eraseStored,
  previewErasure,
  type StoredSession,
} from './erasing.ts';
import type { ReadingContext } from './handler-context.ts';
import { eachProvable, isGivenUpPlace } from './provable-events.ts';
import { savedKey } from './query-handlers.ts';

export type ErasureOperation = 'messages.erase' | 'sessions.erase';

export function erasureHandlers(context: ReadingContext): Handlers<ErasureOperation> {
  return {
    'messages.erase': (input, call) => erase<MessageErased>(context, messageRequest(context, input), call),
    'sessions.erase': (input, call) => erase<SessionErased>(context, sessionRequest(context, input), call),
  };
}

/** A repeat purges too: the one before may have died in between. */
async function erase<Answered>(
  context: ReadingContext,
  request: ErasureRequest,
  call: Call,
): Promise<Answered> {
  const { manager, past, journal } = context;
  const { sessionId } = request;
  const job = (): Promise<Answer> =>
    eraseStored(context, request, call).finally(() => past.forget(sessionId));
  const answer = await manager.rewrite(
    sessionId,
    job,
    (actor) => previewErasure(context, request, call, (command, meta) => actor.send(command, meta)),
    call,
  );
  const purged = await journal.purge(sessionStream(sessionId), [savedKey(sessionId)]);
  return { ...answer, purged } as unknown as Answered;
}

function messageRequest(
  { journal }: ReadingContext,
  { sessionId, seq, reason }: ParsedInputOf<'messages.erase'>,
): ErasureRequest {
  const plan = async ({ state, head }: StoredSession): Promise<ErasurePlan> => {
    const owner = ownerOf(state.branching, sessionId, seq);
    if (owner !== sessionId) throw inherited(sessionId, seq, owner);
    const event = seq > head.seq ? undefined : await eventAt(journal, sessionId, seq);
    if (event === undefined) throw new HoldfastError('MESSAGE_NOT_FOUND', { sessionId, seq });
    assertMessage(sessionId, event);
    const { heldBy, carriers, erasedAt } = await lookBehind(journal, sessionId, seq);
    const savedSeq = await savedSeqOf(journal, sessionId);
    const savedCopy = savedSeq !== undefined && savedSeq >= seq && savedSeq < erasedAt;
    if (event.data === undefined) return { seqs: [], left: null, reply: { savedCopy } };
    if (isAtWork(state)) throw agentsAtWork(sessionId, state.agents.open.size);
    if (heldBy.length > 0) throw new HoldfastError('ERASURE_BLOCKED', { sessionId, seq, heldBy });
    const seqs = [seq, ...carriers.map(({ firstSeq }) => firstSeq)];
    return { seqs, left: null, carriers, reply: { savedCopy } };
  };
  return { operation: 'messages.erase', sessionId, reason, plan };
}

function sessionRequest(
  context: ReadingContext,
  { sessionId, reason }: ParsedInputOf<'sessions.erase'>,
): ErasureRequest {
  const { journal } = context;
  let savedCopy = false;
  const plan = async ({ state }: StoredSession): Promise<ErasurePlan> => {
    if (state.agents.open.size > 0) throw agentsAtWork(sessionId, state.agents.open.size);
    savedCopy = (await forgetSaved(journal, sessionId)) || savedCopy;
    const found = await erasableIn(context, sessionId);
    return { ...found, left: remainsOf(state), reply: { savedCopy } };
  };
  return { operation: 'sessions.erase', sessionId, reason, plan };
}

function assertMessage(sessionId: string, { seq, type }: StoredEvent): void {
  if (type === 'message.sent') return;
  const problem =
    erasabilityOf(type) === 'never'
      ? 'it tells what became of the session'
      : 'it goes with its session alone';
  throw new HoldfastError('NOT_ERASABLE', { sessionId, seq, type, problem });
}

const unreadable = (sessionId: string, seq: number): HoldfastError => {
  const problem = 'its record cannot be read, and was given up: what is left of it goes with the session';
  return new HoldfastError('NOT_ERASABLE', { sessionId, seq, type: 'unknown', problem });
};

const inherited = (sessionId: string, seq: number, owner: string): HoldfastError => {
  const problem = `it was said in session ${owner}: erase it there`;
  return new HoldfastError('NOT_ERASABLE', { sessionId, seq, type: 'message.sent', problem });
};

const agentsAtWork = (sessionId: string, runs: number): HoldfastError =>
  new HoldfastError('AGENTS_AT_WORK', { sessionId, runs });

async function eventAt(journal: Journal, sessionId: string, seq: number): Promise<StoredEvent | undefined> {
  const stream = sessionStream(sessionId);
  try {
    return (await journal.readFrom(stream, seq - 1, { limit: 1 })).events[0];
  } catch (error) {
    if (await isGivenUpPlace(journal, stream, seq, error)) throw unreadable(sessionId, seq);
    throw error;
  }
}

interface Behind {
  /** Events that carry the message in a state of theirs, and cannot go without the session. */
  readonly heldBy: readonly number[];
  /** Those that carry it and go with it: the session goes on from what is left of their state. */
  readonly carriers: readonly ChainFacts[];
  /** The event that says that it was erased; beyond all where none does. */
  readonly erasedAt: number;
}

async function lookBehind(journal: Journal, sessionId: string, seq: number): Promise<Behind> {
  const heldBy: number[] = [];
  const carriers: ChainFacts[] = [];
  let erasedAt = Number.POSITIVE_INFINITY;
  await eachProvable(journal, sessionStream(sessionId), seq, (event) => {
    const facts = factsOf(event);
    if (messagesCarriedBy(event).includes(seq)) {
      if (facts === undefined) heldBy.push(event.seq);
      else carriers.push(facts);
    }
    if (event.type === 'payload.erased' && (event.data as ErasedData).seqs.includes(seq))
      erasedAt = event.seq;
  });
  return { heldBy, carriers, erasedAt };
}

type Erasable = Pick<ErasurePlan, 'seqs' | 'carriers' | 'unreadable'>;

/** Also what is left of records that cannot be read and were given up: nobody can say what they hold. */
async function erasableIn({ journal, records }: ReadingContext, sessionId: string): Promise<Erasable> {
  const stream = sessionStream(sessionId);
  const { firstSeq = 1 } = (await journal.head(stream)) ?? {};
  const seqs: number[] = [];
  const carriers: ChainFacts[] = [];
  const look = (event: StoredEvent): void => {
    const { seq, type, data } = event;
    if (data === undefined || erasabilityOf(type) === 'never') return;
    const facts = factsOf(event);
    if (facts !== undefined && (data as RecoveredData).afterErasure === 'nothing') return;
    seqs.push(seq);
    if (facts !== undefined) carriers.push(facts);
  };
  const unread = await eachProvable(journal, stream, firstSeq - 1, look);
  const unreadable: number[] = [];
  for (const seq of unread) if (await isThere(records, stream, seq)) unreadable.push(seq);
  return { seqs: [...seqs, ...unreadable].sort((a, b) => a - b), carriers, unreadable };
}

/** What an event says of the chain that it began anew. */
function factsOf({ seq: firstSeq, type, data }: StoredEvent): ChainFacts | undefined {
  if (type !== 'session.recovered' || data === undefined) return undefined;
  const { anchor = null, dropped } = data as RecoveredData;
  return { firstSeq, anchor, dropped };
}

async function savedSeqOf({ kv }: Journal, sessionId: string): Promise<number | undefined> {
  const saved = await kv.get(savedKey(sessionId));
  return saved === undefined ? undefined : (saved as { readonly savedSeq: number }).savedSeq;
}

/** True when there was one. */
async function forgetSaved(journal: Journal, sessionId: string): Promise<boolean> {
  if ((await savedSeqOf(journal, sessionId)) === undefined) return false;
  await journal.kv.batch([{ key: savedKey(sessionId), value: undefined }]);
  return true;
}
