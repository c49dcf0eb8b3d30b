// Which events a command to a space leads to: its life, who is in it, what it held before, and what its inbox is settled with.
import type { Json } from '../../base/json.ts';
import { type Decision, refuse } from '../law.ts';
import type { MergeRegistry } from './merge-policies.ts';
import { type PastValue, pastKey, type SpaceCommand } from './space-commands.ts';
import type { WrittenKey } from './space-events.ts';
import { mayUse, policyOf, type SpaceEntry, type SpaceState, spaceLimits, versionOf } from './space-state.ts';
import { fitted } from './space-values.ts';
import { decideWrite, notMember, refusalOfSize, versionConflict, written } from './space-writes.ts';

type Of<Type extends SpaceCommand['type']> = Extract<SpaceCommand, { readonly type: Type }>;

export function decideSpace(
  registry: MergeRegistry,
  state: SpaceState,
  command: SpaceCommand,
  seq: number,
): Decision {
  const { spaceId, status } = state;
  if (command.type === 'space.create') return create(registry, state, command);
  if (status !== 'open') return refuse('SPACE_NOT_FOUND', { spaceId });
  switch (command.type) {
    case 'space.delete':
      return { events: [{ type: 'space.deleted', data: { reason: command.reason } }], reply: { spaceId } };
    case 'space.join':
      return join(state, command);
    case 'space.leave':
      return leave(state, command);
    case 'space.write':
      return decideWrite(registry, state, command, seq);
    case 'space.rollback':
      return rollback(state, command, seq);
    case 'space.settle':
      return settle(state, command, seq);
  }
}

/** The space of an owner is there already for all who come later. */
function create(
  registry: MergeRegistry,
  { spaceId, status, scope, owner }: SpaceState,
  { type: _, ...data }: Of<'space.create'>,
): Decision {
  if (status === 'open') {
    const isSame = data.scope !== 'named' && scope === data.scope && owner === data.owner;
    return isSame ? { events: [], reply: { spaceId, created: false } } : refuse('SPACE_EXISTS', { spaceId });
  }
  for (const { policy } of data.policies) {
    const name = policy.startsWith('custom:') ? policy.slice('custom:'.length) : undefined;
    if (name !== undefined && !registry.has(name)) return refuse('MERGE_POLICY_UNKNOWN', { policy: name });
  }
  return { events: [{ type: 'space.created', data }], reply: { spaceId, created: true } };
}

function join(state: SpaceState, { sessionId }: Of<'space.join'>): Decision {
  const { spaceId, scope, members } = state;
  if (scope !== 'named')
    return mayUse(state, sessionId) ? { events: [] } : refuse('NOT_A_MEMBER', { spaceId, sessionId });
  if (members.has(sessionId)) return { events: [] };
  const { size } = members;
  if (size >= spaceLimits.members)
    return refuse('SPACE_FULL', { spaceId, what: 'list of members', size, limit: spaceLimits.members });
  return { events: [{ type: 'space.joined', data: { sessionId } }] };
}

function leave({ members }: SpaceState, { sessionId, reason }: Of<'space.leave'>): Decision {
  if (!members.has(sessionId)) return { events: [] };
  return { events: [{ type: 'space.left', data: { sessionId, reason } }] };
}

function rollback(state: SpaceState, command: Of<'space.rollback'>, seq: number): Decision {
  const { by, cause, key, to } = command;
  if (!mayUse(state, by)) return notMember(state, by);
  const chosen = key === null ? [...state.entries.entries()] : oneEntry(state, key);
  if (key !== null && chosen[0]?.[1].versions.includes(to) !== true) return notKept(state, key, to);
  if (key === null && to < state.forgottenThrough) return notKept(state, 'any', to);
  const writes: WrittenKey[] = [];
  for (const [name, entry] of chosen) {
    const past = pastOf(entry, to, (version) => command.values.get(pastKey(name, version)));
    if (past === undefined) return notKept(state, name, to);
    const write = written({ key: name, op: 'rollback' }, past.value, versionOf(state, name), 'written');
    if (write.hash !== entry.hash) writes.push(write);
  }
  if (writes.length === 0) return { events: [], reply: { version: state.version, keys: 0 } };
  const data = { by, cause, to, key, writes };
  const reply = { version: seq + 1, keys: writes.length };
  return refusalOfSize(state, writes) ?? { events: [{ type: 'space.rolledBack', data }], reply };
}

const oneEntry = ({ entries }: SpaceState, key: string): (readonly [string, SpaceEntry])[] => {
  const entry = entries.get(key);
  return entry === undefined ? [] : [[key, entry]];
};

const notKept = ({ spaceId }: SpaceState, key: string, version: number): Decision =>
  refuse('VERSION_NOT_KEPT', { spaceId, key, version });

/** What a key held at a version: nothing before it was first written; undefined when that is not kept. */
function pastOf(
  entry: SpaceEntry,
  to: number,
  find: (version: number) => PastValue | undefined,
): { readonly version: number; readonly value: Json | undefined } | undefined {
  const version = entry.versions.findLast((kept) => kept <= to);
  if (version === undefined) return entry.since > to ? { version: 0, value: undefined } : undefined;
  if (version === entry.version) return { version, value: entry.value };
  const past = find(version);
  return past && { version, value: past.value };
}

function settle(state: SpaceState, command: Of<'space.settle'>, seq: number): Decision {
  const { spaceId, conflicts } = state;
  const { by, cause, conflictId, take, value } = command;
  if (!mayUse(state, by)) return notMember(state, by);
  const conflict = conflicts.find((one) => one.conflictId === conflictId);
  if (conflict === undefined) return refuse('CONFLICT_NOT_FOUND', { spaceId, conflictId });
  const { key, mine, theirs } = conflict;
  const seen = command.version ?? theirs.version;
  const base = versionOf(state, key);
  // What is there stays, whatever it has become.
  if (take !== 'theirs' && base !== seen) return versionConflict(state, { key, version: seen });
  const policy = policyOf(state, key);
  const fit = fitted(policy, state.entries.get(key)?.value, take === 'mine' ? mine.value : value);
  if (take !== 'theirs' && 'problem' in fit)
    return refuse('POLICY_MISMATCH', { spaceId, key, op: 'settle', policy, problem: fit.problem });
  const isWritten = take !== 'theirs' && 'value' in fit;
  const writes = isWritten ? [written({ key, op: 'settle' }, fit.value, base, 'written')] : [];
  const data = { by, cause, conflictId, key, take, writes };
  const reply = {
    version: isWritten && fit.value !== undefined ? seq + 1 : isWritten ? 0 : base,
    outcome: take,
  };
  return refusalOfSize(state, writes) ?? { events: [{ type: 'space.settled', data }], reply };
}
