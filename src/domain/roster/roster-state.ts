// The roster: who is here, who is idle and for how long, and what those who are gone have left behind.
import { deepFreeze } from '../../base/json.ts';
import { ShardedMap } from '../../base/sharded-map.ts';
import { type Due, type DueHeap, settledHeap, withDue } from '../due-heap.ts';
import type { Liveness, Work, WorkOfTask } from './roster-events.ts';

export const rosterLimits = {
  members: 20_000,
  /** Of those that died the newest are remembered. */
  dead: 1_000,
} as const;

export interface AssignedWork extends Work {
  /** The seq of its event. */
  readonly assignment: number;
  readonly at: number;
}

export interface Member {
  readonly sessionId: string;
  /** The seq of the event by which it joined. */
  readonly epoch: number;
  readonly role: string;
  readonly liveness: Liveness;
  readonly leaseMs: number;
  readonly joinedAt: number;
  readonly seenAt: number;
  /** Without a sign of life until then it is dead; null for one that is supervised. */
  readonly leaseUntil: number | null;
  /** Its session takes no work now. */
  readonly resting: boolean;
  /** It takes work now, as it says itself. */
  readonly available: boolean;
  readonly idleSince: number;
  /** The seq of the event by which it became idle: nobody becomes idle at the same place. */
  readonly idleSeq: number;
  readonly work: AssignedWork | null;
  /** The assignment that it had last; 0 before the first. */
  readonly last: number;
  /** How much work it was given since it joined. */
  readonly assignments: number;
}

/** A member that is gone; its locks and its work are to be freed. */
export interface Departure {
  /** The seq of its event. */
  readonly departure: number;
  readonly sessionId: string;
  readonly work: AssignedWork | null;
  /** It died or its session ended: what it held is let go. */
  readonly isEnd: boolean;
}

export interface DeadMember {
  readonly sessionId: string;
  readonly role: string;
  readonly joinedAt: number;
  readonly seenAt: number;
  readonly diedAt: number;
  readonly reason: string;
}

interface RosterTally {
  readonly joined: number;
  readonly left: number;
  readonly died: number;
  readonly assigned: number;
  readonly completed: number;
  readonly failed: number;
  readonly released: number;
  /** How long those who are gone were here together, in milliseconds. */
  readonly stayedMs: number;
}

export interface RosterState {
  readonly members: ShardedMap<Member>;
  /** By task the member that has it. */
  readonly byTask: ShardedMap<string>;
  /** By session the tasks of it that members have. */
  readonly tasksOf: ShardedMap<ShardedMap<true>>;
  /** Those who may get work, longest idle first: by role, and all of them. What does not hold any more stays until it comes to the top. */
  readonly idleByRole: ShardedMap<DueHeap>;
  readonly idle: DueHeap | null;
  readonly leases: DueHeap | null;
  readonly departures: readonly Departure[];
  /** Oldest first. */
  readonly dead: readonly DeadMember[];
  readonly tally: RosterTally;
}

const noTally: RosterTally = Object.freeze({
  ...{ joined: 0, left: 0, died: 0, assigned: 0 },
  ...{ completed: 0, failed: 0, released: 0, stayedMs: 0 },
});

export const emptyRoster: RosterState = Object.freeze({
  members: ShardedMap.empty,
  byTask: ShardedMap.empty,
  tasksOf: ShardedMap.empty,
  idleByRole: ShardedMap.empty,
  idle: null,
  leases: null,
  departures: [],
  dead: [],
  tally: noTally,
});

export const isFree = ({ work, resting, available }: Member): boolean =>
  work === null && !resting && available;

export const taskKey = ({ sessionId, taskId }: WorkOfTask): string => `${sessionId}/${taskId}`;

/** So many entries that count no more may be in a heap, beside as many as there are members. */
const fewStale = 64;

const idleDue = ({ idleSince: at, idleSeq: order, sessionId: id }: Member) => ({ at, order, id });
const leaseDue = (at: number, { epoch: order, sessionId: id }: Member) => ({ at, order, id });

/** The state with a member as it is now, or without it. */
export function withMember(state: RosterState, sessionId: string, member: Member | undefined): RosterState {
  const before = state.members.get(sessionId);
  const members =
    member === undefined ? state.members.delete(sessionId) : state.members.set(sessionId, member);
  const given = withGiven(state, sessionId, before?.work?.task ?? null, member?.work?.task ?? null);
  return withLeases(withIdle({ ...state, ...given, members }, before, member), before, member);
}

type Given = Pick<RosterState, 'byTask' | 'tasksOf'>;

const givenOf = (tasksOf: RosterState['tasksOf'], sessionId: string): ShardedMap<true> =>
  tasksOf.get(sessionId) ?? ShardedMap.empty;

/** Who has which task, once a member has another one, or none. */
function withGiven(state: Given, sessionId: string, had: WorkOfTask | null, has: WorkOfTask | null): Given {
  let { byTask, tasksOf } = state;
  if (had !== null && (has === null || taskKey(had) !== taskKey(has))) {
    byTask = byTask.delete(taskKey(had));
    const rest = givenOf(tasksOf, had.sessionId).delete(had.taskId);
    tasksOf = rest.size === 0 ? tasksOf.delete(had.sessionId) : tasksOf.set(had.sessionId, rest);
  }
  if (has !== null && !byTask.has(taskKey(has)))
    tasksOf = tasksOf.set(has.sessionId, givenOf(tasksOf, has.sessionId).set(has.taskId, true));
  if (has !== null) byTask = byTask.set(taskKey(has), sessionId);
  return { byTask, tasksOf };
}

