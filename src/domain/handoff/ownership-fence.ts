// Who may write to a session that has an owner: the owner of now, and whoever shares it. What the owner before still sends names
// an epoch that is over, and is refused here, in the law.

import type { Refusal } from '../law.ts';
import type { SessionCommand } from '../session/session-commands.ts';
import type { SessionState } from '../session/session-state.ts';
import type { Ownership, OwnershipClaim } from './handoff.ts';
import { handoffUnder, noOwnership } from './handoff.ts';

/** What the work of a session is made of. What comes to it from outside, and what looks after it, is nobody's own. */
const owned: ReadonlySet<string> = new Set<SessionCommand['type']>([
  ...(['message.send', 'message.pin', 'message.unpin', 'conversation.clear'] as const),
  ...(['file.add', 'file.remove', 'file.index', 'memory.set', 'memory.delete'] as const),
  ...(['event.publish', 'agent.start', 'handoff.offer', 'handoff.withdraw'] as const),
  'session.merge',
]);

/** Runs of the owner before were stopped when it changed: one that is open may write, and is fenced by itself. */
export function fenceOwner(
  { sessionId, ownership = noOwnership }: SessionState,
  command: SessionCommand,
  claim: OwnershipClaim | undefined,
  isAgent: boolean,
): Refusal | undefined {
  const { owner, ownershipEpoch, collaborators } = ownership;
  if (asksAgain(ownership, command)) return undefined;
  if (claim === undefined) {
    if (owner === null || isAgent || !owned.has(command.type) || comesFromOutside(command)) return undefined;
    return { code: 'OWNERSHIP_REQUIRED', details: { sessionId, owner, ownershipEpoch } };
  }
  const isNamed = owner === null || claim.owner === owner || collaborators.includes(claim.owner);
  if (claim.epoch === ownershipEpoch && isNamed) return undefined;
  const details = { sessionId, claimed: claim.owner, epoch: claim.epoch, owner, ownershipEpoch };
  return { code: 'OWNERSHIP_LOST', details };
}

/** An offer under a key that is known changes nothing: who could not hear the answer is told of it, whoever owns the session now. */
const asksAgain = (ownership: Ownership, command: SessionCommand): boolean =>
  command.type === 'handoff.offer' && handoffUnder(ownership, command.key) !== undefined;

/** A child of a run is started by that run. */
function comesFromOutside(command: SessionCommand): boolean {
  if (command.type === 'message.send') return command.message.role === 'user';
  return command.type === 'agent.start' && command.parentRunId !== undefined;
}
