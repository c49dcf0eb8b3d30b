// The handlers of all operations on the roster, for the system to bind.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { WorkOfTask } from '../../domain/roster/roster-events.ts';
import {
  type DeadMember,
  isFree,
  listMembers,
  type Member,
  type RosterState,
} from '../../domain/roster/roster-state.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import { listCursor, placeIn } from '../../operations/list-cursor.ts';
import type { OperationName, OutputOf, ParsedInputOf } from '../../operations/registry.ts';
import {
  type MemberInfo,
  type MemberStatus,
  memberStatuses,
  type RosterStats,
} from '../../operations/views/roster-views.ts';
import type { Acknowledged, Page } from '../../operations/views/views.ts';
import type { SessionWatch } from '../session-watch.ts';
import type { Roster } from './roster.ts';
import { isOver } from './roster-work.ts';

export type RosterOperation = Extract<OperationName, `roster.${string}`>;

export interface RosterHandlerContext {
  readonly roster: Roster;
  readonly clock: Clock;
  /** Throws where the session may not be on the roster; answers whether it takes no work now. */
  readonly admit: (sessionId: string) => Promise<{ readonly isResting: boolean }>;
  readonly endOf: SessionWatch['endOf'];
  readonly locksOf: (sessionId: string) => readonly string[];
}

/** Signs of life are due so often within a lease. */
const beatsPerLease = 4;

export function rosterHandlers(context: RosterHandlerContext): Handlers<RosterOperation> {
  const { roster } = context;
  return {
    ...workHandlers(context),
    'roster.join': (input, call) => join(context, input, call),
    'roster.leave': ({ sessionId, reason }, call) =>
      answered(roster.send({ type: 'roster.leave', sessionId, reason, isEnd: false }, call)),
    'roster.heartbeat': ({ sessionId }, call) =>
      answered(roster.send({ type: 'roster.beat', sessionId }, call)),
    'roster.update': ({ sessionId, role, available }, call) => {
      const changes = { ...(role !== undefined && { role }), ...(available !== undefined && { available }) };
      return roster.send({ type: 'roster.update', sessionId, ...changes }, call);
    },
    'roster.get': async ({ sessionId }) => memberInfo(context, await roster.member(sessionId)),
    'roster.peers': async ({ sessionId, role }) =>
      listMembers(await roster.read())
        .filter((one) => one.sessionId !== sessionId && (role === undefined || one.role === role))
        .map((member) => memberInfo(context, member)),
    'roster.list': (input) => list(context, input),
    'roster.stats': async () => statsOf(await roster.read()),
  };
}

type WorkOperation = `roster.${'assign' | 'work' | 'complete' | 'fail' | 'release'}`;

type Verdict = Parameters<Roster['work']['end']>[2];

/** Whatever keeps the task from hearing of it, its member is idle; that nobody hears of what it did is said. */
async function endTask(
  roster: Roster,
  sessionId: string,
  task: WorkOfTask,
  assignment: number,
  verdict: Verdict,
): Promise<void> {
  try {
    if (await roster.work.end(sessionId, task, verdict)) return;
  } catch (error) {
    if (!isOver(error)) throw error;
    if (verdict.do === 'release') return;
    await roster.free(sessionId, assignment, 'ended');
    throw error;
  }
  await roster.free(sessionId, assignment, 'ended');
  throw new HoldfastError('NO_SUCH_ASSIGNMENT', { sessionId, assignment });
}

function workHandlers({ roster }: RosterHandlerContext): Handlers<WorkOperation> {
  const end = async (
    { sessionId, assignment }: { readonly sessionId: string; readonly assignment?: number | undefined },
    verdict: Verdict,
    call: Call,
  ): Promise<Acknowledged> => {
    const { work } = await roster.member(sessionId);
    const isTheirs = work !== null && (assignment ?? work.assignment) === work.assignment;
    if (isTheirs && work.task !== null) await endTask(roster, sessionId, work.task, work.assignment, verdict);
    const outcome = { complete: 'completed', fail: 'failed', release: 'released' } as const;
    const command = {
      ...({ type: 'roster.free', sessionId, outcome: outcome[verdict.do] } as const),
      ...{ assignment: assignment ?? work?.assignment ?? null, mayBeOver: isTheirs },
    };
    return roster.send(command, call);
  };
  return {
    'roster.assign': (input, call) => assign(roster, input, call),
    'roster.work': async ({ sessionId }, { signal }) =>
      roster.work.info(sessionId, await roster.next(sessionId, signal)),
    'roster.complete': ({ result, ...of }, call) => end(of, { do: 'complete', result }, call),
    'roster.fail': ({ message, retryable, ...of }, call) => end(of, { do: 'fail', message, retryable }, call),
    'roster.release': (of, call) => end(of, { do: 'release' }, call),
  };
}

const answered = <Answered>(answer: Promise<unknown>): Promise<Answered> => answer as Promise<Answered>;

