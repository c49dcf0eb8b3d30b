// The handlers of all operations on tasks, for the system to bind.
import { HoldfastError } from '../../base/errors.ts';
import type { IdSource } from '../../base/ids.ts';
import { untilFound } from '../../base/until-found.ts';
import { byUrgency, type Dependency, isEnded, isReady, type NewTask } from '../../domain/task/task.ts';
import type { TaskCommand } from '../../domain/task/task-commands.ts';
import type { TaskChanges } from '../../domain/task/task-events.ts';
import type { TaskStatus } from '../../domain/task/task-machine.ts';
import { listTasks } from '../../domain/task/task-state.ts';
import type { Answer } from '../../entity/command-meta.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import type { OperationName, OutputOf, ParsedInputOf } from '../../operations/registry.ts';
import type { SessionTasks } from './session-tasks.ts';
import type { TaskGates } from './task-gates.ts';
import { taskHandoffHandlers } from './task-handoff-handlers.ts';
import { taskDetails } from './task-info.ts';
import { graphOf, historyOf, queryTasks, statisticsOf } from './task-queries.ts';
import type { TaskResumption } from './task-resumption.ts';

export type TaskOperation = Extract<OperationName, `tasks.${string}`>;

export interface TaskHandlerContext {
  readonly tasks: SessionTasks;
  readonly gates: TaskGates;
  readonly newId: IdSource;
  readonly agents: { assertRegistered(agent: string): void };
  readonly resumption: Pick<TaskResumption, 'resume'>;
  /** Calls back when something may have ended a task of a session, or the session. */
  readonly listen: (sessionId: string, changed: () => void) => () => void;
  /** Aborted when nothing is served any more. */
  readonly closing: AbortSignal;
  /** What the task runner runs of a session. */
  readonly running: (sessionId: string) => number;
}

export function taskHandlers(context: TaskHandlerContext): Handlers<TaskOperation> {
  const { tasks, gates } = context;
  return {
    ...changing(context),
    ...taskHandoffHandlers(tasks),
    'tasks.create': (input, call) => createTask(context, input, call),
    'tasks.createMany': (input, call) => createTasks(context, input, call),
    'tasks.claim': (input, call) => claimTask(context, input, call),
    'tasks.resume': ({ sessionId, taskId, reason }, call) =>
      context.resumption.resume(sessionId, { taskId, reason }, call),
    'tasks.get': async ({ sessionId, taskId }) =>
      taskDetails(tasks, sessionId, await tasks.get(sessionId, taskId)),
    'tasks.wait': (input, { signal }) => waitForTask(context, input, signal),
    'tasks.list': async (input) => queryTasks(await tasks.read(input.sessionId), input),
    'tasks.graph': async ({ sessionId, taskId, limit }) =>
      graphOf(await tasks.read(sessionId), taskId, limit),
    'tasks.stats': async ({ sessionId }) =>
      statisticsOf(await tasks.read(sessionId), context.running(sessionId)),
    'tasks.history': async (input) => {
      await tasks.read(input.sessionId);
      return historyOf(tasks.journal, input);
    },
    'tasks.check': async ({ sessionId, taskId, level }) => {
      const verdicts = await gates.check(sessionId, await tasks.get(sessionId, taskId), level);
      const ok = verdicts.every((verdict) => verdict.ok || verdict.severity === 'warning');
      return { taskId, level, ok, verdicts };
    },
  };
}

function waitForTask(
  { tasks, listen, closing }: TaskHandlerContext,
  { sessionId, taskId }: ParsedInputOf<'tasks.wait'>,
  signal: AbortSignal | undefined,
): Promise<OutputOf<'tasks.wait'>> {
  const wait = { listen: (changed: () => void) => listen(sessionId, changed), ends: [closing, signal] };
  return untilFound(wait, async () => {
    const task = await tasks.get(sessionId, taskId);
    if (isEnded(task)) return taskDetails(tasks, sessionId, task);
    await tasks.assertGoesOn(sessionId);
    return undefined;
  });
}

