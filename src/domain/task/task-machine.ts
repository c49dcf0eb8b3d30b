// The states of a task as one XState machine over its events: exactly the lawful edges, and no other.
import { assign, type SnapshotFrom, setup } from 'xstate';
import type { LawEvent } from '../law.ts';
import { type Advance, compileMachine } from '../machine.ts';

/**
 * `blocked` waits for other tasks, `pending` for somebody to start it, `validating` for its gates; the last three are ends.
 */
export const taskStatuses = [
  'blocked',
  'pending',
  'in_progress',
  'validating',
  'paused',
  'completed',
  'failed',
  'cancelled',
] as const;

export type TaskStatus = (typeof taskStatuses)[number];

/** Only where a resumed or retried task goes is looked at. */
export type TaskEdge = LawEvent<string, { readonly to?: TaskStatus }>;

/** What a task is beside its status is no affair of the machine's. */
type Nothing = Readonly<Record<string, never>>;
const nothing: Nothing = Object.freeze({});

const guards = {
  leadsTo: ({ event }: { event: TaskEdge }, { status }: { status: TaskStatus }): boolean =>
    event.data.to === status,
};

const assigners = { keep: (): Nothing => nothing };

const tasks = setup({
  types: { context: {} as Nothing, events: {} as TaskEdge },
  guards,
  actions: { keep: assign(assigners.keep) },
});

const stay = { actions: 'keep' } as const;
const to = <S extends TaskStatus>(target: S) => ({ target, actions: 'keep' }) as const;
const where = <S extends TaskStatus>(status: S) =>
  ({ guard: { type: 'leadsTo', params: { status } }, target: status, actions: 'keep' }) as const;

const again = [where('pending'), where('blocked')] as const;
const rewritten = {
  'task.updated': stay,
  'task.assigned': stay,
  'task.dependencyAdded': stay,
  'task.dependencyRemoved': stay,
} as const;
const endings = { 'task.failed': to('failed'), 'task.cancelled': to('cancelled') } as const;

export const taskMachine = tasks.createMachine({
  id: 'task',
  context: nothing,
  initial: 'pending',
  states: {
    blocked: {
      on: { ...rewritten, ...endings, 'task.unblocked': to('pending'), 'task.paused': to('paused') },
    },
    pending: {
      on: {
        ...rewritten,
        ...endings,
        'task.readied': stay,
        'task.blocked': to('blocked'),
        'task.started': to('in_progress'),
        'task.paused': to('paused'),
      },
    },
    in_progress: {
      on: {
        ...endings,
        'task.updated': stay,
        'task.dispatched': stay,
        'task.progressed': stay,
        'task.offered': stay,
        'task.handedOver': stay,
        'task.offerEnded': stay,
        'task.submitted': to('validating'),
        'task.completed': to('completed'),
        'task.requeued': to('pending'),
        'task.paused': to('paused'),
      },
    },
    validating: {
      on: {
        ...endings,
        'task.updated': stay,
        'task.completed': to('completed'),
        'task.requeued': to('pending'),
      },
    },
    paused: { on: { ...rewritten, ...endings, 'task.resumed': [...again] } },
    completed: {},
    failed: { on: { 'task.retried': [...again] } },
    cancelled: { on: { 'task.retried': [...again] } },
  },
});

export type TaskSnapshot = SnapshotFrom<typeof taskMachine>;

/** The machine's own step, compiled. */
export const advanceTask: Advance<TaskSnapshot, TaskEdge> = compileMachine(taskMachine, {
  guards,
  assigners,
});

export const taskIn = (status: TaskStatus): TaskSnapshot =>
  taskMachine.resolveState({ value: status, context: nothing }) as TaskSnapshot;

const resting: ReadonlyMap<TaskStatus, TaskSnapshot> = new Map(
  taskStatuses.map((status) => [status, taskIn(status)]),
);

/** Where an event leads from a status; undefined when it is not lawful there. */
export function statusAfter(status: TaskStatus, event: TaskEdge): TaskStatus | undefined {
  const from = resting.get(status) ?? taskIn(status);
  const next = advanceTask(from, event);
  return next === from ? undefined : (next.value as TaskStatus);
}
