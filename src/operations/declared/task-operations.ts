// Operations on the tasks of a session, for the registry.
import { z } from 'zod';
import { idPattern, idRule } from '../../base/ids.ts';
import { validationLevels } from '../../domain/recovery/recovery-vocabulary.ts';
import { failurePolicies } from '../../domain/task/task.ts';
import { taskStatuses } from '../../domain/task/task-machine.ts';
import { type Operation, read, write } from '../operation.ts';
import { cursor, json, pageLimit, reason, sessionId } from '../schema.ts';
import type {
  TaskAcknowledged,
  TaskChanged,
  TaskChecked,
  TaskDetails,
  TaskGraph,
  TaskHistoryEntry,
  TaskInfo,
  TaskStarted,
  TaskStatistics,
  TasksCreated,
  TasksResumed,
} from '../views/task-views.ts';
import type { Acknowledged, Page } from '../views/views.ts';
import { taskHandoffOperations } from './task-handoff-operations.ts';

const longest = Number.MAX_SAFE_INTEGER;
const taskId = z.string().regex(idPattern, idRule);
const title = z.string().min(1).max(200);
const description = z.string().max(2_000);
const name = z.string().min(1).max(200);
const owner = z.string().min(1).max(200);
const priority = z.number().int().min(-1_000_000).max(1_000_000);
const ms = z.number().int().min(1).max(longest);
const time = z.number().int().min(0).max(longest);
const level = z.enum(validationLevels);
const gates = z.array(name).max(20);
const epoch = z.number().int().min(1);
const expectedVersion = z.number().int().min(1).optional();
const onFailure = z.enum(failurePolicies);

/** Small: it stands in the state. */
const metadata = json.refine(
  (value) => JSON.stringify(value).length <= 4_096,
  'it may have 4,096 characters as JSON',
);

/** What is not named is as the defaults say. */
const retry = z.strictObject({
  maxAttempts: z.number().int().min(1).max(1_000).default(3),
  backoffMs: z.number().int().min(0).max(longest).default(1_000),
  factor: z.number().min(1).max(100).default(2),
  maxBackoffMs: z.number().int().min(0).max(longest).default(60_000),
});

const newTask = {
  taskId: taskId.optional(),
  title,
  description: description.optional(),
  priority: priority.default(0),
  agent: name.optional(),
  role: name.optional(),
  metadata: metadata.optional(),
  input: json.default(null),
  dependencies: z
    .array(z.union([taskId, z.strictObject({ taskId, onFailure: onFailure.optional() })]))
    .max(100)
    .default([]),
  onDependencyFailure: onFailure.default('block'),
  retry: retry.default(() => retry.parse({})),
  timeoutMs: ms.optional(),
  deadlineAt: time.optional(),
  gates: gates.default([]),
  validation: level.optional(),
};

const one = { sessionId, taskId };
const seen = { ...one, expectedVersion };
const because = z.strictObject({ ...seen, reason: reason.default('requested') });
const attempt = { ...one, epoch: epoch.optional() };

const recorded = z.strictObject({
  name: name.default('Error'),
  message: z.string().max(1_000),
  code: name.optional(),
});

