// The operations on handoffs. An offer is a command to the session that offers; an answer is one too, sent by whoever answers.
import { HoldfastError } from '../../base/errors.ts';
import { fenceAgent } from '../../domain/agent/agent-decisions.ts';
import {
  findHandoff,
  type Handoff,
  handoffUnder,
  noOwnership,
  sourceOf,
} from '../../domain/handoff/handoff.ts';
import type { SessionCommand } from '../../domain/session/session-commands.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import { contextOf, type SessionState, statusOf } from '../../domain/session/session-state.ts';
import { receiptKey } from '../../entity/receipts.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type {
  HandoffAccepted,
  HandoffDetails,
  HandoffOffered,
} from '../../operations/views/handoff-views.ts';
import { keyedBySession } from '../acting-session.ts';
import type { HandoffBoard } from './handoff-board.ts';
import type { HandoffContext } from './handoff-context.ts';
import { chainOf, handoffInfo } from './handoff-info.ts';
import { metricsOf } from './handoff-metrics.ts';
import type { NoteLevel } from './handoff-notes.ts';
import { handoffDetails, proveContext } from './handoff-packages.ts';

export type HandoffOperation =
  | `handoffs.${'offer' | 'accept' | 'reject' | 'withdraw' | 'complete'}`
  | `handoffs.${'get' | 'inbox' | 'ownership' | 'list' | 'chain' | 'metrics'}`;

/** `level`: what may be under way in the session by `job`. */
type TakingPart = <T>(sessionId: string, level: NoteLevel, job: () => Promise<T>) => Promise<T>;

export interface HandoffHandlerContext extends HandoffContext {
  readonly board: HandoffBoard;
  /** What opens something in a session is done in it: somebody sees to it, also behind the end of the process. */
  readonly takingPart: TakingPart;
  /** Resolves when what was accepted until now was delivered, or came back. */
  readonly delivered: () => Promise<void>;
}

export function handoffHandlers(context: HandoffHandlerContext): Handlers<HandoffOperation> {
  const { board, journal } = context;
  return {
    ...keyedBySession(answerHandlers(context)),
    'handoffs.offer': (input, call) => offer(context, input, call),
    'handoffs.withdraw': ({ sessionId, handoffId, reason }, call) => {
      mustBeOf(sessionId, handoffId);
      return send(context, sessionId, { type: 'handoff.withdraw', handoffId, reason }, call);
    },
    'handoffs.get': async ({ sessionId, handoffId }) =>
      handoffDetails(journal, await handoffFor(context, sessionId, handoffId)),
    'handoffs.inbox': ({ sessionId, limit }) => inbox(context, sessionId, limit),
    'handoffs.ownership': async ({ sessionId }) => {
      const { ownership = noOwnership } = (await context.read(sessionId)).state;
      const { owner, ownershipEpoch, collaborators, offer: open } = ownership;
      return { sessionId, owner, ownershipEpoch, collaborators, offer: open && handoffInfo(open) };
    },
    'handoffs.list': (query) => board.list(query),
    'handoffs.chain': async ({ handoffId }) => {
      const chainId = (await board.find(handoffId))?.chainId;
      const all = chainId === undefined ? [] : await board.all();
      return chainOf(
        handoffId,
        all.filter((handoff) => handoff.chainId === chainId),
      );
    },
    'handoffs.metrics': async (route) => metricsOf(await board.all(), route),
  };
}

/** Those of all who are asked go to the stream of the one that offers. */
function answerHandlers(
  context: HandoffHandlerContext,
): Handlers<`handoffs.${'accept' | 'reject' | 'complete'}`> {
  return {
    'handoffs.accept': (input, call) => accept(context, input, call),
    'handoffs.reject': async ({ sessionId, handoffId, reason }, call) => {
      const agent = await answering(context, sessionId, call);
      const command = { type: 'handoff.reject', handoffId, by: sessionId, agent, reason } as const;
      return toSource(context, command, call);
    },
    'handoffs.complete': async ({ sessionId, handoffId, outcome, reason = null, result }, call) => {
      await answering(context, sessionId, call);
      const said = { by: sessionId, outcome, reason, result };
      return toSource(context, { type: 'handoff.complete', handoffId, ...said }, call);
    },
  };
}

function send<Answered>(
  context: HandoffContext,
  sessionId: string,
  command: SessionCommand,
  call: Call,
): Promise<Answered> {
  return context.send(sessionId, command, call) as Promise<unknown> as Promise<Answered>;
}

/** The answer of another session: no run of the source's speaks, and nobody who owns it. */
function toSource<Answered>(
  context: HandoffContext,
  command: SessionCommand & { readonly handoffId: string },
  { agent: _, ownership: __, ...call }: Call,
): Promise<Answered> {
  return send(context, sourceOf(command.handoffId), command, call);
}

async function offer(
  context: HandoffHandlerContext,
  input: ParsedInputOf<'handoffs.offer'>,
  call: Call,
): Promise<HandoffOffered> {
  const { sessionId, to, kind, key = null, from, reason = null, deadlineMs, ...given } = input;
  const { state } = await context.read(sessionId);
  const isKnown = handoffUnder(state.ownership ?? noOwnership, key) !== undefined;
  const isRepeat = isKnown || (await isAnswered(context, sessionId, call));
  const target =
    to.sessionId === undefined || isRepeat ? undefined : (await context.read(to.sessionId)).state;
  if (to.sessionId === sessionId) throw new HoldfastError('INVALID_INPUT', notToItself);
  if (target !== undefined) mustKeepContent(target, 'handoffs.offer');
  const route = {
    from: from ?? state.profile.agent ?? sessionId,
    to: to.agent ?? target?.profile.agent ?? to.sessionId ?? '',
  };
  const addressee = { sessionId: to.sessionId ?? null, agent: to.agent ?? null };
  const command = {
    type: 'handoff.offer',
    kind,
    key,
    to: addressee,
    route,
    deadlineMs,
    reason,
    given,
  } as const;
  const answer = await context.takingPart(sessionId, 'offered', () =>
    send<Omit<HandoffOffered, 'handoff'>>(context, sessionId, command, call),
  );
  return { ...answer, handoff: await offeredDetails(context, answer.handoffId) };
}

