// What the events of durable steps make of the runs of a session. Events of a run that is not open change nothing.

import type { LawEvent } from '../law.ts';
import { type AgentRun, type AgentRuns, earliestOf, withWoken, workOf } from './agent-runs.ts';
import { type StepEventData, type StepEventType, stepEventTypes } from './agent-step-events.ts';
import { type RunWork, withFinished } from './run-work.ts';

type StepEvent = { [Type in StepEventType]: LawEvent<Type, StepEventData[Type]> }[StepEventType];

export function isStepEvent(event: LawEvent): event is StepEvent {
  return Object.hasOwn(stepEventTypes, event.type);
}

export function withStepEvent(runs: AgentRuns, event: StepEvent): AgentRuns {
  const { runId } = event.data;
  const run = runs.open.get(runId);
  if (run === undefined) return runs;
  if (event.type === 'agent.parked') return withParked(runs, run);
  const work = workAfter(workOf(runs, runId), event);
  return wakes(event) ? withWoken(withWork(runs, runId, work), run, event.at) : withWork(runs, runId, work);
}

/** The runs with the work of one of them changed. */
function withWork(runs: AgentRuns, runId: string, work: RunWork): AgentRuns {
  const before = runs.work.get(runId);
  const all = runs.work.set(runId, work);
  const isTimed = work.timers !== before?.timers || work.waits !== before?.waits;
  return { ...runs, work: all, dueAt: isTimed ? earliestOf(all) : runs.dueAt };
}

function workAfter(work: RunWork, event: Exclude<StepEvent, { type: 'agent.parked' }>): RunWork {
  const { seq, at } = event;
  switch (event.type) {
    case 'step.completed':
    case 'step.failed':
      return withFinished(work, event.data.step, { seq }, event.data.inner);
    case 'timer.fired':
    case 'wait.expired':
      return withFinished(work, event.data.step, { seq });
    case 'effect.started':
      return { ...work, effects: [...work.effects, { step: event.data.step, startedAt: at, seq }] };
    case 'effect.unknown':
      return afterUnknown(work, event.data, at, seq);
    case 'timer.set': {
      const { step, dueAt } = event.data;
      return { ...work, timers: [...work.timers, { step, dueAt, seq }] };
    }
    case 'wait.started': {
      const { step, signal, deadlineAt } = event.data;
      return { ...work, waits: [...work.waits, { step, signal, deadlineAt, since: at, seq }] };
    }
    case 'wait.signaled':
      return tookSignal(work, event.data, seq);
    case 'signal.received': {
      const { name, step } = event.data;
      if (step !== undefined) return withFinished(work, step, { seq });
      return { ...work, signals: [...work.signals, { name, seq }] };
    }
  }
}

/** One that is tried again is as one that has just begun. */
function afterUnknown(
  work: RunWork,
  { step, decision }: StepEventData['effect.unknown'],
  startedAt: number,
  seq: number,
): RunWork {
  if (decision !== 'retried') return withFinished(work, step, { seq });
  const effects = work.effects.map((effect) => (effect.step === step ? { step, startedAt, seq } : effect));
  return { ...work, effects };
}

function tookSignal(work: RunWork, { step, signal }: StepEventData['wait.signaled'], seq: number): RunWork {
  const signals = work.signals.filter((kept) => kept.seq !== signal);
  return withFinished({ ...work, signals }, step, { seq, signal });
}

/** What a parked run waits for. */
function wakes({ type, data }: StepEvent): boolean {
  if (type === 'signal.received') return data.step !== undefined;
  return type === 'timer.fired' || type === 'wait.expired' || type === 'wait.signaled';
}

function withParked(runs: AgentRuns, run: AgentRun): AgentRuns {
  if (run.status !== 'running') return runs;
  return { ...runs, parked: runs.parked + 1, open: runs.open.set(run.runId, { ...run, status: 'parked' }) };
}
