// A task that is at work is handed over: its attempt is offered, and whoever takes it begins the next one in the same append. The epoch
// keeps the one before out; an offer that nobody takes ends, and the attempt stays where it is.
import { assertNever } from '../../base/errors.ts';
import { type Decision, type Proposal, refuse } from '../law.ts';
import { attemptKey, type Task } from './task.ts';
import type { OfferEnd, TaskOfferCommand, TaskOfferEventData } from './task-offer.ts';
import { leaseLost, notNow } from './task-refusals.ts';
import type { TasksState } from './task-state.ts';

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
  const { sessionId } = state;
  const { taskId, owner: from } = task;
  const epoch = task.epoch + 1;
  const data: TaskOfferEventData['task.handedOver'] = {
    ...{ taskId, epoch, owner: by, from, leaseUntil: at + leaseMs },
  };
  const { leaseUntil } = data;
  return {
    events: [{ type: 'task.handedOver', data }],
    reply: { epoch, leaseUntil, key: attemptKey(sessionId, task, epoch), offeredSeq: task.offer?.seq ?? 0 },
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
