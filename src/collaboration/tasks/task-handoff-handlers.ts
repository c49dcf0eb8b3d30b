// Operations by which a task that is at work goes into other hands: each is one command to the tasks of its session.
import type { Handlers } from '../../operations/bind.ts';
import type { OutputOf } from '../../operations/registry.ts';
import type { SessionTasks } from './session-tasks.ts';

type TaskHandoffOperation = `tasks.${'offer' | 'take' | 'decline' | 'withdraw'}`;

export function taskHandoffHandlers(tasks: SessionTasks): Handlers<TaskHandoffOperation> {
  const send = <Answered>(...given: Parameters<SessionTasks['send']>): Promise<Answered> =>
    tasks.send(...given) as Promise<unknown> as Promise<Answered>;
  return {
    'tasks.offer': ({ sessionId, resumePoint = null, reason = null, ...input }, call) => {
      const { taskId, epoch, to, deadlineMs, summary, nextActions, preservedState } = input;
      const contents = { summary, resumePoint, nextActions, preservedState };
      const asked = { taskId, epoch, to, deadlineMs, reason, package: contents };
      return send(sessionId, { type: 'task.offer', ...asked }, call);
    },
    'tasks.take': async ({ sessionId, ...input }, call) => {
      const taken = await send<Omit<OutputOf<'tasks.take'>, 'package'> & { readonly offeredSeq: number }>(
        sessionId,
        { type: 'task.take', ...input },
        call,
      );
      const { offeredSeq, ...answer } = taken;
      const offered = await tasks.dataAt<'task.offered'>(sessionId, offeredSeq);
      const nothing = { summary: '', resumePoint: null, nextActions: [], preservedState: null };
      return { ...answer, package: offered.package ?? nothing };
    },
    'tasks.decline': ({ sessionId, ...input }, call) =>
      send(sessionId, { type: 'task.decline', ...input }, call),
    'tasks.withdraw': ({ sessionId, ...input }, call) =>
      send(sessionId, { type: 'task.withdraw', ...input }, call),
  };
}
