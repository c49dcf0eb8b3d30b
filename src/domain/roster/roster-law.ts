// The law of the roster, whole. All members stand in one stream: so that two never get one task, and work goes to whoever is idle for
// longest.
import { type Law, type LawEvent, refuse } from '../law.ts';
import type { RosterCommand } from './roster-commands.ts';
import { decideRoster } from './roster-decisions.ts';
import type { RosterEventData, RosterEventType } from './roster-events.ts';
import {
  decodeRoster,
  emptyRoster,
  encodeRoster,
  type Member,
  type RosterState,
  rosterLimits,
  withMember,
} from './roster-state.ts';

const kind = 'roster';

/** The id of the one stream. */
export const rosterId = 'main';
export const rosterStream = `${kind}/${rosterId}`;

export const rosterLaw: Law<RosterState, RosterCommand> = {
  kind,
  version: 1,
  eventVersions: {},
  initial: () => emptyRoster,
  tombstone: () => emptyRoster,
  decide: decideRoster,
  evolve: evolveRoster,
  explain: (_, { data }) => {
    const { sessionId = '' } = data as { readonly sessionId?: string };
    return refuse('NOT_ON_ROSTER', { sessionId }).refusal;
  },
  due: ({ leases }, now, time = now) =>
    leases !== null && leases.at <= time ? { type: 'roster.lapse', sessionId: leases.id } : undefined,
  nextSpan: ({ leases }) => leases?.at ?? null,
  nextDeadline: ({ leases }) => leases?.at ?? null,
  isUrgent: ({ type }) => urgent.has(type),
  isProgress: ({ type }) => type !== 'roster.died' && type !== 'roster.renewed',
  summarize: ({ members, departures, leases }) => ({
    status: members.size > 0 ? 'manned' : 'empty',
    dueAt: leases?.at ?? null,
    summary: { members: members.size, departures: departures.length },
  }),
  encode: encodeRoster,
  decode: decodeRoster,
};

const urgent: ReadonlySet<RosterCommand['type']> = new Set<RosterCommand['type']>([
  ...(['roster.leave', 'roster.free', 'roster.clear', 'roster.lapse'] as const),
]);

type Data<Type extends RosterEventType> = RosterEventData[Type];

function evolveRoster(state: RosterState, event: LawEvent): RosterState | undefined {
  const { type, at, seq } = event;
  if (type === 'roster.joined') return joined(state, event.data as Data<'roster.joined'>, at, seq);
  if (type === 'roster.cleared') {
    const { departure } = event.data as Data<'roster.cleared'>;
    return { ...state, departures: state.departures.filter((one) => one.departure !== departure) };
  }
  const member = state.members.get((event.data as { readonly sessionId: string }).sessionId);
  return member === undefined ? undefined : evolved(state, member, event);
}

function joined(
  state: RosterState,
  { sessionId, role, liveness, leaseMs, resting }: Data<'roster.joined'>,
  at: number,
  seq: number,
): RosterState | undefined {
  if (state.members.has(sessionId)) return undefined;
  const member: Member = {
    ...{ sessionId, epoch: seq, role, liveness, leaseMs, joinedAt: at, seenAt: at },
    leaseUntil: liveness === 'lease' ? at + leaseMs : null,
    ...{ resting, available: true, idleSince: at, idleSeq: seq, work: null, last: 0, assignments: 0 },
  };
  const dead = state.dead.filter((one) => one.sessionId !== sessionId);
  return withMember(tallied({ ...state, dead }, { joined: 1 }), sessionId, member);
}

function evolved(state: RosterState, member: Member, event: LawEvent): RosterState | undefined {
  const { type, at, seq } = event;
  const { sessionId } = member;
  const become = (changes: Partial<Member>): RosterState =>
    withMember(state, sessionId, { ...member, ...changes });
  switch (type as RosterEventType) {
    case 'roster.changed': {
      const { sessionId: _, ...changes } = event.data as Data<'roster.changed'>;
      const isBack = changes.available === true || changes.resting === false;
      return become({ ...changes, ...(isBack && { idleSince: at, idleSeq: seq }) });
    }
    case 'roster.renewed': {
      const { leaseUntil } = event.data as Data<'roster.renewed'>;
      return become({ leaseUntil, seenAt: at });
    }
    case 'roster.assigned': {
      const { sessionId: _, ...work } = event.data as Data<'roster.assigned'>;
      if (member.work !== null) return undefined;
      const assigned = { ...work, assignment: seq, at };
      return tallied(become({ work: assigned, assignments: member.assignments + 1 }), { assigned: 1 });
    }
    case 'roster.freed': {
      const { outcome, assignment: last } = event.data as Data<'roster.freed'>;
      const freed = become({ work: null, last, idleSince: at, idleSeq: seq });
      const counted = outcome === 'completed' || outcome === 'failed' ? outcome : 'released';
      return tallied(freed, { [counted]: 1 });
    }
    case 'roster.left':
    case 'roster.died':
      return gone(state, member, event);
    default:
      return undefined;
  }
}

function gone(state: RosterState, member: Member, { type, at, seq, data }: LawEvent): RosterState {
  const { sessionId, role, joinedAt, seenAt, work } = member;
  const { reason } = data as Data<'roster.died'>;
  const isEnd = type === 'roster.died';
  const leaves = isEnd || work !== null;
  const departures = leaves
    ? [...state.departures, { departure: seq, sessionId, work, isEnd }]
    : state.departures;
  const dead = isEnd
    ? [...state.dead, { sessionId, role, joinedAt, seenAt, diedAt: at, reason }].slice(-rosterLimits.dead)
    : state.dead;
  const counts = { [isEnd ? 'died' : 'left']: 1, stayedMs: Math.max(0, at - joinedAt) };
  return withMember(tallied({ ...state, departures, dead }, counts), sessionId, undefined);
}

function tallied(state: RosterState, counts: Partial<RosterState['tally']>): RosterState {
  const tally: Record<string, number> = { ...state.tally };
  for (const [name, count] of Object.entries(counts)) tally[name] = (tally[name] ?? 0) + count;
  return { ...state, tally: tally as unknown as RosterState['tally'] };
}