type Changing = `tasks.${
  | 'update'
  | 'assign'
  | 'addDependency'
  | 'removeDependency'
  | 'start'
  | 'progress'
  | 'complete'
  | 'fail'
  | 'release'
  | 'validate'
  | 'pause'
  | 'cancel'
  | 'retry'}`;

/** Operations that are one command, each answered with what it led to. */
function changing(context: TaskHandlerContext): Handlers<Changing> {
  const { tasks } = context;
  const send = <Answered>(sessionId: string, command: TaskCommand, call: Call): Promise<Answered> =>
    tasks.send(sessionId, command, call) as Promise<Answer> as Promise<unknown> as Promise<Answered>;
  return {
    'tasks.update': ({ sessionId, taskId, expectedVersion, ...said }, call) => {
      const { validation: level, ...rest } = said;
      context.gates.assertRegistered(said.gates ?? []);
      const changes = withoutUndefined({ ...rest, level });
      return send(sessionId, { type: 'task.update', ...seen({ taskId, expectedVersion }), changes }, call);
    },
    'tasks.assign': ({ sessionId, agent = null, role = null, ...task }, call) => {
      if (agent !== null) context.agents.assertRegistered(agent);
      return send(sessionId, { type: 'task.assign', ...seen(task), agent, role }, call);
    },
    'tasks.addDependency': ({ sessionId, dependsOn, onFailure, ...task }, call) => {
      const dependency = { taskId: dependsOn, onFailure };
      return send(sessionId, { type: 'task.addDependency', ...seen(task), dependency }, call);
    },
    'tasks.removeDependency': ({ sessionId, dependsOn, ...task }, call) =>
      send(sessionId, { type: 'task.removeDependency', ...seen(task), dependsOn }, call),
    'tasks.start': ({ sessionId, owner, ...task }, call) =>
      send(sessionId, { type: 'task.start', ...seen(task), owner, leaseMs: null }, call),
    'tasks.progress': ({ sessionId, fraction, note, leaseMs = null, ...attempt }, call) => {
      const isSaid = fraction !== undefined || note !== undefined;
      const progress = isSaid ? { fraction: fraction ?? null, note: note ?? null } : null;
      return send(sessionId, { type: 'task.progress', ...spoken(attempt), progress, leaseMs }, call);
    },
    'tasks.complete': ({ sessionId, result, ...attempt }, call) =>
      send(sessionId, { type: 'task.complete', ...spoken(attempt), result }, call),
    'tasks.fail': ({ sessionId, error: { name, message, code }, retryable, ...attempt }, call) => {
      const error = { name, message, ...(code !== undefined && { code }) };
      return send(sessionId, { type: 'task.fail', ...spoken(attempt), error, retryable }, call);
    },
    'tasks.release': ({ sessionId, ...attempt }, call) =>
      send(sessionId, { type: 'task.release', ...spoken(attempt) }, call),
    'tasks.validate': ({ sessionId, verdicts, ...attempt }, call) => {
      const said = verdicts.map(({ problem = null, ...verdict }) => ({ ...verdict, problem }));
      return send(sessionId, { type: 'task.validate', ...spoken(attempt), gates: said }, call);
    },
    'tasks.pause': ({ sessionId, reason, ...task }, call) =>
      send(sessionId, { type: 'task.pause', ...seen(task), reason }, call),
    'tasks.cancel': ({ sessionId, reason, ...task }, call) =>
      send(sessionId, { type: 'task.cancel', ...seen(task), reason }, call),
    'tasks.retry': ({ sessionId, reason, ...task }, call) =>
      send(sessionId, { type: 'task.retry', ...seen(task), reason }, call),
  };
}

const seen = ({ taskId, expectedVersion }: { taskId: string; expectedVersion?: number | undefined }) => ({
  taskId,
  ...(expectedVersion !== undefined && { expectedVersion }),
});