async function join(
  { roster, admit, endOf }: RosterHandlerContext,
  { sessionId, role, liveness, leaseMs }: ParsedInputOf<'roster.join'>,
  call: Call,
): Promise<OutputOf<'roster.join'>> {
  const { isResting: resting } = await admit(sessionId);
  const command = { type: 'roster.join', sessionId, role, liveness, leaseMs, resting } as const;
  const answer = await answered<OutputOf<'roster.join'> & { readonly leaseMs?: number }>(
    roster.send(command, call),
  );
  // Ended meanwhile, it was looked for before it was here.
  const end = await endOf(sessionId);
  if (end !== undefined) {
    await roster.send({ type: 'roster.leave', sessionId, reason: end.reason, isEnd: false });
    await admit(sessionId);
  }
  const { seq, durability, repeated, joined, role: found, leaseUntil } = answer;
  const acknowledged = { seq, durability, ...(repeated && { repeated }) };
  // Of one who is here already the lease stays that of the first time.
  const lease = answer.leaseMs ?? leaseMs;
  const beatMs = leaseUntil === null ? null : Math.floor(lease / beatsPerLease);
  return { ...acknowledged, joined, role: found, leaseUntil, beatMs };
}

async function assign(
  roster: Roster,
  { sessionId, taskId, title, role, strict }: ParsedInputOf<'roster.assign'>,
  call: Call,
): Promise<OutputOf<'roster.assign'>> {
  if (taskId === undefined && title === undefined)
    throw new HoldfastError('INVALID_INPUT', {
      ...{ operation: 'roster.assign', field: 'taskId', problem: 'name a task, or give work a title' },
    });
  const task = taskId === undefined ? null : { sessionId, taskId };
  const details = task === null ? undefined : await roster.work.task(task);
  const work = {
    ...{ task, by: sessionId, title: title ?? details?.title ?? null },
    role: role ?? details?.role ?? null,
  };
  const answer = await roster.assign({ type: 'roster.assign', ...work, strict, except: [] }, call);
  const { isNew: _, ...rest } = answer as typeof answer & { readonly isNew?: boolean };
  return rest as unknown as OutputOf<'roster.assign'>;
}

function statusOf(member: Member): MemberStatus {
  if (member.work !== null) return 'busy';
  if (isFree(member)) return 'idle';
  return member.resting ? 'resting' : 'away';
}

function memberInfo({ roster, locksOf }: RosterHandlerContext, member: Member): MemberInfo {
  const { sessionId, role, liveness, leaseMs, joinedAt, leaseUntil, idleSince, work, assignments } = member;
  const seenAt = roster.seenAt(member);
  const isLate = leaseUntil !== null && roster.time - member.seenAt > leaseMs / 2;
  const { assignment, at, task, title, by } = work ?? {};
  return {
    ...{ sessionId, role, status: statusOf(member), health: isLate ? 'late' : 'healthy', liveness },
    ...{ joinedAt, seenAt, leaseUntil, idleSince: isFree(member) ? idleSince : null, assignments },
    work:
      assignment === undefined || at === undefined || by === undefined
        ? null
        : { assignment, at, task: task ?? null, title: title ?? null, by },
    locks: locksOf(sessionId),
  };
}

const deadInfo = ({ sessionId, role, joinedAt, seenAt, reason }: DeadMember): MemberInfo => ({
  ...{ sessionId, role, status: 'dead', health: 'dead', liveness: 'lease', joinedAt, seenAt },
  ...{ leaseUntil: null, idleSince: null, work: null, assignments: 0, locks: [], reason },
});

async function list(
  context: RosterHandlerContext,
  { role, status, limit, cursor }: ParsedInputOf<'roster.list'>,
): Promise<Page<MemberInfo>> {
  const state = await context.roster.read();
  const all: readonly (Member | DeadMember)[] =
    status === 'dead'
      ? [...state.dead].sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1))
      : listMembers(state).filter((member) => status === undefined || statusOf(member) === status);
  const chosen = all.filter((one) => role === undefined || one.role === role);
  const after = placeIn('roster', cursor);
  const rest = chosen.filter(({ sessionId }) => after === undefined || sessionId > after);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page.map((one) => ('diedAt' in one ? deadInfo(one) : memberInfo(context, one))),
    total: chosen.length,
    ...(rest.length > limit && last !== undefined && { cursor: listCursor('roster', last.sessionId) }),
  };
}

function statsOf(state: RosterState): RosterStats {
  const byStatus = Object.fromEntries(memberStatuses.map((status) => [status, 0])) as Record<
    MemberStatus,
    number
  >;
  const byRole = new Map<string, number>();
  for (const [, member] of state.members.entries()) {
    byStatus[statusOf(member)] += 1;
    byRole.set(member.role, (byRole.get(member.role) ?? 0) + 1);
  }
  byStatus.dead = state.dead.length;
  const { stayedMs, ...counts } = state.tally;
  const gone = counts.left + counts.died;
  return {
    ...{ total: state.members.size, byStatus, byRole: Object.fromEntries(byRole), ...counts },
    averageStayMs: gone === 0 ? null : Math.round(stayedMs / gone),
  };
}
