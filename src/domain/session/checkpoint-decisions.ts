// What commands about checkpoints lead to, and when a checkpoint is made of itself: with the command that comes when one is due,
// before its events. There is no timer.
import { assertNever } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import type { Json } from '../../base/json.ts';
import { stopAll } from '../agent/agent-decisions.ts';
import { type Decision, type Proposal, refuse } from '../law.ts';
import {
  type CheckpointData,
  type CheckpointReason,
  findCheckpoint,
  isManual,
  maxManualCheckpoints,
} from './checkpoints.ts';
import type {
  CheckpointCommand,
  CreateCheckpoint,
  OrdinaryCommand,
  RollBackSession,
} from './session-commands.ts';
import type { SessionConfig } from './session-config.ts';
import { decideSession, isMissing } from './session-decisions.ts';
import type { RolledBackData } from './session-events.ts';
import type { SessionStatus } from './session-lifecycle.ts';
import { contextOf, type SessionState, statusOf } from './session-state.ts';
import { encodeSession, sessionLawVersion } from './session-text.ts';
import { edge, laterEdge, notLawful, wakesTo } from './status-edge.ts';

export function decideWithCheckpoints(
  state: SessionState,
  command: OrdinaryCommand | CheckpointCommand,
  at: number,
  seq: number,
): Decision {
  if (isCheckpointCommand(command)) return decideCheckpoint(state, command, seq);
  const decision = decideSession(state, command);
  if ('refusal' in decision || decision.events.length === 0) return decision;
  // It is decided on a state that somebody vouches for, and no replay need lead there: whoever can prove it asks for one.
  if (command.type === 'session.recover') return decision;
  const reason = dueReason(state, command, at, seq);
  if (reason === undefined) return decision;
  return { ...decision, events: [checkpointOf(state, seq, { reason }), ...decision.events] };
}

function isCheckpointCommand(command: OrdinaryCommand | CheckpointCommand): command is CheckpointCommand {
  return command.type === 'session.rollback' || command.type.startsWith('checkpoint.');
}

function decideCheckpoint(state: SessionState, command: CheckpointCommand, seq: number): Decision {
  const { sessionId } = state;
  if (isMissing(state)) return refuse('SESSION_NOT_FOUND', { sessionId });
  if (command.type === 'session.rollback') return rollBack(state, command, seq);
  const status = statusOf(state);
  if (!open.has(status)) return refuse('SESSION_NOT_ACTIVE', { sessionId, status, command: command.type });
  switch (command.type) {
    case 'checkpoint.create':
      return createCheckpoint(state, command, seq);
    case 'checkpoint.delete': {
      const { checkpointId } = command;
      if (findCheckpoint(state.checkpoints, checkpointId) === undefined)
        return refuse('CHECKPOINT_NOT_FOUND', { sessionId, checkpointId });
      return { events: [{ type: 'checkpoint.deleted', data: { checkpointId } }], reply: { checkpointId } };
    }
    default:
      return assertNever(command);
  }
}

function createCheckpoint(state: SessionState, command: CreateCheckpoint, seq: number): Decision {
  const { reason, name, description, metadata } = command;
  const { sessionId, checkpoints, profile } = state;
  if (reason !== 'manual') {
    const isAsked =
      reason === 'recovery' ? profile.durability !== 'none' : profile.config.checkpointOn.includes(reason);
    const isWanted = isAsked && seq > checkpoints.lastSeq;
    return { events: isWanted ? [checkpointOf(state, seq, { reason })] : [] };
  }
  const size = checkpoints.list.filter(isManual).length;
  if (size >= maxManualCheckpoints) {
    const limit = maxManualCheckpoints;
    return refuse('AT_CAPACITY', { what: 'list of checkpoints', sessionId, size, limit });
  }
  const created = checkpointOf(state, seq, { reason, name, description, metadata });
  const { checkpointId, stateHash } = created.data;
  return { events: [created], reply: { checkpointId, version: seq, stateHash } };
}

