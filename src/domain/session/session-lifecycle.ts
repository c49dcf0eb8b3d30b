// The lifecycle of a session as one XState machine over its events: the states, and exactly the lawful edges between them.
import { assign, type SnapshotFrom, setup } from 'xstate';
import type { LawEvent } from '../law.ts';
import { type Advance, compileMachine } from '../machine.ts';

export const sessionStatuses = [
  'initializing',
  'active',
  'idle',
  'paused',
  'dormant',
  'terminating',
  'terminated',
  'archived',
  'deleted',
] as const;

export type SessionStatus = (typeof sessionStatuses)[number];

/** The data of `session.statusChanged`, the event of every edge. */
export interface StatusChange {
  readonly from: SessionStatus;
  readonly to: SessionStatus;
  /** Why, in a word or a sentence of the caller's. */
  readonly reason: string;
  /** What led to it: a command's type, or `deadline`. */
  readonly cause: string;
  readonly error?: string;
  /** Only to `dormant`: where waking leads. */
  readonly resumeTo?: 'active' | 'paused';
  /** Only to `terminating`: stored data is deleted at the end. */
  readonly cleanup?: boolean;
}

/** What the machine keeps: lifecycle and counters. Conversation, files and memory stand beside it. */
export interface LifecycleContext {
  readonly createdAt: number | null;
  /** When this life began: the session was created then, or restored. */
  readonly openedAt: number | null;
  readonly updatedAt: number;
  readonly lastActivityAt: number;
  readonly messages: number;
  readonly entries: number;
  readonly resumeTo: 'active' | 'paused';
  readonly reason: string | null;
  readonly error: string | null;
  readonly cleanup: boolean;
}

/** Only the data of an edge is looked at. */
export type LifecycleEvent = LawEvent<string, StatusChange>;

const initialContext: LifecycleContext = {
  createdAt: null,
  openedAt: null,
  updatedAt: 0,
  lastActivityAt: 0,
  messages: 0,
  entries: 0,
  resumeTo: 'active',
  reason: null,
  error: null,
  cleanup: false,
};

type Step = { readonly context: LifecycleContext; readonly event: LifecycleEvent };

const guards = {
  goesTo: ({ event }: Step, { status }: { status: SessionStatus }) => event.data.to === status,
  wakesTo: ({ event, context }: Step, { status }: { status: SessionStatus }) =>
    event.data.to === status && context.resumeTo === status,
  keepsPaused: ({ event }: Step) => event.data.to === 'dormant' && event.data.resumeTo === 'paused',
  isNew: ({ context }: Step) => context.createdAt === null,
};

const assigners = {
  recordEdge: ({ context, event: { at, data } }: Step): LifecycleContext => ({
    ...context,
    updatedAt: at,
    lastActivityAt: marksActivity(data) ? at : context.lastActivityAt,
    resumeTo: data.to === 'dormant' ? (data.resumeTo ?? 'active') : context.resumeTo,
    reason: data.reason,
    error: data.error ?? context.error,
    cleanup: data.cleanup ?? context.cleanup,
  }),
  recordCreation: ({ context, event: { at } }: Step): LifecycleContext => ({
    ...context,
    createdAt: at,
    openedAt: at,
    updatedAt: at,
    lastActivityAt: at,
  }),
  recordTime: ({ context, event: { at } }: Step): LifecycleContext => ({ ...context, updatedAt: at }),
  recordActivity: ({ context, event: { at } }: Step): LifecycleContext =>
    activeAt(at, context, context.entries, context.messages),
  recordEntry: ({ context, event: { at } }: Step): LifecycleContext =>
    activeAt(at, context, context.entries + 1, context.messages),
  recordMessage: ({ context, event: { at } }: Step): LifecycleContext =>
    activeAt(at, context, context.entries + 1, context.messages + 1),
  recordClearing: ({ context, event: { at } }: Step): LifecycleContext =>
    activeAt(at, context, context.entries, 0),
};

