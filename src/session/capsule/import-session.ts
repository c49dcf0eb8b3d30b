// An exported session comes back. Under its own id, where nobody has it, with its records as they are: the chain is the same, and proves
// it. Under another id, or over what is there, as a new life: a record names its stream, and cannot be another's.
import { HoldfastError } from '../../base/errors.ts';
import type { RestoreSession, SessionCommand } from '../../domain/session/session-commands.ts';
import type { SessionOrigin } from '../../domain/session/session-events.ts';
import { sessionLaw, sessionStream } from '../../domain/session/session-law.ts';
import type { SessionState } from '../../domain/session/session-state.ts';
import { decideCommand } from '../../entity/decide.ts';
import type { AdoptedRecord } from '../../journal/adopt.ts';
import type { CapsuleHeader } from '../../journal/capsule.ts';
import type { Append, Head, Journal, StoredEvent } from '../../journal/journal.ts';
import type { Call } from '../../operations/bind.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import { deserializeSession, serializeSession } from '../../operations/session-record.ts';
import type { Imported } from '../../operations/views/views.ts';
import { registerFork } from '../fork/fork-register.ts';
import { type HandlerContext, isAnswered, sendPrepared } from '../handlers/handler-context.ts';
import { writeOnce } from '../handlers/keyed-write.ts';
import { globalTopic, sessionTopic } from '../topics.ts';
import {
  type Capsule,
  CapsuleReplay,
  haltError,
  liveThrough,
  messagesOf,
  startOf,
  stepsOf,
} from './capsule-replay.ts';

type Input = Omit<ParsedInputOf<'sessions.import'>, 'text' | 'uploadId'>;

const stopReason = 'imported';

const chunkCharacters = 4 * 1024 * 1024;

export async function importText(
  context: HandlerContext,
  text: string,
  input: Input,
  call: Call,
): Promise<Imported> {
  const lines = text.split('\n').filter((line) => line !== '');
  if (isSavedRecord(lines)) return importRecord(context, lines[0] ?? '', input, call);
  const replay = new CapsuleReplay(true);
  for (const line of lines) replay.take(line);
  return importCapsule(context, replay.end(), input, call);
}

/** Content as JSON is one line of another format. */
function isSavedRecord(lines: readonly string[]): boolean {
  return lines.length === 1 && /"format":\s*"holdfast\.session"/.test((lines[0] ?? '').slice(0, 1_000));
}

async function importRecord(
  context: HandlerContext,
  line: string,
  input: Input,
  call: Call,
): Promise<Imported> {
  const record = JSON.parse(line) as { readonly sessionId: string; readonly savedSeq: number };
  const restore = deserializeSession(record);
  const { sessionId, savedSeq: seq } = record;
  return beginAgain(context, input.as ?? sessionId, restore, { sessionId, seq }, input, call);
}

async function importCapsule(
  context: HandlerContext,
  capsule: Capsule,
  input: Input,
  call: Call,
): Promise<Imported> {
  const { header, footer } = capsule;
  const lived = liveThrough(capsule);
  if ('halt' in lived) throw haltError(header.sessionId, lived.halt);
  const sessionId = input.as ?? header.sessionId;
  if (sessionId === header.sessionId) {
    const { operationId } = call;
    const head = await context.journal.head(header.stream);
    const isKnown =
      operationId !== undefined &&
      (await context.journal.kv.get(`answers/${sessionId}/${operationId}`)) !== undefined;
    if (isKnown || (await isBeginning(context, capsule, head, input)))
      return context.manager.aside(sessionId, () =>
        writeOnce(context.journal, sessionId, call, async () => ({
          answer: await adopt(context, capsule, lived.state, input),
          writes: [],
        })),
      );
  }
  const messages = messagesOf(capsule, lived.state);
  const record = serializeSession(lived.state, messages, header.exportedAt, header.seq);
  const { seq, chain } = header;
  const origin = { sessionId: header.sessionId, seq, chain, digest: footer.digest };
  return beginAgain(context, sessionId, deserializeSession(record), origin, input, call);
}

/** Nothing is there, or the first records of the capsule: an import that was cut off goes on. */
async function isBeginning(
  { journal }: HandlerContext,
  capsule: Capsule,
  head: Head | undefined,
  { agents }: Input,
): Promise<boolean> {
  const { header, events, hashes } = capsule;
  if (head === undefined) return true;
  if (head.firstSeq !== header.firstSeq) return false;
  if (head.seq > header.seq) return agents === 'stop' && isStopped(journal, header, head);
  const last = events.findIndex(({ seq }) => seq === head.seq);
  return last >= 0 && head.chain === hashes[last];
}

/** All of it is there, and behind it nothing but that its agents were stopped: it was not answered any more. */
async function isStopped(
  journal: Journal,
  { stream, seq, chain }: CapsuleHeader,
  head: Head,
): Promise<boolean> {
  try {
    if ((await journal.readFrom(stream, seq - 1, { limit: 1 })).chain !== chain) return false;
    const { events } = await journal.readFrom(stream, seq);
    return events.at(-1)?.seq === head.seq && events.every(isStop);
  } catch (error) {
    if (HoldfastError.is(error, 'JOURNAL_CORRUPT')) return false;
    throw error;
  }
}

const isStop = ({ type, data }: StoredEvent): boolean =>
  type === 'agent.stopped' && (data as { readonly reason?: unknown } | undefined)?.reason === stopReason;