/** That it is offered is durable before: a failure here is never one that had no effect. */
async function offeredDetails(context: HandoffContext, handoffId: string): Promise<HandoffDetails> {
  try {
    return await handoffDetails(context.journal, await known(context, handoffId));
  } catch (cause) {
    const details = { command: 'handoff.offer', stream: sessionStream(sourceOf(handoffId)) };
    throw new HoldfastError('OUTCOME_UNKNOWN', details, { cause });
  }
}

/** True when the answer to this very call is on record: what it asked for need not be possible any more. */
async function isAnswered({ journal }: HandoffContext, sessionId: string, call: Call): Promise<boolean> {
  const key = receiptKey(call);
  return key !== undefined && (await journal.receipt(sessionStream(sessionId), key)) !== undefined;
}

const notToItself = {
  operation: 'handoffs.offer',
  field: 'to',
  problem: 'to: a session is not handed over to itself',
};

async function accept(
  context: HandoffHandlerContext,
  { sessionId, handoffId, digest }: ParsedInputOf<'handoffs.accept'>,
  call: Call,
): Promise<HandoffAccepted> {
  const isRepeat = await isAnswered(context, sourceOf(handoffId), call);
  const agent = await answering(context, sessionId, call, isRepeat ? undefined : 'handoffs.accept');
  const handoff = await known(context, handoffId);
  if (handoff.status === 'pending') await proveContext(context.journal, handoff, call.signal);
  const command = { type: 'handoff.accept', handoffId, by: sessionId, agent, digest } as const;
  const answer = await context.takingPart(sourceOf(handoffId), 'accepted', () =>
    toSource<Omit<HandoffAccepted, 'delivered'>>(context, command, call),
  );
  return { ...answer, ...(await deliveryOf(context, handoffId, answer.status)) };
}

/** It is accepted, whatever keeps it from being delivered or looked at just now. */
async function deliveryOf(
  context: HandoffHandlerContext,
  handoffId: string,
  status: HandoffAccepted['status'],
): Promise<Pick<HandoffAccepted, 'status' | 'delivered'>> {
  try {
    await context.delivered();
    const now = await held(context, handoffId);
    return { status: now?.status ?? status, delivered: (now?.deliveredAt ?? null) !== null };
  } catch {
    return { status, delivered: false };
  }
}

/** Whoever answers is there, and its incarnation is the current one. Its agent's name is what offers may be addressed to. */
async function answering(
  { read }: HandoffContext,
  sessionId: string,
  { agent }: Call,
  taking?: string,
): Promise<string | null> {
  const { state } = await read(sessionId);
  const stale = agent && fenceAgent(state, agent);
  if (stale) throw new HoldfastError(stale.code, stale.details);
  if (taking !== undefined) mustKeepContent(state, taking);
  return state.profile.agent;
}

/** What goes with the process would take along what it was given. */
function mustKeepContent(state: SessionState, command: string): void {
  const { sessionId, profile } = state;
  if (profile.durability === 'none') throw new HoldfastError('NOT_JOURNALED', { sessionId });
  const status = statusOf(state);
  const takes =
    status === 'active' ||
    status === 'idle' ||
    (status === 'dormant' && contextOf(state).resumeTo === 'active');
  if (!takes) throw new HoldfastError('SESSION_NOT_ACTIVE', { sessionId, status, command });
}

function mustBeOf(sessionId: string, handoffId: string): void {
  if (sourceOf(handoffId) !== sessionId) throw new HoldfastError('HANDOFF_NOT_FOUND', { handoffId });
}

async function held({ read }: HandoffContext, handoffId: string): Promise<Handoff | undefined> {
  try {
    return findHandoff((await read(sourceOf(handoffId))).state.ownership ?? noOwnership, handoffId);
  } catch (error) {
    if (HoldfastError.is(error, 'SESSION_NOT_FOUND')) return undefined;
    throw error;
  }
}

async function known(context: HandoffContext, handoffId: string): Promise<Handoff> {
  const handoff = await held(context, handoffId);
  if (handoff === undefined) throw new HoldfastError('HANDOFF_NOT_FOUND', { handoffId });
  return handoff;
}

/** The package is for its parties alone. */
async function handoffFor(context: HandoffContext, sessionId: string, handoffId: string): Promise<Handoff> {
  const { state } = await context.read(sessionId);
  const handoff = await known(context, handoffId);
  const { to, acceptedBy } = handoff;
  const isAsked = acceptedBy === null && to.agent !== null && to.agent === state.profile.agent;
  if (isAsked || [sourceOf(handoffId), to.sessionId, acceptedBy].includes(sessionId)) return handoff;
  throw new HoldfastError('HANDOFF_NOT_FOUND', { handoffId });
}

async function inbox(
  context: HandoffHandlerContext,
  sessionId: string,
  limit: number,
): Promise<readonly HandoffDetails[]> {
  const { agent } = (await context.read(sessionId)).state.profile;
  const mine = await context.board.waitingFor(sessionId, agent);
  return Promise.all(mine.slice(0, limit).map((handoff) => handoffDetails(context.journal, handoff)));
}
