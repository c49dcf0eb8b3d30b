// What the journal holds of the finished steps of a run, as the agent gets it again: read in pages when an incarnation begins, and
// taken from events as they become durable.
import { type ErrorCode, errorCatalogue } from '../../base/error-catalogue.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';
import type { RunWork } from '../../domain/agent/run-work.ts';
import type { RecordedFailure } from '../../domain/error-class.ts';
import type { SessionEventData } from '../../domain/session/session-events.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import type { RecordedStep, StepKind, StepOutcome } from './step-replay.ts';

/** Whose steps they are. */
export interface StepOwner {
  readonly sessionId: string;
  readonly runId: string;
}

export type ReadEvents = (seqs: readonly number[]) => Promise<ReadonlyMap<number, StoredEvent>>;

const pageEvents = 256;

/** The events at these seqs: those that stand together are read together. */
export async function readEventsAt(
  journal: Pick<Journal, 'readFrom'>,
  stream: string,
  seqs: readonly number[],
): Promise<ReadonlyMap<number, StoredEvent>> {
  const wanted = [...new Set(seqs)].sort((a, b) => a - b);
  const found = new Map<number, StoredEvent>();
  for (let at = 0; at < wanted.length; ) {
    const first = wanted[at] ?? 0;
    const near = wanted.slice(at, at + pageEvents).filter((seq) => seq < first + pageEvents);
    const limit = (near.at(-1) ?? first) - first + 1;
    const { events } = await journal.readFrom(stream, first - 1, { limit });
    const read = new Map(events.map((event) => [event.seq, event]));
    const held = near.filter((seq) => read.has(seq));
    if (held.length === 0)
      throw new HoldfastError('JOURNAL_CORRUPT', {
        stream,
        seq: first,
        problem: 'it holds no finished step',
      });
    for (const seq of held) found.set(seq, read.get(seq) as StoredEvent);
    at += held.length;
  }
  return found;
}

/** All finished steps of a run. */
export async function loadRecords(
  owner: StepOwner,
  { steps }: RunWork,
  read: ReadEvents,
): Promise<readonly RecordedStep[]> {
  if (steps.size === 0) return [];
  const places = [...steps.entries()].map(([key, { seq, signal }]) => ({ key, seq, from: signal ?? seq }));
  const events = await read(places.map(({ from }) => from));
  return places.map(({ key, seq, from }) => {
    const event = events.get(from);
    const found = event === undefined ? undefined : recordOf(owner, key, event);
    if (found !== undefined) return { key, seq, ...found };
    const stream = event?.stream ?? owner.sessionId;
    throw new HoldfastError('JOURNAL_CORRUPT', { stream, seq: from, problem: `it does not finish ${key}` });
  });
}

/** What is open of a run, with its kind. */
export function pendingSteps({ timers, waits, effects, children }: RunWork): (readonly [string, StepKind])[] {
  const named = (open: readonly { readonly step: string }[], kind: StepKind) =>
    open.map(({ step }) => [step, kind] as const);
  return [
    ...named(timers, 'sleep'),
    ...named(waits, 'wait'),
    ...named(effects, 'effect'),
    ...named(children, 'child'),
  ];
}

type Found = { readonly kind: StepKind; readonly outcome: StepOutcome };

/** What an event says of the step that it finishes; undefined for an event that finishes none. */
export function recordOf(owner: StepOwner, step: string, { type, data }: StoredEvent): Found | undefined {
  if (data === undefined) return undefined;
  const value = (kind: StepKind, result: Json | undefined): Found => ({
    kind,
    outcome: { ok: true, value: result },
  });
  const error = (kind: StepKind, thrown: Error): Found => ({ kind, outcome: { ok: false, error: thrown } });
  switch (type) {
    case 'step.completed': {
      const { effect, result } = data as SessionEventData['step.completed'];
      return value(effect ? 'effect' : 'step', result);
    }
    case 'step.failed': {
      const failed = data as SessionEventData['step.failed'];
      return error(failed.effect ? 'effect' : 'step', errorOf(failed.error));
    }
    case 'effect.unknown': {
      const { decision, result } = data as SessionEventData['effect.unknown'];
      if (decision === 'retried') return undefined;
      if (decision === 'resolved') return value('effect', result);
      return error('effect', new HoldfastError('EFFECT_UNKNOWN', { ...owner, step }));
    }
    case 'timer.fired': {
      const { lateMs } = data as SessionEventData['timer.fired'];
      return value('sleep', Object.freeze({ lateMs }));
    }
    case 'signal.received':
      return value('wait', (data as SessionEventData['signal.received']).payload);
    case 'wait.expired': {
      const { signal, deadlineAt } = data as SessionEventData['wait.expired'];
      return error('wait', new HoldfastError('WAIT_EXPIRED', { ...owner, step, signal, deadlineAt }));
    }
    case 'agent.completed':
      return value('child', (data as SessionEventData['agent.completed']).result);
    case 'agent.failed':
    case 'agent.stopped':
      return error('child', childError(owner, step, type, data as ChildEnd));
    default:
      return undefined;
  }
}

type ChildEnd = { readonly runId: string; readonly error?: RecordedFailure; readonly reason?: string };

function childError(owner: StepOwner, step: string, type: string, { runId, error, reason }: ChildEnd): Error {
  const problem = type === 'agent.failed' ? `has failed: ${error?.message}` : `was stopped: ${reason}`;
  const details = { ...owner, step, childRunId: runId, problem, ...(error && { error }) };
  return new HoldfastError('CHILD_FAILED', details);
}

/** The error as it was recorded: its name, message and code, and no more. */
function errorOf({ name, message, code, ...hints }: RecordedFailure): Error {
  const isOwn = code !== undefined && Object.hasOwn(errorCatalogue, code);
  const error = isOwn ? new HoldfastError(code as ErrorCode, hints) : new Error(message);
  error.message = message;
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  return isOwn || code === undefined
    ? Object.assign(error, isOwn ? {} : hints)
    : Object.assign(error, hints, { code });
}