function withIdle(state: RosterState, before: Member | undefined, member: Member | undefined): RosterState {
  const { members } = state;
  let { idle, idleByRole } = state;
  if (member !== undefined && isFree(member) && !isSameIdle(before, member)) {
    const due = idleDue(member);
    idle = withDue(idle, due);
    idleByRole = idleByRole.set(member.role, withDue(idleByRole.get(member.role) ?? null, due));
    if (idle.size > 2 * members.size + fewStale) return { ...state, ...idleHeaps(members) };
  }
  const role = before?.role;
  const heap = role === undefined ? null : (idleByRole.get(role) ?? null);
  if (role !== undefined && heap !== null) {
    const rest = settledHeap(heap, (due) => isIdle(members, due, role));
    if (rest !== heap) idleByRole = rest === null ? idleByRole.delete(role) : idleByRole.set(role, rest);
  }
  return { ...state, idle: settledHeap(idle, (due) => isIdle(members, due, null)), idleByRole };
}

const isSameIdle = (before: Member | undefined, { idleSeq, role }: Member): boolean =>
  before !== undefined && isFree(before) && before.idleSeq === idleSeq && before.role === role;

function isIdle(members: ShardedMap<Member>, { id, order }: Due, role: string | null): boolean {
  const member = members.get(id);
  const isHere = member !== undefined && isFree(member) && member.idleSeq === order;
  return isHere && (role === null || member.role === role);
}

function idleHeaps(members: ShardedMap<Member>): Pick<RosterState, 'idle' | 'idleByRole'> {
  let idle: DueHeap | null = null;
  const roles = new Map<string, DueHeap>();
  for (const [, member] of members.entries()) {
    if (!isFree(member)) continue;
    idle = withDue(idle, idleDue(member));
    roles.set(member.role, withDue(roles.get(member.role) ?? null, idleDue(member)));
  }
  return { idle, idleByRole: ShardedMap.of(roles) };
}

function withLeases(state: RosterState, before: Member | undefined, member: Member | undefined): RosterState {
  const { members } = state;
  const at = member?.leaseUntil ?? null;
  let { leases } = state;
  if (member !== undefined && at !== null && at !== before?.leaseUntil)
    leases = withDue(leases, leaseDue(at, member));
  if ((leases?.size ?? 0) > 2 * members.size + fewStale) leases = allLeases(members);
  return { ...state, leases: settledHeap(leases, (due) => isLease(members, due)) };
}

function isLease(members: ShardedMap<Member>, { id, at, order }: Due): boolean {
  const member = members.get(id);
  return member !== undefined && member.epoch === order && member.leaseUntil === at;
}

function allLeases(members: ShardedMap<Member>): DueHeap | null {
  let heap: DueHeap | null = null;
  for (const [, member] of members.entries())
    if (member.leaseUntil !== null) heap = withDue(heap, leaseDue(member.leaseUntil, member));
  return heap;
}

/** Of the role if one is idle, else of all unless `strict`: whoever is idle for longest. */
export function chosenMember(
  { members, idle, idleByRole }: RosterState,
  role: string | null,
  strict: boolean,
  except: readonly string[],
): Member | undefined {
  const first = (heap: DueHeap | null, inRole: string | null): Member | undefined => {
    const top = settledHeap(heap, (due) => isIdle(members, due, inRole) && !except.includes(due.id));
    return top === null ? undefined : members.get(top.id);
  };
  const preferred = role === null ? undefined : first(idleByRole.get(role) ?? null, role);
  return preferred ?? (strict && role !== null ? undefined : first(idle, null));
}

/** In the order of their ids. */
export const listMembers = ({ members }: Pick<RosterState, 'members'>): readonly Member[] =>
  [...members.entries()].map(([, member]) => member).sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1));

interface Encoded extends Pick<RosterState, 'departures' | 'dead' | 'tally'> {
  readonly members: readonly Member[];
}

export function encodeRoster(state: RosterState): string {
  const { departures, dead, tally } = state;
  const encoded: Encoded = { members: listMembers(state), departures, dead, tally };
  return JSON.stringify(encoded);
}

export function decodeRoster(text: string): RosterState {
  const { members: list, ...rest } = deepFreeze(JSON.parse(text)) as Encoded;
  const members = ShardedMap.of(list.map((member) => [member.sessionId, member] as const));
  return {
    ...{ ...rest, ...allGiven(list), members },
    ...{ ...idleHeaps(members), leases: allLeases(members) },
  };
}

function allGiven(members: readonly Member[]): Given {
  const byTask: (readonly [string, string])[] = [];
  const tasksOf = new Map<string, (readonly [string, true])[]>();
  for (const { sessionId, work } of members) {
    if (work?.task == null) continue;
    byTask.push([taskKey(work.task), sessionId]);
    const given = tasksOf.get(work.task.sessionId) ?? [];
    given.push([work.task.taskId, true]);
    tasksOf.set(work.task.sessionId, given);
  }
  const bySession = [...tasksOf].map(([id, given]) => [id, ShardedMap.of(given)] as const);
  return { byTask: ShardedMap.of(byTask), tasksOf: ShardedMap.of(bySession) };
}
