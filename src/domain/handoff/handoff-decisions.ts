// What commands about handoffs lead to. There is one offer at a time, and it ends in one way: accepted, rejected, withdrawn or
// expired. Accepting names the next owner and stops the runs of the one before, in the same append.
import { assertNever } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { byteLength, type Json } from '../../base/json.ts';
import { stopAll } from '../agent/agent-decisions.ts';
import { type Decision, type Proposal, refuse } from '../law.ts';
import { decideWithCheckpoints } from '../session/checkpoint-decisions.ts';
import { placed } from '../session/placed-message.ts';
import type { SessionCommand } from '../session/session-commands.ts';
import { isMissing } from '../session/session-decisions.ts';
import type { StatusChange } from '../session/session-lifecycle.ts';
import { contextOf, type SessionState, statusOf } from '../session/session-state.ts';
import { edge, wakesTo } from '../session/status-edge.ts';
import {
  findHandoff,
  type Handoff,
  handoffIdOf,
  handoffUnder,
  maxLiveHandoffs,
  noOwnership,
  type Ownership,
  sourceOf,
} from './handoff.ts';
import type { HandoffCommand, HandoffCommandOf, HandoffEventData, OfferedData } from './handoff-events.ts';
import { packageOf, packageText } from './handoff-package.ts';

/** Every command to a session: those about handoffs, and all others, which end what is on offer when they end the session. */
export function decideWithHandoffs(
  state: SessionState,
  command: SessionCommand,
  at: number,
  seq: number,
): Decision {
  if (isHandoff(command)) return decideHandoff(state, command, at, seq);
  const decision = decideWithCheckpoints(state, command, at, seq);
  const offer = state.ownership?.offer;
  return offer == null || 'refusal' in decision ? decision : endingOffer(decision, offer, command);
}

function isHandoff(command: SessionCommand): command is HandoffCommand {
  return command.type.startsWith('handoff.');
}

const nothing: Decision = { events: [] };

/** Nobody can accept what is of a session that has ended, or has gone back to what it was. */
function endingOffer(
  decision: Exclude<Decision, { refusal: unknown }>,
  { handoffId }: Handoff,
  { type }: SessionCommand,
): Decision {
  const index = decision.events.findIndex(endsLife);
  if (index < 0) return decision;
  const data: HandoffEventData['handoff.withdrawn'] = { handoffId, reason: type };
  const { events } = decision;
  const withdrawn = { type: 'handoff.withdrawn', data };
  return { ...decision, events: [...events.slice(0, index), withdrawn, ...events.slice(index)] };
}

const endsLife = ({ type, data }: Proposal): boolean =>
  type === 'session.restored' ||
  (type === 'session.statusChanged' && (data as StatusChange).to === 'terminating');

function decideHandoff(state: SessionState, command: HandoffCommand, at: number, seq: number): Decision {
  const { sessionId, ownership = noOwnership } = state;
  if (isMissing(state)) return refuse('SESSION_NOT_FOUND', { sessionId });
  switch (command.type) {
    case 'handoff.offer':
      return offer(state, ownership, command, at, seq);
    case 'handoff.expire':
      return ownership.offer === null ? nothing : expire(ownership.offer, at);
    case 'handoff.receive':
      return receive(state, command);
    default:
      return decideKnown(state, ownership, command);
  }
}

type KnownCommand = Exclude<
  HandoffCommand,
  { readonly type: 'handoff.offer' | 'handoff.expire' | 'handoff.receive' }
>;

function decideKnown(state: SessionState, ownership: Ownership, command: KnownCommand): Decision {
  const { handoffId } = command;
  const handoff = findHandoff(ownership, handoffId);
  if (handoff === undefined) return refuse('HANDOFF_NOT_FOUND', { handoffId, sessionId: state.sessionId });
  switch (command.type) {
    case 'handoff.accept':
      return accept(state, ownership, handoff, command);
    case 'handoff.reject':
      return reject(handoff, command);
    case 'handoff.withdraw':
      return withdraw(handoff, command);
    case 'handoff.complete':
      return complete(handoff, command, state.sessionId);
    case 'handoff.deliver':
      return deliver(handoff);
    case 'handoff.return':
      return giveBack(ownership, handoff, command);
    default:
      return assertNever(command);
  }
}

const replyOf = ({ handoffId, status }: Handoff) => ({ handoffId, status });

