// What the journal of one task says, read the plain way: who had it when, and whether anybody was heard who had it no more.
import type { TaskPackage } from '../../src/domain/task/task-offer.ts';
import type { StoredEvent } from '../../src/journal/journal.ts';

export const contentsOf = (summary: string): TaskPackage => ({
  ...{ summary, resumePoint: null, nextActions: [], preservedState: null },
});

interface ReadTask {
  status: string;
  epoch: number;
  lease: number | null;
  offerUntil: number | null;
  offeredTo: string | null;
  failures: number;
  result: string | null;
}

type Said = { readonly [member: string]: unknown } & { readonly epoch: number };

/** `now`: what should have lapsed by then has. */
export function readTask(
  events: readonly StoredEvent[],
  now: number,
): {
  readonly broken: string[];
  readonly heard: ReadonlyMap<string, number>;
  readonly task: ReadTask;
} {
  const broken: string[] = [];
  const heard = new Map<string, number>();
  const task: ReadTask = {
    ...{ status: 'pending', epoch: 0, lease: null, offerUntil: null, offeredTo: null, failures: 0 },
    result: null,
  };
  for (const { seq, type, at, data } of events) {
    heard.set(type, (heard.get(type) ?? 0) + 1);
    const problem = read(task, type, at, data as Said);
    if (problem !== undefined) broken.push(`${seq} ${type}: ${problem}`);
  }
  if (task.status === 'in_progress' && task.lease !== null && task.lease <= now)
    broken.push('an attempt is open whose lease has passed');
  if (task.offerUntil !== null && task.offerUntil <= now) broken.push('an offer is open that has passed');
  return { broken, heard, task };
}

/** What is wrong with it; undefined when nothing is. */
function read(task: ReadTask, type: string, at: number, said: Said): string | undefined {
  const isOver = task.lease !== null && task.lease <= at;
  const isHeard = task.status === 'in_progress' && said.epoch === task.epoch;
  const over = (status: string): void => {
    Object.assign(task, { status, lease: null, offerUntil: null, offeredTo: null });
  };
  switch (type) {
    case 'task.created':
      return undefined;
    case 'task.started': {
      const isNext = task.status === 'pending' && said.epoch === task.epoch + 1;
      Object.assign(task, { status: 'in_progress', epoch: said.epoch, lease: said.leaseUntil });
      return isNext ? undefined : 'it was not free';
    }
    case 'task.handedOver': {
      const isMine = said.owner === task.offeredTo && at < (task.offerUntil ?? 0) && !isOver;
      const isNext = task.status === 'in_progress' && said.epoch === task.epoch + 1;
      over('in_progress');
      Object.assign(task, { epoch: said.epoch, lease: said.leaseUntil });
      return isMine && isNext ? undefined : 'it was not offered';
    }
    case 'task.offered':
      if (task.offeredTo !== null || !isHeard || isOver) return 'the attempt is over, or offered';
      Object.assign(task, { offerUntil: said.deadlineAt, offeredTo: said.to });
      return undefined;
    case 'task.offerEnded': {
      const was = task.offeredTo;
      Object.assign(task, { offerUntil: null, offeredTo: null });
      return was === null ? 'it was not offered' : undefined;
    }
    case 'task.progressed':
      task.lease = said.leaseUntil as number | null;
      return isHeard && !isOver ? undefined : 'the attempt is over';
    case 'task.completed':
      over('completed');
      task.result = String(said.result);
      return isHeard && !isOver ? undefined : 'the attempt is over';
    case 'task.requeued': {
      // What lapses does so because it is over.
      const isLapse = said.reason === 'expired';
      over('pending');
      if (said.reason !== 'released') task.failures += 1;
      return isHeard && isOver === isLapse ? undefined : 'the attempt has ended otherwise';
    }
    case 'task.failed':
      over('failed');
      task.failures += 1;
      return task.failures === 3 ? undefined : `after ${task.failures} failures`;
    case 'task.readied':
      return task.status === 'pending' ? undefined : 'it does not rest';
    case 'task.cancelled':
    case 'task.paused': {
      const could = !['completed', 'failed', 'cancelled'].includes(task.status);
      over(type === 'task.paused' ? 'paused' : 'cancelled');
      return could ? undefined : 'it had ended';
    }
    case 'task.resumed':
    case 'task.retried': {
      const from = type === 'task.resumed' ? ['paused'] : ['failed', 'cancelled'];
      const could = from.includes(task.status);
      task.status = String(said.to);
      if (type === 'task.retried') task.failures = 0;
      return could ? undefined : 'there was nothing to take up';
    }
    default:
      return 'nobody knows it';
  }
}
