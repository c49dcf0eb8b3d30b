// One attempt at a task by an agent of its session. At least once: it begins again wherever the process before it stopped, and
// the same attempt finds the same run of the agent.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { randomId } from '../../base/ids.ts';
import type { Json } from '../../base/json.ts';
import { recordedError } from '../../domain/recorded-error.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import { attemptKey, type Task } from '../../domain/task/task.ts';
import type { TaskCommand } from '../../domain/task/task-commands.ts';
import type { Answer } from '../../entity/command-meta.ts';
import { receiptKey } from '../../entity/receipts.ts';
import type { Call, Invoke } from '../../operations/bind.ts';
import type { AgentDetails } from '../../operations/views/views.ts';
import { insist } from '../insistence.ts';
import type { SessionTasks } from './session-tasks.ts';
import type { Hold } from './task-lane.ts';
import type { TaskAssignment } from './task-options.ts';

/** Who works on what the runner has started. */
export const taskRunner = 'task-runner';

export interface ExecutionOptions {
  readonly tasks: SessionTasks;
  readonly invoke: Invoke;
  readonly clock: Clock;
}

export interface Attempt {
  readonly sessionId: string;
  readonly taskId: string;
  readonly agent: string;
  readonly hold: Hold;
}

/** Takes the task, which another may have done meanwhile. */
export async function takeTask(
  options: ExecutionOptions,
  { sessionId, taskId, hold }: Attempt,
): Promise<void> {
  const command: TaskCommand = { type: 'task.start', taskId, owner: taskRunner, leaseMs: null };
  // Whose outcome is not known is asked again, and is to be answered as the first was.
  const { epoch } = await send(options, sessionId, hold, command, keyed(`take/${randomId()}`));
  hold.epoch = Number(epoch);
}

/** Runs the agent, and tells what became of it. */
export async function executeTask(options: ExecutionOptions, attempt: Attempt): Promise<void> {
  const { sessionId, taskId, hold } = attempt;
  const { epoch } = hold;
  const task = await options.tasks.get(sessionId, taskId);
  if (task.epoch !== epoch) return;
  if (task.runId === null && epoch > 1)
    await stopLeft(options, { sessionId, task, epoch: epoch - 1 }, hold.abort.signal);
  hold.operationId = runKey(task, epoch);
  hold.runId = task.runId ?? (await startAgent(options, attempt, task));
  const ended = await agentEnd(options, sessionId, hold.runId, hold.abort.signal);
  if (ended.status === 'completed')
    await send(options, sessionId, hold, { type: 'task.complete', taskId, epoch, result: ended.result });
  else
    await send(options, sessionId, hold, {
      ...({ type: 'task.fail', taskId, epoch, retryable: true } as const),
      error:
        ended.error ?? recordedError({ name: 'AgentStopped', message: ended.reason ?? 'it was stopped' }),
    });
}

async function startAgent(options: ExecutionOptions, attempt: Attempt, task: Task): Promise<string> {
  const { sessionId, taskId, agent, hold } = attempt;
  const { title, role } = task;
  const { epoch } = hold;
  const key = attemptKey(sessionId, task, epoch);
  const assignment: TaskAssignment = {
    ...{ taskId, epoch, key, title },
    input: await options.tasks.inputOf(sessionId, task),
  };
  const input = {
    ...{ sessionId, agent, ...(role !== null && { role }) },
    ...{ input: assignment as unknown as Json, restart: 'temporary', budget: { onExhausted: 'fail' } },
  };
  const { runId } = (await insist(options.clock, hold.abort.signal, () =>
    options.invoke('agents.start', input, keyed(runKey(task, epoch))),
  )) as { readonly runId: string };
  await send(options, sessionId, hold, { type: 'task.dispatch', taskId, epoch, agent, runId });
  return runId;
}

/** The id of a task that has ended long ago may be taken again: its runs are not those of the new one. */
const runKey = ({ taskId, seq }: Pick<Task, 'taskId' | 'seq'>, epoch: number): string =>
  `task/${taskId}:${seq}:${epoch}`;

const keyed = (operationId: string): Call => ({ operationId, digest: sha256(operationId), by: taskRunner });

/** When nobody waits for it any more because the task is not to be done, the agent hears it by its signal. */
async function agentEnd(
  { invoke }: ExecutionOptions,
  sessionId: string,
  runId: string,
  signal: AbortSignal,
): Promise<AgentDetails> {
  return (await invoke('agents.wait', { sessionId, runId }, { signal, by: taskRunner })) as AgentDetails;
}

/** Ends the agent of an attempt that is not to go on, also when it was started and nobody was told. */
export async function stopAgent(
  { tasks, invoke, clock }: ExecutionOptions,
  { sessionId, hold }: { readonly sessionId: string; readonly hold: Pick<Hold, 'runId' | 'operationId'> },
  signal: AbortSignal,
): Promise<void> {
  const runId = hold.runId ?? (hold.operationId && (await startedUnder(tasks, sessionId, hold.operationId)));
  if (!runId) return;
  const reason = 'its task is not to be done any more';
  await insist(clock, signal, () => invoke('agents.stop', { sessionId, runId, reason }, { by: taskRunner }));
}

interface LeftAttempt {
  readonly sessionId: string;
  readonly task: Pick<Task, 'taskId' | 'seq'>;
  readonly epoch: number;
}

/**
 * Ends the agent of the newest attempt up to this one that has started any, where a process died before it had done so: nobody else
 * would. It started when those of the attempts before it had ended.
 */
export async function stopLeft(
  options: ExecutionOptions,
  { sessionId, task, epoch }: LeftAttempt,
  signal: AbortSignal,
): Promise<void> {
  for (let left = epoch; left > 0; left--) {
    const runId = await startedUnder(options.tasks, sessionId, runKey(task, left));
    if (runId === undefined) continue;
    await stopAgent(options, { sessionId, hold: { runId, operationId: null } }, signal).catch(
      (error: unknown) => {
        if (!HoldfastError.is(error, 'AGENT_NOT_FOUND')) throw error;
      },
    );
    return;
  }
}

async function startedUnder(
  { journal }: SessionTasks,
  sessionId: string,
  operationId: string,
): Promise<string | undefined> {
  const key = receiptKey({ operationId }) ?? '';
  const record = await journal.receipt(sessionStream(sessionId), key);
  return (record as { readonly reply?: { readonly runId?: string } } | undefined)?.reply?.runId;
}

function send(
  { tasks, clock }: ExecutionOptions,
  sessionId: string,
  { abort }: Hold,
  command: TaskCommand,
  call: Call = { by: taskRunner },
): Promise<Answer> {
  return insist(clock, abort.signal, () => tasks.send(sessionId, command, call));
}

/** True for what says that the task went another way meanwhile. */
export function isOvertaken(error: unknown): boolean {
  return overtaken.some((code) => HoldfastError.is(error, code));
}

const overtaken = ['TASK_LEASE_LOST', 'TASK_TRANSITION', 'TASK_NOT_READY', 'TASK_NOT_FOUND'] as const;

/** True for what is refused because of the task itself, now and always. */
export function isOfTask(error: unknown): boolean {
  return ofTask.some((code) => HoldfastError.is(error, code));
}

const ofTask = ['TOO_DEEP', 'TOO_LARGE', 'VALUE_TOO_LARGE', 'BATCH_TOO_LARGE', 'INVALID_INPUT'] as const;