/** The same key finds the same handoff, whatever has become of it. */
function offer(
  state: SessionState,
  ownership: Ownership,
  command: HandoffCommandOf<'handoff.offer'>,
  at: number,
  seq: number,
): Decision {
  const { sessionId } = state;
  const { key } = command;
  const known = handoffUnder(ownership, key);
  if (known !== undefined) return { events: [], reply: { ...replyOf(known), existing: true } };
  if (ownership.offer !== null)
    return refuse('HANDOFF_PENDING', { sessionId, handoffId: ownership.offer.handoffId });
  const size = ownership.handoffs.filter(({ endedAt }) => endedAt === null).length;
  if (size >= maxLiveHandoffs)
    return refuse('AT_CAPACITY', { what: 'list of open handoffs', sessionId, size, limit: maxLiveHandoffs });
  if (state.profile.durability === 'none') return refuse('NOT_JOURNALED', { sessionId });
  const wake = wakingEdge(state, command.type);
  if (wake === undefined)
    return refuse('SESSION_NOT_ACTIVE', { sessionId, status: statusOf(state), command: command.type });
  const data = offeredData(state, ownership, command, at, { seq, place: seq + wake.length + 1 });
  const reply = { handoffId: data.handoffId, status: 'pending', existing: false };
  return { events: [...wake, { type: 'handoff.offered', data }], reply };
}

function offeredData(
  state: SessionState,
  ownership: Ownership,
  { kind, key, to, route, reason, deadlineMs, given }: HandoffCommandOf<'handoff.offer'>,
  at: number,
  { seq, place }: { readonly seq: number; readonly place: number },
): OfferedData {
  const handoffId = handoffIdOf(state.sessionId, place);
  const contents = packageOf(state, seq, given);
  const text = JSON.stringify(contents);
  return {
    ...{
      handoffId,
      chainId: ownership.chainId ?? ownChain(ownership) ?? handoffId,
      kind,
      key,
      to,
      route,
      reason,
    },
    ...{ deadlineAt: at + deadlineMs, digest: sha256(text), bytes: byteLength(text), package: contents },
  };
}

/** What the session has offered before belongs to the same chain. */
const ownChain = ({ handoffs }: Ownership): string | undefined => handoffs.at(-1)?.chainId;

function accept(
  state: SessionState,
  { owner, ownershipEpoch }: Ownership,
  handoff: Handoff,
  { by, agent, digest }: HandoffCommandOf<'handoff.accept'>,
): Decision {
  const { handoffId, status, kind } = handoff;
  if (handoff.acceptedBy === by && status !== 'returned')
    return { events: [], reply: { ...replyOf(handoff), owner, ownershipEpoch } };
  const refusal = pendingFor(handoff, by, agent);
  if (refusal !== undefined) return refusal;
  if (digest !== undefined && digest !== handoff.digest)
    return refuse('HANDOFF_MISMATCH', {
      handoffId,
      problem: 'the package is another than the one that was seen',
    });
  const isShared = kind === 'collaboration';
  const next = isShared ? { owner, ownershipEpoch } : { owner: by, ownershipEpoch: ownershipEpoch + 1 };
  return {
    events: [
      { type: 'handoff.accepted', data: { handoffId, by, ...next } },
      ...(isShared ? [] : stopAll(state, 'handed over')),
    ],
    reply: { handoffId, status: 'accepted', ...next },
  };
}

/** Why whoever answers may not, or undefined. */
function pendingFor(
  { handoffId, status, to }: Handoff,
  by: string,
  agent: string | null,
): Decision | undefined {
  const isAddressed = to.sessionId === null ? to.agent === agent : to.sessionId === by;
  if (!isAddressed || by === sourceOf(handoffId))
    return refuse('HANDOFF_NOT_ADDRESSED', { handoffId, sessionId: by });
  return status === 'pending' ? undefined : refuse('HANDOFF_SETTLED', { handoffId, status });
}

function reject(handoff: Handoff, { by, agent, reason }: HandoffCommandOf<'handoff.reject'>): Decision {
  const { handoffId, status } = handoff;
  const refusal = pendingFor(handoff, by, agent);
  if (refusal !== undefined) return status === 'rejected' ? { events: [], reply: replyOf(handoff) } : refusal;
  const data: HandoffEventData['handoff.rejected'] = { handoffId, by, reason };
  return { events: [{ type: 'handoff.rejected', data }], reply: { handoffId, status: 'rejected' } };
}

