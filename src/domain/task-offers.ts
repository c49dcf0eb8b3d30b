// A task that is at work is handed over: its attempt is offered, and whoever takes it begins the next one in the same append. The epoch
// keeps the one before out; an offer that nobody takes ends, and the attempt stays where it is.
import { assertNever } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import { type Decision, type Proposal, refuse } from './law.ts';
import { attemptKey, type Task } from './task.ts';
import { leaseLost, notNow } from './task-refusals.ts';
import type { TasksState } from './task-state.ts';

/** What whoever takes it needs to go on. */
export interface TaskPackage {
  readonly summary: string;
  readonly resumePoint: string | null;
  readonly nextActions: readonly string[];
  readonly preservedState: Json;
}

/** As the task holds it; the package stays in the journal. */
export interface TaskOffer {
  /** Of `task.offered`. */
  readonly seq: number;
  readonly to: string;
  readonly offeredAt: number;
  readonly deadlineAt: number;
  readonly reason: string | null;
}

type OfferEnd = 'rejected' | 'withdrawn' | 'expired';

interface OfTask {
  readonly taskId: string;
}

export type TaskOfferCommand =
  | (OfTask & {
      readonly type: 'task.offer';
      readonly epoch: number;
      readonly to: string;
      readonly deadlineMs: number;
      readonly reason: string | null;
      readonly package: TaskPackage;
    })
  | (OfTask & { readonly type: 'task.take'; readonly by: string; readonly leaseMs: number })
  | (OfTask & { readonly type: 'task.decline'; readonly by: string; readonly reason: string })
  | (OfTask & { readonly type: 'task.withdraw'; readonly epoch: number; readonly reason: string });

export interface TaskOfferEventData {
  'task.offered': OfTask & {
    readonly epoch: number;
    readonly to: string;
    readonly deadlineAt: number;
    readonly reason: string | null;
    readonly package: TaskPackage;
  };
  /** Another attempt, in other hands: `epoch` is its own. */
  'task.handedOver': OfTask & {
    readonly epoch: number;
    readonly owner: string;
    readonly from: string | null;
    readonly leaseUntil: number;
  };
  'task.offerEnded': OfTask & { readonly outcome: OfferEnd; readonly reason: string };
}

export function decideTaskOffer(
  state: TasksState,
  task: Task,
  command: TaskOfferCommand,
  at: number,
): Decision {
  switch (command.type) {
    case 'task.offer':
      return offer(state, task, command, at);
    case 'task.take':
      return take(state, task, command, at);
    case 'task.decline':
      return forTheOffered(state, task, command.by) ?? ended(task, 'rejected', command.reason);
    case 'task.withdraw':
      if (command.epoch !== task.epoch) return leaseLost(state, task, command.epoch);
      return task.offer === undefined ? { events: [] } : ended(task, 'withdrawn', command.reason);
    default:
      return assertNever(command);
  }
}

const idOf = ({ taskId }: Task): string => `of the task ${taskId}`;

function offer(
  state: TasksState,
  task: Task,
  { type, epoch, deadlineMs, to, reason, package: contents }: TaskOfferCommand & { type: 'task.offer' },
  at: number,
): Decision {
  const { taskId, status } = task;
  const { sessionId } = state;
  if (epoch !== task.epoch) return leaseLost(state, task, epoch);
  if (status !== 'in_progress') return notNow(state, task, type);
  if (task.offer !== undefined) return refuse('HANDOFF_PENDING', { sessionId, handoffId: idOf(task) });
  const data: TaskOfferEventData['task.offered'] = {
    ...{ taskId, epoch, to, deadlineAt: at + deadlineMs, reason, package: contents },
  };
  return { events: [{ type: 'task.offered', data }], reply: { deadlineAt: data.deadlineAt } };
}

/** Another attempt at the same work: what the one before has not finished is not counted as a failure. */
function take(
  state: TasksState,
  task: Task,
  { by, leaseMs }: TaskOfferCommand & { type: 'task.take' },
  at: number,
): Decision {
  const refusal = forTheOffered(state, task, by);
  if (refusal !== undefined) return refusal;
  const { taskId, owner: from } = task;
  const epoch = task.epoch + 1;
  const data: TaskOfferEventData['task.handedOver'] = {
    ...{ taskId, epoch, owner: by, from, leaseUntil: at + leaseMs },
  };
  const { leaseUntil } = data;
  return {
    events: [{ type: 'task.handedOver', data }],
    reply: { epoch, leaseUntil, key: attemptKey(taskId, epoch), offeredSeq: task.offer?.seq ?? 0 },
  };
}

function forTheOffered({ sessionId }: TasksState, task: Task, by: string): Decision | undefined {
  const handoffId = idOf(task);
  if (task.offer === undefined) return refuse('HANDOFF_NOT_FOUND', { handoffId, sessionId });
  if (task.offer.to === by) return undefined;
  return refuse('HANDOFF_NOT_ADDRESSED', { handoffId, sessionId: by });
}

function ended({ taskId }: Task, outcome: OfferEnd, reason: string): Decision {
  const data: TaskOfferEventData['task.offerEnded'] = { taskId, outcome, reason };
  return { events: [{ type: 'task.offerEnded', data }] };
}

/** What an offer is at its deadline: over, and the attempt goes on. */
export function lapsedOffer({ taskId, offer: open }: Task, at: number): Proposal | undefined {
  if (open === undefined || open.deadlineAt > at) return undefined;
  const data: TaskOfferEventData['task.offerEnded'] = { taskId, outcome: 'expired', reason: 'deadline' };
  return { type: 'task.offerEnded', data };
}