/** Member by member: this is made for almost every event, and a copy with changes costs several times as much. */
function activeAt(
  at: number,
  { createdAt, openedAt, resumeTo, reason, error, cleanup }: LifecycleContext,
  entries: number,
  messages: number,
): LifecycleContext {
  // biome-ignore format: one line, as all of them stand
  return { createdAt, openedAt, updatedAt: at, lastActivityAt: at, messages, entries, resumeTo, reason, error, cleanup };
}

const lifecycle = setup({
  types: { context: {} as LifecycleContext, events: {} as LifecycleEvent },
  guards,
  actions: {
    recordEdge: assign(assigners.recordEdge),
    recordCreation: assign(assigners.recordCreation),
    recordTime: assign(assigners.recordTime),
    recordActivity: assign(assigners.recordActivity),
    recordEntry: assign(assigners.recordEntry),
    recordMessage: assign(assigners.recordMessage),
    recordClearing: assign(assigners.recordClearing),
  },
});

const edge = <S extends SessionStatus>(status: S) =>
  ({ guard: { type: 'goesTo', params: { status } }, target: status, actions: 'recordEdge' }) as const;

const wakingEdge = <S extends SessionStatus>(status: S) =>
  ({ guard: { type: 'wakesTo', params: { status } }, target: status, actions: 'recordEdge' }) as const;

/** What becomes of agents is recorded wherever the session rests, and wakes nobody. */
const endsOfAgents = {
  'agent.crashed': { actions: 'recordTime' },
  'agent.rateLimited': { actions: 'recordTime' },
  'agent.usageReported': { actions: 'recordTime' },
  'agent.completed': { actions: 'recordTime' },
  'agent.failed': { actions: 'recordTime' },
  'agent.stopped': { actions: 'recordTime' },
} as const;

/** Durable steps; what the clock does is no use of the session. */
const steps = {
  'step.completed': { actions: 'recordActivity' },
  'step.failed': { actions: 'recordActivity' },
  'effect.started': { actions: 'recordActivity' },
  'effect.unknown': { actions: 'recordActivity' },
  'timer.set': { actions: 'recordActivity' },
  'timer.fired': { actions: 'recordTime' },
  'wait.started': { actions: 'recordActivity' },
  'wait.signaled': { actions: 'recordActivity' },
  'wait.expired': { actions: 'recordTime' },
  'signal.received': { actions: 'recordActivity' },
  'agent.parked': { actions: 'recordTime' },
} as const;

/** A signal is kept wherever the session rests. */
const keptSignals = { 'signal.received': { actions: 'recordTime' } } as const;

/** The end of what was accepted is recorded of a session that has ended, too. */
const endsOfHandoffs = {
  'handoff.delivered': { actions: 'recordTime' },
  'handoff.completed': { actions: 'recordTime' },
  'handoff.returned': { actions: 'recordTime' },
} as const;

/** What becomes of what is handed over is recorded wherever the session rests; offering it, and being given something, is use of it. */
const handoffs = {
  'handoff.accepted': { actions: 'recordTime' },
  'handoff.rejected': { actions: 'recordTime' },
  'handoff.withdrawn': { actions: 'recordTime' },
  'handoff.expired': { actions: 'recordTime' },
  ...endsOfHandoffs,
} as const;

/** A checkpoint is no use of the session: it changes no status and wakes nobody. */
const madeCheckpoint = { 'checkpoint.created': { actions: 'recordTime' } } as const;
const checkpoints = { ...madeCheckpoint, 'checkpoint.deleted': { actions: 'recordTime' } } as const;