function withdraw(handoff: Handoff, { reason }: HandoffCommandOf<'handoff.withdraw'>): Decision {
  const { handoffId, status } = handoff;
  if (status === 'withdrawn') return { events: [], reply: replyOf(handoff) };
  if (status !== 'pending') return refuse('HANDOFF_SETTLED', { handoffId, status });
  const data: HandoffEventData['handoff.withdrawn'] = { handoffId, reason };
  return { events: [{ type: 'handoff.withdrawn', data }], reply: { handoffId, status: 'withdrawn' } };
}

function expire({ handoffId, deadlineAt }: Handoff, at: number): Decision {
  const data: HandoffEventData['handoff.expired'] = {
    handoffId,
    deadlineAt,
    lateMs: Math.max(0, at - deadlineAt),
  };
  return { events: [{ type: 'handoff.expired', data }] };
}

/** Either side may say that it is done; before it was delivered there is nothing to be done. */
function complete(
  handoff: Handoff,
  { by, outcome, reason, result }: HandoffCommandOf<'handoff.complete'>,
  sessionId: string,
): Decision {
  const { handoffId, status, acceptedBy, deliveredAt } = handoff;
  if (by !== acceptedBy && by !== sessionId)
    return refuse('HANDOFF_NOT_ADDRESSED', { handoffId, sessionId: by });
  if (status === 'completed') return { events: [], reply: { ...replyOf(handoff), outcome: handoff.outcome } };
  if (status !== 'accepted') return refuse('HANDOFF_SETTLED', { handoffId, status });
  if (deliveredAt === null) return refuse('HANDOFF_NOT_DELIVERED', { handoffId });
  const data: HandoffEventData['handoff.completed'] = { handoffId, by, outcome, reason, result };
  return {
    events: [{ type: 'handoff.completed', data }],
    reply: { handoffId, status: 'completed', outcome },
  };
}

function deliver({ handoffId, status, deliveredAt }: Handoff): Decision {
  if (status !== 'accepted' || deliveredAt !== null) return { events: [], reply: { status } };
  return { events: [{ type: 'handoff.delivered', data: { handoffId } }], reply: { status } };
}

/** What moved on meanwhile stays with whoever has it now. */
function giveBack(
  { owner, ownershipEpoch }: Ownership,
  { handoffId, status, kind, acceptedBy, deliveredAt, formerOwner }: Handoff,
  { reason }: HandoffCommandOf<'handoff.return'>,
): Decision {
  if (status !== 'accepted' || deliveredAt !== null) return { events: [], reply: { status } };
  const isTheirs = kind !== 'collaboration' && owner === acceptedBy;
  const next = isTheirs
    ? { owner: formerOwner, ownershipEpoch: ownershipEpoch + 1 }
    : { owner, ownershipEpoch };
  const data: HandoffEventData['handoff.returned'] = { handoffId, reason, ...next };
  return { events: [{ type: 'handoff.returned', data }], reply: { status: 'returned' } };
}

/** It is told in the conversation, with where it comes from. */
function receive(
  state: SessionState,
  { package: contents, type, ...received }: HandoffCommandOf<'handoff.receive'>,
): Decision {
  const { sessionId, profile } = state;
  if (profile.durability === 'none') return refuse('NOT_JOURNALED', { sessionId });
  const wake = wakingEdge(state, type);
  if (wake === undefined)
    return refuse('SESSION_NOT_ACTIVE', {
      sessionId,
      status: statusOf(state),
      command: type,
    });
  const { preservedState, context } = contents;
  const metadata = { handoff: { ...received, context }, preservedState };
  const content = packageText(contents, received.kind, received.route);
  const entry = contextOf(state).entries + 1;
  const told = placed({ role: 'system', content, metadata: asStored(metadata) }, entry);
  const data: HandoffEventData['handoff.received'] = { ...received, entry };
  return {
    events: [...wake, { type: 'message.sent', data: told }, { type: 'handoff.received', data }],
    reply: { entry },
  };
}

/** As a journal would give it back. */
const asStored = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json;

/** What wakes a session that is idle or dormant; undefined where it takes no content. */
function wakingEdge(state: SessionState, cause: string): readonly Proposal[] | undefined {
  const status = statusOf(state);
  if (status === 'active') return [];
  const wakes = status === 'idle' || (status === 'dormant' && wakesTo(state) === 'active');
  return wakes ? [edge(state, 'active', 'activity', cause)] : undefined;
}