export const taskOperations = {
  ...taskHandoffOperations,
  'tasks.create': write<TaskAcknowledged>()(
    'Creates a task: pending, or blocked until what it depends on has completed.',
    z.strictObject({ sessionId, ...newTask }),
  ),
  'tasks.createMany': write<TasksCreated>()(
    'Creates tasks that may depend on each other: all of them, or none.',
    z.strictObject({ sessionId, tasks: z.array(z.strictObject(newTask)).min(1).max(1_000) }),
  ),
  'tasks.get': read<TaskDetails>()(
    'One task with its input, and its result or newest error.',
    z.strictObject(one),
  ),
  'tasks.wait': read<TaskDetails>()(
    'Waits until a task has ended, and answers with what became of it; refused once its session takes no work any more.',
    z.strictObject(one),
  ),
  'tasks.list': read<Page<TaskInfo>>()(
    'The tasks of a session by filter, a page at a time; all open ones and the newest that have ended.',
    z.strictObject({
      sessionId,
      status: z.array(z.enum(taskStatuses)).min(1).optional(),
      ready: z.boolean().optional(),
      agent: name.optional(),
      role: name.optional(),
      owner: owner.optional(),
      dependsOn: taskId.optional(),
      minPriority: priority.optional(),
      createdAfter: z.number().optional(),
      createdBefore: z.number().optional(),
      search: z.string().min(1).max(200).optional(),
      sort: z.enum(['updatedAt', 'createdAt', 'priority', 'deadlineAt', 'title']).default('updatedAt'),
      order: z.enum(['ascending', 'descending']).default('descending'),
      limit: pageLimit,
      cursor: cursor.optional(),
    }),
  ),
  'tasks.update': write<TaskChanged>()(
    'Changes a task that has not ended; what is not named stays. With `expectedVersion` only when nobody else has.',
    z.strictObject({
      ...seen,
      title: title.optional(),
      description: description.nullable().optional(),
      priority: priority.optional(),
      metadata: metadata.optional(),
      retry: retry.optional(),
      timeoutMs: ms.nullable().optional(),
      deadlineAt: time.nullable().optional(),
      gates: gates.optional(),
      validation: level.nullable().optional(),
    }),
  ),
  'tasks.assign': write<TaskChanged>()(
    'Gives a task that rests to an agent or a role; to nobody without either.',
    z.strictObject({ ...seen, agent: name.optional(), role: name.optional() }),
  ),
  'tasks.addDependency': write<TaskChanged>()(
    'Makes a task that rests wait for another; what would make it wait for itself is refused.',
    z.strictObject({ ...seen, dependsOn: taskId, onFailure: onFailure.default('block') }),
  ),
  'tasks.removeDependency': write<TaskChanged>()(
    'Makes a task wait no more for another.',
    z.strictObject({ ...seen, dependsOn: taskId }),
  ),
  'tasks.start': write<TaskStarted>()(
    'Starts an attempt at a task that is ready, for as long as it takes.',
    z.strictObject({ ...seen, owner: owner.default('caller') }),
  ),
  'tasks.claim': write<TaskStarted>()(
    'Starts an attempt under a lease: the most urgent ready task of the role, or one that is named. Without a word within the lease the attempt has failed.',
    z.strictObject({
      sessionId,
      taskId: taskId.optional(),
      role: name.optional(),
      owner,
      leaseMs: ms.default(60_000),
    }),
  ),
  'tasks.progress': write<Acknowledged & { readonly taskId: string; readonly leaseUntil: number | null }>()(
    'Tells how far an attempt has come; with `leaseMs` its lease is renewed.',
    z.strictObject({
      ...attempt,
      fraction: z.number().min(0).max(1).optional(),
      note: z.string().max(1_000).optional(),
      leaseMs: ms.optional(),
    }),
  ),
  'tasks.complete': write<TaskAcknowledged>()(
    'Ends an attempt with its result; where there are gates the task completes when they pass.',
    z.strictObject({ ...attempt, result: json.default(null) }),
  ),
  'tasks.fail': write<TaskAcknowledged & { readonly notBefore?: number | null }>()(
    'Ends an attempt without a result: the task is tried again after a while, or has failed.',
    z.strictObject({ ...attempt, error: recorded, retryable: z.boolean().default(true) }),
  ),
  'tasks.release': write<TaskAcknowledged>()(
    'Gives an attempt back; it counts as no failure.',
    z.strictObject(attempt),
  ),
  'tasks.validate': write<TaskAcknowledged>()(
    'Says what gates found in a submitted result; it completes, or is rejected, when all of them have spoken.',
    z.strictObject({
      ...attempt,
      verdicts: z
        .array(
          z.strictObject({
            gate: name,
            ok: z.boolean(),
            severity: z.enum(['error', 'warning']).default('error'),
            problem: z.string().max(1_000).optional(),
          }),
        )
        .min(1)
        .max(50),
    }),
  ),
  'tasks.check': read<TaskChecked>()(
    'Checks what is stored of a task, as thoroughly as is asked for; nothing is changed.',
    z.strictObject({ ...one, level: level.default('standard') }),
  ),
  'tasks.pause': write<TaskAcknowledged>()(
    'Keeps a task from being worked on; whoever works on it just now can commit nothing any more.',
    because,
  ),
  'tasks.cancel': write<TaskAcknowledged>()(
    'Ends a task, and stops its agent. Cancelling what has ended succeeds, and says how it ended.',
    because,
  ),
  'tasks.retry': write<TaskAcknowledged>()(
    'Makes a failed or cancelled task be tried once more, from the start.',
    because,
  ),
  'tasks.resume': write<TasksResumed>()(
    'Takes up a paused task, or without `taskId` all open tasks of the session, in the order of their dependencies.',
    z.strictObject({ sessionId, taskId: taskId.optional(), reason: reason.default('requested') }),
  ),
  'tasks.history': read<Page<TaskHistoryEntry>>()(
    'What happened to one task, or to all of a session, oldest first.',
    z.strictObject({ sessionId, taskId: taskId.optional(), limit: pageLimit, cursor: cursor.optional() }),
  ),
  'tasks.graph': read<TaskGraph>()(
    'Tasks, each behind all that it depends on; with `taskId` that one and all that it waits for.',
    z.strictObject({ sessionId, taskId: taskId.optional(), limit: pageLimit }),
  ),
  'tasks.stats': read<TaskStatistics>()(
    'How many tasks a session has, and how they stand.',
    z.strictObject({ sessionId }),
  ),
} as const satisfies Record<string, Operation>;