/** What is done away with gets a checkpoint of its own, so that a rollback can be rolled back. */
function rollBack(state: SessionState, command: RollBackSession, seq: number): Decision {
  if (!open.has(statusOf(state))) return notLawful(state, 'active');
  const { type: _, ...target } = command;
  const before = checkpointOf(state, seq, { reason: 'rollback' });
  const data: RolledBackData = { ...target, lawVersion: sessionLawVersion };
  return {
    events: [
      before,
      ...stopAll(state, 'rolledBack'),
      ...activation(state, command.reason),
      { type: 'session.rolledBack', data },
    ],
    reply: { status: 'active', version: command.to, undo: before.data.checkpointId },
  };
}

function activation(state: SessionState, reason: string): readonly Proposal[] {
  const [status, cause] = [statusOf(state), 'session.rollback'];
  if (status === 'active') return [];
  if (status !== 'dormant' || wakesTo(state) === 'active') return [edge(state, 'active', reason, cause)];
  return [edge(state, 'paused', reason, cause), laterEdge('paused', 'active', reason, cause)];
}

const open: ReadonlySet<SessionStatus> = new Set(['active', 'idle', 'paused', 'dormant']);

/** Why a checkpoint is to be made before the events of this command; for most commands that is told by two comparisons. */
function dueReason(
  state: SessionState,
  { type }: OrdinaryCommand,
  at: number,
  seq: number,
): CheckpointReason | undefined {
  const { config } = state.profile;
  const since = seq - state.checkpoints.lastSeq;
  const isCounted = config.checkpointEveryEvents !== null && since >= config.checkpointEveryEvents;
  const isPlain = config.checkpointEveryMs === null && !special.has(type);
  if (isPlain && !isCounted) return undefined;
  const reason = special.get(type);
  if (reason === 'restore')
    return statusOf(state) === 'initializing' || isMissing(state) ? undefined : reason;
  // What is not journaled cannot be read again as it was; and that time has passed is no reason to keep what was before.
  if (!open.has(statusOf(state)) || state.profile.durability === 'none' || type === 'session.fallQuiet')
    return undefined;
  if (since > 0 && reason !== undefined && config.checkpointOn.includes(reason)) return reason;
  if (isCounted) return 'count';
  return since > 0 && isLongAgo(state, config, at, since) ? 'interval' : undefined;
}

const special: ReadonlyMap<string, 'pause' | 'hibernate' | 'restore'> = new Map([
  ['session.pause', 'pause'],
  ['session.hibernate', 'hibernate'],
  ['session.restore', 'restore'],
]);

/** Much happens at 60 events a minute, something at 6, little below. */
const tiers = [
  { afterMs: 30_000, events: 30 },
  { afterMs: 120_000, events: 12 },
  { afterMs: 300_000, events: 1 },
] as const;

function isLongAgo(
  state: SessionState,
  { checkpointEveryMs: every }: SessionConfig,
  at: number,
  since: number,
): boolean {
  if (every === null) return false;
  const { lastSeq, lastAt } = state.checkpoints;
  const { openedAt } = contextOf(state);
  const elapsed = at - (lastSeq > 0 ? lastAt : (openedAt ?? at));
  if (every !== 'adaptive') return elapsed >= every;
  return tiers.some(({ afterMs, events }) => elapsed >= afterMs && since >= events);
}

const nothing: Json = Object.freeze({});

/** Made of the state at `seq`; its event is the next, and names it. */
function checkpointOf(
  state: SessionState,
  seq: number,
  {
    reason,
    name = null,
    description = null,
    metadata = nothing,
  }: Pick<CheckpointData, 'reason'> & Partial<CheckpointData>,
): Proposal & { readonly data: CheckpointData } {
  const [checkpointId, stateHash] = [`c${seq + 1}`, sha256(encodeSession(state))];
  const lawVersion = sessionLawVersion;
  const data = { checkpointId, name, description, metadata, reason, stateHash, lawVersion };
  return { type: 'checkpoint.created', data };
}
