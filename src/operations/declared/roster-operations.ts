// The roster, for the registry: who is here in which role, and who gets what work.
import { z } from 'zod';
import { idPattern, idRule } from '../../base/ids.ts';
import { type Operation, read, write } from '../operation.ts';
import { cursor, json, pageLimit, reason, sessionId } from '../schema.ts';
import {
  type AssignedWorkInfo,
  type MemberInfo,
  memberStatuses,
  type RosterBeat,
  type RosterJoined,
  type RosterStats,
  type WorkAssigned,
} from '../views/roster-views.ts';
import type { Acknowledged, Page } from '../views/views.ts';

const teamRole = z.string().min(1).max(200);
const title = z.string().min(1).max(200);
const assignment = z.number().int().min(1).optional();

export const rosterOperations = {
  'roster.join': write<RosterJoined>()(
    'Puts a session on the roster in a role. It stays until it leaves, its session ends, or its lease is over.',
    z.strictObject({
      sessionId,
      role: teamRole,
      liveness: z.enum(['supervised', 'lease']).default('supervised'),
      leaseMs: z.number().int().min(1_000).max(86_400_000).default(120_000),
    }),
  ),
  'roster.leave': write<Acknowledged & { readonly left: boolean }>()(
    'Takes a session off the roster; the work that it has goes to another.',
    z.strictObject({ sessionId, reason: reason.default('requested') }),
  ),
  'roster.heartbeat': write<RosterBeat>()(
    'A sign of life: the lease begins anew.',
    z.strictObject({ sessionId }),
  ),
  'roster.update': write<Acknowledged>()(
    'Changes the role of a member, or whether it takes work now.',
    z.strictObject({ sessionId, role: teamRole.optional(), available: z.boolean().optional() }),
  ),
  'roster.get': read<MemberInfo>()(
    'A member: its role, work, health and locks.',
    z.strictObject({ sessionId }),
  ),
  'roster.peers': read<readonly MemberInfo[]>()(
    'The other members, of a role or all of them.',
    z.strictObject({ sessionId, role: teamRole.optional() }),
  ),
  'roster.list': read<Page<MemberInfo>>()(
    'The members in the order of their ids, a page at a time; those that died are asked for by their status.',
    z.strictObject({
      role: teamRole.optional(),
      status: z.enum(memberStatuses).optional(),
      limit: pageLimit,
      cursor: cursor.optional(),
    }),
  ),
  'roster.stats': read<RosterStats>()(
    'How many are here by status and role, and what became of those who were and of their work.',
    z.strictObject({}),
  ),
  'roster.assign': write<WorkAssigned>()(
    'Gives a task of the session, or work in words, to the member of the role that is idle for longest, else to any that is, unless `strict`.',
    z.strictObject({
      sessionId,
      taskId: z.string().regex(idPattern, idRule).optional(),
      title: title.optional(),
      role: teamRole.optional(),
      strict: z.boolean().default(false),
    }),
  ),
  'roster.work': read<AssignedWorkInfo>()(
    'The work that a member has; waits until it has some.',
    z.strictObject({ sessionId }),
  ),
  'roster.complete': write<Acknowledged>()(
    'A member has done its work: the task completes with the result, and it is idle again.',
    z.strictObject({ sessionId, assignment, result: json.default(null) }),
  ),
  'roster.fail': write<Acknowledged>()(
    'A member could not do its work: the attempt at the task fails, and it is idle again.',
    z.strictObject({
      sessionId,
      assignment,
      message: z.string().min(1).max(1_000),
      retryable: z.boolean().default(true),
    }),
  ),
  'roster.release': write<Acknowledged>()(
    'A member gives its work back: the task waits for somebody, and it is idle again.',
    z.strictObject({ sessionId, assignment }),
  ),
} as const satisfies Record<string, Operation>;
