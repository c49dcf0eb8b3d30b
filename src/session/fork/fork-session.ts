// A fork is made of what is durable: pinned, then read, then written as one record that follows the parent's. A kill between leaves
// a pin of nobody's, or the whole fork.
import { HoldfastError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { idFromKey } from '../../base/ids.ts';
import { type Ancestor, lineageAt, maxLineage } from '../../domain/fork/branching.ts';
import { forkedState } from '../../domain/fork/session-fork.ts';
import type { ForkedData, SessionProfile } from '../../domain/session/session-events.ts';
import { sessionLaw, sessionStream } from '../../domain/session/session-law.ts';
import { contextOf, type SessionState, statusOf } from '../../domain/session/session-state.ts';
import { eventMeta } from '../../entity/command-meta.ts';
import type { Append, EventDraft, Head } from '../../journal/journal.ts';
import { encodeRecord } from '../../journal/record.ts';
import type { Call } from '../../operations/bind.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type { Forked } from '../../operations/views/fork-views.ts';
import type { ReadingContext } from '../handlers/handler-context.ts';
import { writeOnce } from '../handlers/keyed-write.ts';
import { globalTopic, sessionTopic } from '../topics.ts';
import { forgetFork, registerFork } from './fork-register.ts';

type Input = ParsedInputOf<'sessions.fork'>;

interface Origin {
  readonly state: SessionState;
  /** Runs that were open there. */
  readonly runs: number;
  readonly version: number;
  readonly ownerId: string;
}

export async function forkSession(context: ReadingContext, input: Input, call: Call): Promise<Forked> {
  const forkId =
    input.newSessionId ?? (call.operationId === undefined ? context.newId() : idFromKey(call.operationId));
  return writeOnce(context.journal, forkId, call, async () => ({
    answer: (await madeBefore(context, forkId, call)) ?? (await makeFork(context, forkId, input, call)),
    writes: [],
  }));
}

/** The fork that an earlier call with the same key has made, which was killed before it could say so. */
async function madeBefore(
  { journal }: ReadingContext,
  forkId: string,
  { operationId }: Call,
): Promise<Forked | undefined> {
  const head = operationId === undefined ? undefined : await journal.head(sessionStream(forkId));
  if (head === undefined || head.firstSeq > head.seq) return undefined;
  const [first] = (await journal.readFrom(head.stream, head.firstSeq - 1, { limit: 1 })).events;
  if (first?.type !== 'session.forked' || first.meta.operationId !== operationId) return undefined;
  const { from, runs } = first.data as ForkedData;
  return answerOf(forkId, from, first.seq, runs);
}

const answerOf = (
  sessionId: string,
  { sessionId: parent, through, chain }: Ancestor,
  seq: number,
  runs: number,
) =>
  ({
    ...{ sessionId, seq, durability: 'fsync' as const },
    ...{ from: { sessionId: parent, seq: through, chain }, agentsLeft: runs },
  }) satisfies Forked;

async function makeFork(context: ReadingContext, forkId: string, input: Input, call: Call): Promise<Forked> {
  const { journal, manager, space } = context;
  const exists = async (): Promise<boolean> => (await journal.head(sessionStream(forkId))) !== undefined;
  if (await exists()) throw new HoldfastError('SESSION_EXISTS', { sessionId: forkId });
  space.admit();
  manager.open.take(forkId);
  try {
    const origin = await originOf(context, input, call);
    const lineage = await pinned(context, forkId, origin);
    try {
      return await write(context, forkId, origin, lineage, input, call);
    } catch (error) {
      // Of what may be there nothing is let go.
      if (!HoldfastError.is(error, 'OUTCOME_UNKNOWN') && !(await exists())) await forgetFork(journal, forkId);
      throw error;
    }
  } finally {
    manager.open.release(forkId);
  }
}

/** The version that is forked, as it is proven by its records. */
async function originOf(
  { manager, past }: ReadingContext,
  { sessionId, at, checkpointId }: Input,
  { signal }: Call,
): Promise<Origin> {
  const now = await manager.read(sessionId);
  if (now.state.profile.durability === 'none') throw new HoldfastError('NOT_JOURNALED', { sessionId });
  const version = at ?? versionOf(now.state, checkpointId) ?? now.seq;
  const { state } = version === now.seq ? now : await past.read(sessionId, version, 'sessions.fork', signal);
  if (statusOf(state) === 'initializing' || contextOf(state).createdAt === null)
    throw notGood('the session was not open then');
  const lineage = lineageAt(now.state.branching, version);
  if (lineage.length >= maxLineage) {
    const size = lineage.length;
    throw new HoldfastError('AT_CAPACITY', { what: 'lineage of forks', sessionId, size, limit: maxLineage });
  }
  const ownerId = now.state.branching.lineage[lineage.length]?.sessionId ?? sessionId;
  const branching = { ...state.branching, lineage };
  return { state: { ...state, branching }, runs: state.agents.open.size, version, ownerId };
}

function versionOf({ sessionId, checkpoints }: SessionState, checkpointId: string | undefined) {
  if (checkpointId === undefined) return undefined;
  const found = checkpoints.list.find((known) => known.checkpointId === checkpointId);
  if (found === undefined) throw new HoldfastError('CHECKPOINT_NOT_FOUND', { sessionId, checkpointId });
  return found.seq - 1;
}

const notGood = (problem: string): HoldfastError =>
  new HoldfastError('INVALID_INPUT', { operation: 'sessions.fork', field: 'at', problem });

/** Held before it is looked at: what is there then stays there. */
async function pinned(
  { journal }: ReadingContext,
  forkId: string,
  { state, version, ownerId }: Origin,
): Promise<readonly Ancestor[]> {
  const { branching, conversation } = state;
  const stream = sessionStream(ownerId);
  const { chain = '' } = await journal.readFrom(stream, version - 1, { limit: 1 });
  const lineage = [...branching.lineage, { sessionId: ownerId, through: version, chain }];
  await registerFork(journal, forkId, lineage, conversation.clearedThrough);
  const head = await journal.head(stream);
  if (head !== undefined && head.firstSeq <= version && chain !== '') return lineage;
  await forgetFork(journal, forkId);
  throw new HoldfastError('SESSION_NOT_FOUND', { sessionId: ownerId });
}

async function write(
  context: ReadingContext,
  forkId: string,
  { state: then, version, runs }: Origin,
  lineage: readonly Ancestor[],
  input: Input,
  call: Call,
): Promise<Forked> {
  const { clock, records, manager } = context;
  const from = lineage.at(-1) as Ancestor;
  const [stream, seq, at] = [sessionStream(forkId), version + 1, clock.now()];
  const state = forkedState(then, forkId, lineage, { seq, at }, profileOf(input));
  const text = sessionLaw.encode(state);
  const data: ForkedData = {
    from,
    runs,
    state: text,
    stateHash: sha256(text),
    lawVersion: sessionLaw.version,
  };
  const event = { stream, seq, at, type: 'session.forked', typeVersion: 1, data, meta: eventMeta(call, 0) };
  const draft: EventDraft = { event: Object.freeze(event), payload: JSON.stringify(data) };
  call.signal?.throwIfAborted();
  const { value } = encodeRecord(draft, from.chain);
  const head = headOf(
    forkId,
    await records.adopt(stream, null, [{ seq, value, follows: true }], {
      ...sessionLaw.summarize(state),
      firstSeq: seq,
    }),
  );
  manager.adopt([head]);
  tell(context, forkId, draft);
  return answerOf(forkId, from, seq, runs);
}

function profileOf({ name, agent, metadata, llmConfig }: Input): Partial<SessionProfile> {
  return {
    ...(name !== undefined && { name }),
    ...(agent !== undefined && { agent }),
    ...(metadata !== undefined && { metadata }),
    ...(llmConfig !== undefined && { llmConfig }),
  };
}

function headOf(sessionId: string, result: Append): Head {
  if (result.ok) return result.head;
  if (result.reason === 'conflict') throw new HoldfastError('SESSION_EXISTS', { sessionId });
  const details = { command: 'sessions.fork', stream: sessionStream(sessionId) };
  throw new HoldfastError('OUTCOME_UNKNOWN', details, { cause: result.cause });
}

function tell({ pubsub }: ReadingContext, sessionId: string, { event }: EventDraft): void {
  for (const topic of [sessionTopic(sessionId), globalTopic]) pubsub.publish(topic, { durable: [event] });
}
