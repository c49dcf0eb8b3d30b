// Operations by which a task that is at work goes into other hands, for the registry.
import { z } from 'zod';
import { idPattern, idRule } from '../../base/ids.ts';
import type { TaskPackage } from '../../domain/task/task-offer.ts';
import { type Operation, write } from '../operation.ts';
import { json, reason, sessionId } from '../schema.ts';
import type { TaskStarted } from '../views/task-views.ts';
import type { Acknowledged } from '../views/views.ts';

const task = { sessionId, taskId: z.string().regex(idPattern, idRule) };
const epoch = z.number().int().min(1);
const who = z.string().min(1).max(200);
const line = z.string().min(1).max(2_000);
const dayMs = 24 * 60 * 60_000;

export interface TaskOffered extends Acknowledged {
  readonly taskId: string;
  /** When the offer ends by itself. */
  readonly deadlineAt: number;
}

export interface TaskTaken extends TaskStarted {
  /** What the one before left. */
  readonly package: TaskPackage;
}

export const taskHandoffOperations = {
  'tasks.offer': write<TaskOffered>()(
    'Offers the attempt at a task to somebody else; until he takes it, it stays with whoever has it.',
    z.strictObject({
      ...task,
      epoch,
      to: who,
      summary: z.string().min(1).max(20_000),
      resumePoint: line.optional(),
      nextActions: z.array(line).max(50).default([]),
      preservedState: json.default(null),
      reason: reason.optional(),
      deadlineMs: z
        .number()
        .int()
        .min(1)
        .max(30 * dayMs)
        .default(dayMs),
    }),
  ),
  'tasks.take': write<TaskTaken>()(
    'Takes a task that is offered: the next attempt begins, under a lease, and the one before is refused from then on.',
    z.strictObject({ ...task, by: who, leaseMs: z.number().int().min(1).default(60_000) }),
  ),
  'tasks.decline': write<Acknowledged & { readonly taskId: string }>()(
    'Refuses a task that is offered: it stays where it is.',
    z.strictObject({ ...task, by: who, reason: reason.default('requested') }),
  ),
  'tasks.withdraw': write<Acknowledged & { readonly taskId: string }>()(
    'Takes back the offer of a task.',
    z.strictObject({ ...task, epoch, reason: reason.default('requested') }),
  ),
} as const satisfies Record<string, Operation>;
