// A merge: what another session has become since the two were the same is read at one version of it, and sent as commands, which the
// law decides on the state that there is. Only what has come to rest is merged; messages come in pieces, each recorded with its place.
import { HoldfastError } from '../../base/errors.ts';
import { ownerOf } from '../../domain/fork/branching.ts';
import { type MergedData, type MergePolicy, mergeParts } from '../../domain/fork/session-merge-events.ts';
import { fenceOwner } from '../../domain/handoff/ownership-fence.ts';
import { threeWay } from '../../domain/json-merge.ts';
import type { MergeSession, SessionCommand } from '../../domain/session/session-commands.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { SessionState } from '../../domain/session/session-state.ts';
import type { Call } from '../../operations/bind.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type { Merged } from '../../operations/views/fork-views.ts';
import {
  answeredBefore,
  isAnswered,
  type ReadingContext,
  sendPrepared,
} from '../handlers/handler-context.ts';
import { type MergeBases, mergeBasesOf } from './merge-base.ts';
import { changedContext, changedFiles, changedIndex } from './merge-changes.ts';
import { type MessagePiece, messagePieces } from './merge-messages.ts';
import { mergeTasks } from './merge-tasks.ts';

type Input = ParsedInputOf<'sessions.merge'>;

interface Plan {
  readonly source: SessionState;
  readonly base: MergeBases;
  readonly from: MergeSession['from'];
}

export async function mergeSession(context: ReadingContext, input: Input, call: Call): Promise<Merged> {
  const { sessionId, fromSessionId, onConflict, parts } = input;
  const isRepeat = await isAnswered(context, sessionStream(sessionId), call);
  if (isRepeat) return answered(context, input, call);
  const plan = await planOf(context, input, call);
  if (onConflict === 'refuse') await assertAgreed(context, input, plan);
  const policy: MergePolicy = onConflict === 'take' ? 'take' : 'keep';
  const pieces = parts.includes('messages') ? messagePieces(context, sessionId, plan, call) : [];
  let piece: MessagePiece = { messages: [], taken: [] };
  let messages = 0;
  let isWaiting = false;
  for await (const next of pieces) {
    if (isWaiting) {
      const command = { ...emptyCommand(plan, policy), ...piece, before: { messages, tasks: 0 } };
      const { merged } = await send(context, sessionId, command, withoutKey(call));
      messages = merged.messages;
    }
    piece = next;
    isWaiting = true;
  }
  await assertAdmitted(context, sessionId, emptyCommand(plan, policy), call);
  const tasks = parts.includes('tasks')
    ? await mergeTasks(context, sessionId, plan.source, input.at !== undefined, call)
    : 0;
  const before = { messages, tasks };
  const last = { ...emptyCommand(plan, policy), ...piece, before, ...changes(input, plan) };
  const done = mergeParts.filter((part) => parts.includes(part));
  const answer = await send(context, sessionId, { ...last, parts: done }, call);
  return { ...answer, fromSessionId };
}

type Sent = Omit<Merged, 'fromSessionId'>;

const send = (context: ReadingContext, sessionId: string, command: MergeSession, call: Call): Promise<Sent> =>
  sentAs(context, sessionId, async () => command, call);

/** The answer with its conflicts, as the session has them: none where that was erased. */
async function sentAs(
  context: ReadingContext,
  sessionId: string,
  prepare: () => Promise<SessionCommand>,
  call: Call,
): Promise<Sent> {
  type Counted = Omit<Sent, 'conflicts'> & { readonly conflicts: number };
  const answer = await sendPrepared<Counted>(context, sessionId, prepare, call);
  if (answer.conflicts === 0) return { ...answer, conflicts: [] };
  const { events } = await context.journal.readFrom(sessionStream(sessionId), answer.seq - 1, { limit: 1 });
  const { conflicts = [] } = (events[0]?.data ?? {}) as Partial<MergedData>;
  return { ...answer, conflicts };
}

/** Tasks know nothing of owners, and are taken over before the session is asked for the rest. */
async function assertAdmitted(
  { manager }: ReadingContext,
  sessionId: string,
  command: ReturnType<typeof emptyCommand>,
  { ownership, agent }: Call,
): Promise<void> {
  const { state } = await manager.read(sessionId);
  const asked = { ...command, messages: [], taken: [], before: { messages: 0, tasks: 0 } };
  const refusal = fenceOwner(state, asked, ownership, agent !== undefined);
  if (refusal !== undefined) throw new HoldfastError(refusal.code, refusal.details);
}

/** Its pieces are known by what they bring; the caller's key is that of the last. */
const withoutKey = ({ operationId: _key, digest: _digest, ...call }: Call): Call => call;

async function answered(
  context: ReadingContext,
  { sessionId, fromSessionId }: Input,
  call: Call,
): Promise<Merged> {
  const answer = await sentAs(context, sessionId, async () => answeredBefore, call);
  return { ...answer, fromSessionId };
}

async function planOf(context: ReadingContext, input: Input, { signal }: Call): Promise<Plan> {
  const { manager, past, journal } = context;
  const { sessionId, fromSessionId, at } = input;
  const target = await manager.read(sessionId);
  const now = await manager.read(fromSessionId);
  if (now.state.profile.durability === 'none')
    throw new HoldfastError('NOT_JOURNALED', { sessionId: fromSessionId });
  const through = at ?? now.seq;
  const source =
    through === now.seq
      ? now.state
      : (await past.read(fromSessionId, through, 'sessions.merge', signal)).state;
  const runs = source.agents.open.size;
  if (runs > 0) throw new HoldfastError('NOT_SETTLED', { sessionId: fromSessionId, version: through, runs });
  const base = await mergeBasesOf(context, target.state, source, through, signal);
  const holder = ownerOf(now.state.branching, fromSessionId, through);
  const { chain = '' } = await journal.readFrom(sessionStream(holder), through - 1, { limit: 1 });
  return { source, base, from: { sessionId: fromSessionId, through, chain } };
}

const emptyCommand = (
  { from, base }: Plan,
  policy: MergePolicy,
): Omit<MergeSession, 'before' | 'messages' | 'taken'> => ({
  ...{ type: 'session.merge', from, policy, ancestor: base.ancestor },
  ...{ parts: [], files: [], index: [], context: [] },
});

function changes({ parts }: Input, { source, base, from }: Plan): Partial<MergeSession> {
  return {
    ...(parts.includes('files') && {
      files: changedFiles(base.files, source, from.through),
      index: changedIndex(base.files, source, from.through),
    }),
    ...(parts.includes('context') && { context: changedContext(base.context, source, from.through) }),
  };
}

/** Asked before anything is written; what comes meanwhile is kept as it is there. */
async function assertAgreed({ manager }: ReadingContext, input: Input, plan: Plan): Promise<void> {
  const { state } = await manager.read(input.sessionId);
  const { context = [], index = [] } = changes(input, plan);
  const keys = [
    ...context.filter((c) => threeWay(c.base, state.memory.items.get(c.key)?.value, c.theirs) === undefined),
    ...index.filter((c) => threeWay(c.base, state.files.index.get(c.key)?.metadata, c.theirs) === undefined),
  ].map(({ key }) => key);
  if (keys.length === 0) return;
  const { sessionId, fromSessionId } = input;
  const details = { sessionId, fromSessionId, count: keys.length, keys: keys.slice(0, 20).join(', ') };
  throw new HoldfastError('MERGE_CONFLICT', details);
}