/** A new life under an id, which is refused where one is and it may not be overwritten. */
async function beginAgain(
  context: HandlerContext,
  sessionId: string,
  restore: RestoreSession,
  origin: SessionOrigin,
  { overwrite }: Input,
  call: Call,
): Promise<Imported> {
  const stream = sessionStream(sessionId);
  const prepare = async (): Promise<SessionCommand> => {
    if (await isAnswered(context, stream, call)) return { type: 'session.wake', reason: 'answered before' };
    if (!overwrite && (await context.journal.head(stream)) !== undefined)
      throw new HoldfastError('SESSION_EXISTS', { sessionId });
    return { ...restore, data: { ...restore.data, origin } };
  };
  const answer = await sendPrepared<{ seq: number; repeated?: boolean }>(context, sessionId, prepare, call);
  const { seq, repeated } = answer;
  return { sessionId, seq, as: 'restored', chain: null, ...(repeated && { repeated }) };
}

/**
 * Appends the records that are not there yet, a few megabytes at a time. Each beginning of a session is a session, which somebody may
 * have woken: nothing of it is in memory meanwhile.
 */
async function adopt(
  context: HandlerContext,
  capsule: Capsule,
  state: SessionState,
  input: Input,
): Promise<Imported> {
  const { header } = capsule;
  const found = await context.journal.head(header.stream);
  if (!(await isBeginning(context, capsule, found, input)))
    throw new HoldfastError('SESSION_EXISTS', { sessionId: header.sessionId });
  const { branching, conversation } = state;
  // A fork holds what it reads of its ancestors, whether they are here already or come later.
  if (branching.lineage.length > 0)
    await registerFork(context.journal, header.sessionId, branching.lineage, conversation.clearedThrough);
  let head = found;
  for (const chunk of chunksOf(capsule, head?.seq ?? header.firstSeq - 1)) {
    const { status, summary, dueAt } = sessionLaw.summarize(chunk.state);
    // What is due waits until all of it is there.
    const draft = { status, summary, dueAt: chunk.isLast ? dueAt : null, firstSeq: header.firstSeq };
    const result = await context.records.adopt(
      header.stream,
      head?.version ?? null,
      chunk.records,
      draft,
      chunk.snapshots,
    );
    const next = headOf(header.sessionId, result);
    context.manager.moved(next, head);
    head = next;
    tell(context, header.sessionId, chunk.events);
  }
  if (head === undefined) throw new HoldfastError('SESSION_NOT_FOUND', { sessionId: header.sessionId });
  const { chain } = header;
  if (input.agents === 'stop' && head.seq === header.seq && state.agents.open.size > 0)
    head = await stopAgents(context, header.sessionId, state, head);
  return { sessionId: header.sessionId, seq: head.seq, as: 'records', chain };
}

interface Chunk {
  readonly records: readonly AdoptedRecord[];
  readonly events: readonly StoredEvent[];
  readonly snapshots: Capsule['snapshots'];
  readonly state: SessionState;
  readonly isLast: boolean;
}

function* chunksOf(capsule: Capsule, after: number): Generator<Chunk> {
  const { header, events, records, breaks } = capsule;
  const { base } = startOf(capsule);
  let from = 0;
  let characters = 0;
  for (const { event, index, state, isProven } of stepsOf(capsule)) {
    const { seq } = event;
    if (seq <= after) {
      from = index + 1;
      continue;
    }
    characters += records[index]?.length ?? 0;
    const isLast = seq === header.seq;
    // Without its beginning a stream is read from its snapshot on, and behind what was given up from the event that carries the state:
    // what belongs together goes into one batch.
    const isReadable = isProven && (base === undefined || seq >= base.seq);
    if (!isLast && (characters < chunkCharacters || !isReadable)) continue;
    const first = from === 0 && base !== undefined ? [base] : [];
    const own = events.slice(from, index + 1);
    yield {
      records: own.map((each, n) => ({
        ...{ seq: each.seq, value: records[from + n] ?? '' },
        follows: !breaks.has(each.seq),
      })),
      ...{ events: own, snapshots: first, state, isLast },
    };
    from = index + 1;
    characters = 0;
  }
}

/** Runs that were open when it was exported belong to the process that had them. Told to the journal, for no actor lives yet. */
async function stopAgents(
  { journal, clock, ...context }: HandlerContext,
  sessionId: string,
  state: SessionState,
  head: Head,
): Promise<Head> {
  const at = Math.max(clock.now(), head.updatedAt);
  const command = { type: 'agent.stopAll', reason: stopReason } as const;
  const decided = decideCommand(
    sessionLaw,
    head.stream,
    { state, seq: head.seq, at },
    command,
    {},
    journal.limits.valueBytes,
  );
  const last = 'refusal' in decided ? undefined : decided.events.at(-1);
  if ('refusal' in decided || last === undefined) return head;
  const drafts = decided.events.map(({ draft }) => draft);
  const result = await journal.append(head.stream, head.version, drafts, {
    head: sessionLaw.summarize(last.state),
  });
  tell(
    { ...context, journal, clock },
    sessionId,
    drafts.map(({ event }) => event),
  );
  const stopped = headOf(sessionId, result);
  context.manager.moved(stopped, head);
  return stopped;
}

function headOf(sessionId: string, result: Append): Head {
  if (result.ok) return result.head;
  if (result.reason === 'conflict') throw new HoldfastError('SESSION_EXISTS', { sessionId });
  const details = { command: 'sessions.import', stream: sessionStream(sessionId) };
  throw new HoldfastError('OUTCOME_UNKNOWN', details, { cause: result.cause });
}

function tell({ pubsub }: HandlerContext, sessionId: string, durable: readonly StoredEvent[]): void {
  for (const topic of [sessionTopic(sessionId), globalTopic]) pubsub.publish(topic, { durable });
}
