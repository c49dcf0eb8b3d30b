// Which events a command to the roster leads to.
import { assertNever } from '../../base/errors.ts';
import { type Decision, refuse } from '../law.ts';
import type { AssignWork, RosterCommand } from './roster-commands.ts';
import { chosenMember, type Member, type RosterState, rosterLimits, taskKey } from './roster-state.ts';

type Of<Type extends RosterCommand['type']> = Extract<RosterCommand, { readonly type: Type }>;

export function decideRoster(state: RosterState, command: RosterCommand, at: number, seq: number): Decision {
  if (command.type === 'roster.join') return join(state, command, at);
  if (command.type === 'roster.assign') return assign(state, command, seq);
  if (command.type === 'roster.clear') return clear(state, command);
  const member = state.members.get(command.sessionId);
  if (member === undefined)
    return command.type === 'roster.leave' || command.type === 'roster.lapse'
      ? { events: [], reply: { left: false } }
      : refuse('NOT_ON_ROSTER', { sessionId: command.sessionId });
  switch (command.type) {
    case 'roster.update':
      return update(member, command);
    case 'roster.beat':
      return beat(member, at);
    case 'roster.leave':
      return leave(member, command);
    case 'roster.free':
      return free(member, command);
    case 'roster.lapse':
      return lapse(member, at);
    default:
      return assertNever(command);
  }
}

/** Who is here already stays as it is, and has given a sign of life. */
function join(state: RosterState, command: Of<'roster.join'>, at: number): Decision {
  const { type: _, ...data } = command;
  const known = state.members.get(data.sessionId);
  if (known !== undefined) {
    const { events } = beat(known, at) as { readonly events: readonly never[] };
    const { role, leaseUntil, leaseMs } = known;
    const until = leaseUntil === null ? null : at + leaseMs;
    return { events, reply: { joined: false, role, leaseMs, leaseUntil: until } };
  }
  if (state.members.size >= rosterLimits.members)
    return refuse('ROSTER_FULL', { limit: rosterLimits.members });
  const leaseUntil = data.liveness === 'lease' ? at + data.leaseMs : null;
  const reply = { joined: true, role: data.role, leaseMs: data.leaseMs, leaseUntil };
  return { events: [{ type: 'roster.joined', data }], reply };
}

function update(member: Member, { type: _, sessionId, ...said }: Of<'roster.update'>): Decision {
  const names = ['role', 'available', 'resting'] as const;
  const changes = names.filter((name) => said[name] !== undefined && said[name] !== member[name]);
  if (changes.length === 0) return { events: [] };
  const data = { sessionId, ...Object.fromEntries(changes.map((name) => [name, said[name]])) };
  return { events: [{ type: 'roster.changed', data }] };
}

function beat({ sessionId, leaseUntil, leaseMs }: Member, at: number): Decision {
  if (leaseUntil === null) return { events: [], reply: { leaseUntil: null } };
  const until = at + leaseMs;
  return {
    events: [{ type: 'roster.renewed', data: { sessionId, leaseUntil: until } }],
    reply: { leaseUntil: until },
  };
}

function leave({ sessionId }: Member, { reason, isEnd }: Of<'roster.leave'>): Decision {
  const type = isEnd ? 'roster.died' : 'roster.left';
  return { events: [{ type, data: { sessionId, reason } }], reply: { left: true } };
}

/** What somebody has already stays his; nobody is an answer too. */
function assign(state: RosterState, command: AssignWork, seq: number): Decision {
  const { type: _, strict, except, ...work } = command;
  const holder = work.task === null ? undefined : state.byTask.get(taskKey(work.task));
  const has = holder === undefined ? undefined : state.members.get(holder);
  if (has?.work != null) {
    const { assignment } = has.work;
    return { events: [], reply: { member: has.sessionId, role: has.role, assignment, isNew: false } };
  }
  const member = chosenMember(state, work.role, strict, except);
  if (member === undefined)
    return { events: [], reply: { member: null, role: null, assignment: null, isNew: false } };
  const { sessionId, role } = member;
  return {
    events: [{ type: 'roster.assigned', data: { sessionId, ...work } }],
    reply: { member: sessionId, role, assignment: seq + 1, isNew: true },
  };
}

function free({ sessionId, work, last }: Member, command: Of<'roster.free'>): Decision {
  const { assignment: named, outcome, mayBeOver = false } = command;
  if (mayBeOver && named === last) return { events: [], reply: { assignment: last } };
  if (work === null || (named !== null && named !== work.assignment))
    return refuse('NO_SUCH_ASSIGNMENT', { sessionId, assignment: named });
  const { assignment } = work;
  const data = { sessionId, assignment, outcome };
  return { events: [{ type: 'roster.freed', data }], reply: { assignment } };
}

const clear = ({ departures }: RosterState, { departure }: Of<'roster.clear'>): Decision => ({
  events: departures.some((one) => one.departure === departure)
    ? [{ type: 'roster.cleared', data: { departure } }]
    : [],
});

function lapse({ sessionId, leaseUntil, seenAt }: Member, at: number): Decision {
  if (leaseUntil === null || leaseUntil > at) return { events: [] };
  const reason = `nothing was heard of it for ${at - seenAt} ms`;
  return { events: [{ type: 'roster.died', data: { sessionId, reason } }] };
}