const spoken = ({ taskId, epoch }: { taskId: string; epoch?: number | undefined }) => ({
  taskId,
  ...(epoch !== undefined && { epoch }),
});

function withoutUndefined(changes: object): TaskChanges {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

async function createTask(
  context: TaskHandlerContext,
  { sessionId, ...said }: ParsedInputOf<'tasks.create'>,
  call: Call,
): Promise<OutputOf<'tasks.create'>> {
  const { tasks: made, ...answer } = await created(context, sessionId, [newTask(context, said)], call);
  const [{ taskId = '', status = 'pending' } = {}] = made;
  return { ...answer, taskId, status };
}

function createTasks(
  context: TaskHandlerContext,
  { sessionId, tasks }: ParsedInputOf<'tasks.createMany'>,
  call: Call,
): Promise<OutputOf<'tasks.createMany'>> {
  const list = tasks.map((said) => newTask(context, said));
  return created(context, sessionId, list, call);
}

type Created = Answer & {
  readonly tasks: readonly { readonly taskId: string; readonly status: TaskStatus }[];
};

async function created(
  { tasks }: TaskHandlerContext,
  sessionId: string,
  list: readonly NewTask[],
  call: Call,
): Promise<Created> {
  return (await tasks.sendFor(
    sessionId,
    ({ durability }) => ({ type: 'task.create', tasks: list, durability }),
    call,
  )) as Created;
}

type Said = ParsedInputOf<'tasks.createMany'>['tasks'][number];

function newTask(context: TaskHandlerContext, said: Said): NewTask {
  const { taskId = context.newId(), title, description = null, priority, agent = null, role = null } = said;
  const { metadata = null, input, onDependencyFailure, retry, timeoutMs = null, deadlineAt = null } = said;
  const { gates, validation: level = null } = said;
  if (agent !== null) context.agents.assertRegistered(agent);
  context.gates.assertRegistered(gates);
  const dependencies = dependenciesOf(said, onDependencyFailure);
  return {
    ...{ taskId, title, description, priority, agent, role, metadata, input, dependencies },
    ...{ retry, timeoutMs, deadlineAt, gates, level },
  };
}

/** One that is named twice counts as it was named last. */
function dependenciesOf({ dependencies }: Said, otherwise: Dependency['onFailure']): readonly Dependency[] {
  const all = dependencies.map((given) =>
    typeof given === 'string'
      ? { taskId: given, onFailure: otherwise }
      : { taskId: given.taskId, onFailure: given.onFailure ?? otherwise },
  );
  return [...new Map(all.map((dependency) => [dependency.taskId, dependency])).values()];
}

/** No task has such an id. */
const noneReady = '(none ready)';

/** The most urgent that is still there when it is asked for; another may be quicker. */
async function claimTask(
  { tasks }: TaskHandlerContext,
  { sessionId, taskId, role, owner, leaseMs }: ParsedInputOf<'tasks.claim'>,
  call: Call,
): Promise<OutputOf<'tasks.claim'>> {
  const claim = async (id: string): Promise<OutputOf<'tasks.claim'>> =>
    (await tasks.send(sessionId, { type: 'task.start', taskId: id, owner, leaseMs }, call)) as Answer &
      OutputOf<'tasks.claim'>;
  if (taskId !== undefined) return claim(taskId);
  const ready = listTasks(await tasks.read(sessionId))
    .filter((task) => isReady(task) && task.agent === null && task.role === (role ?? null))
    .sort(byUrgency);
  for (const task of ready) {
    try {
      return await claim(task.taskId);
    } catch (error) {
      const isTaken = HoldfastError.is(error, 'TASK_TRANSITION') || HoldfastError.is(error, 'TASK_NOT_READY');
      if (!isTaken) throw error;
    }
  }
  // It may have been answered before, when there was one.
  return claim(noneReady).catch((error: unknown) => {
    if (!HoldfastError.is(error, 'TASK_NOT_FOUND')) throw error;
    throw new HoldfastError('NO_TASK_READY', { sessionId, role: role ?? null });
  });
}