/** Events are lawful where they are named, and nowhere else. */
export const sessionMachine = lifecycle.createMachine({
  id: 'session',
  context: initialContext,
  initial: 'initializing',
  states: {
    initializing: {
      on: {
        'session.statusChanged': [edge('active'), edge('terminated')],
        // A restored conversation is told again before the session opens.
        'message.sent': { actions: 'recordMessage' },
      },
    },
    active: {
      on: {
        'session.statusChanged': [edge('idle'), edge('paused'), edge('dormant'), edge('terminating')],
        'session.created': { guard: 'isNew', actions: 'recordCreation' },
        'session.configured': { actions: 'recordActivity' },
        'message.sent': { actions: 'recordMessage' },
        'message.pinned': { actions: 'recordActivity' },
        'message.unpinned': { actions: 'recordActivity' },
        'conversation.cleared': { actions: 'recordClearing' },
        'file.added': { actions: 'recordEntry' },
        'file.removed': { actions: 'recordActivity' },
        'file.indexed': { actions: 'recordActivity' },
        'memory.updated': { actions: 'recordActivity' },
        'memory.deleted': { actions: 'recordActivity' },
        'tool.called': { actions: 'recordEntry' },
        'tool.returned': { actions: 'recordActivity' },
        'llm.responded': { actions: 'recordActivity' },
        'analysis.completed': { actions: 'recordActivity' },
        'issue.found': { actions: 'recordActivity' },
        'context.updated': { actions: 'recordActivity' },
        'session.merged': { actions: 'recordActivity' },
        'agent.started': { actions: 'recordActivity' },
        'agent.restarted': { actions: 'recordActivity' },
        'agent.crashed': { actions: 'recordActivity' },
        'agent.rateLimited': { actions: 'recordActivity' },
        'agent.usageReported': { actions: 'recordActivity' },
        'agent.settled': { actions: 'recordTime' },
        'agent.completed': { actions: 'recordActivity' },
        'agent.failed': { actions: 'recordActivity' },
        'agent.stopped': { actions: 'recordActivity' },
        ...steps,
        ...handoffs,
        'handoff.offered': { actions: 'recordActivity' },
        'handoff.received': { actions: 'recordActivity' },
        ...checkpoints,
      },
    },
    idle: {
      on: {
        'session.statusChanged': [edge('active'), edge('paused'), edge('dormant'), edge('terminating')],
        ...endsOfAgents,
        ...handoffs,
        ...checkpoints,
      },
    },
    paused: {
      on: {
        'session.statusChanged': [
          edge('active'),
          { guard: 'keepsPaused', target: 'dormant', actions: 'recordEdge' },
          edge('terminating'),
        ],
        ...endsOfAgents,
        ...handoffs,
        ...keptSignals,
        ...checkpoints,
      },
    },
    dormant: {
      on: {
        'session.statusChanged': [wakingEdge('active'), wakingEdge('paused'), edge('terminating')],
        ...endsOfAgents,
        ...handoffs,
        ...keptSignals,
        ...checkpoints,
      },
    },
    terminating: { on: { 'session.statusChanged': edge('terminated'), ...endsOfAgents, ...endsOfHandoffs } },
    terminated: {
      on: {
        'session.statusChanged': edge('archived'),
        'session.terminated': { actions: 'recordTime' },
        // Of what a restoring is about to replace.
        ...madeCheckpoint,
        ...endsOfHandoffs,
      },
    },
    archived: { on: { 'session.statusChanged': edge('deleted'), ...madeCheckpoint, ...endsOfHandoffs } },
    deleted: {},
  },
});

export type LifecycleSnapshot = SnapshotFrom<typeof sessionMachine>;

/** The lifecycle after an event, or the same snapshot when it is not lawful: the machine's own step, compiled. */
export const advanceLifecycle: Advance<LifecycleSnapshot, LifecycleEvent> = compileMachine(sessionMachine, {
  guards,
  assigners,
});

export const initialLifecycle: LifecycleSnapshot = resolveLifecycle('initializing', initialContext);

export function resolveLifecycle(status: SessionStatus, context: LifecycleContext): LifecycleSnapshot {
  return sessionMachine.resolveState({ value: status, context }) as LifecycleSnapshot;
}

/** Falling quiet is not activity; everything that somebody asked for is. */
function marksActivity({ to }: StatusChange): boolean {
  return to === 'active' || to === 'paused';
}
