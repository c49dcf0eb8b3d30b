// What an open run has done of its work, and what it waits for: where each finished step stands in the journal, and the timers,
// waits, effects and children that are open. Results stay in the journal.
import { ShardedMap } from '../../base/sharded-map.ts';

/** Where the outcome of a finished step stands: the event that finished it, and the signal that it took, if it took one. */
export interface StepPlace {
  readonly seq: number;
  readonly signal?: number;
}

interface PendingTimer {
  readonly step: string;
  readonly dueAt: number;
  readonly seq: number;
}

export interface PendingWait {
  readonly step: string;
  readonly signal: string;
  readonly deadlineAt: number | null;
  readonly since: number;
  readonly seq: number;
}

/** A signal that came while nobody waited for it. */
interface KeptSignal {
  readonly name: string;
  readonly seq: number;
}

/** An effect that was begun, and of which no outcome is known. */
interface PendingEffect {
  readonly step: string;
  readonly startedAt: number;
  readonly seq: number;
}

interface PendingChild {
  readonly step: string;
  readonly runId: string;
}

export interface RunWork {
  /** Finished steps by their key. */
  readonly steps: ShardedMap<StepPlace>;
  /** Each in the order in which they were begun. */
  readonly timers: readonly PendingTimer[];
  readonly waits: readonly PendingWait[];
  readonly signals: readonly KeptSignal[];
  readonly effects: readonly PendingEffect[];
  readonly children: readonly PendingChild[];
}

export const noWork: RunWork = {
  steps: ShardedMap.empty,
  timers: [],
  waits: [],
  signals: [],
  effects: [],
  children: [],
};

/** So many finished steps a run may have; those within a step that has finished count no more. */
export const maxSteps = 10_000;

/** So many timers, waits, effects and children a run may have open at once, in all. */
export const maxPending = 1_000;

/** So many signals are kept for a run that does not wait for them. */
export const maxKeptSignals = 100;

export const pendingOf = ({ timers, waits, effects, children }: RunWork): number =>
  timers.length + waits.length + effects.length + children.length;

/** What nobody but the clock, the world outside or another run can end. */
export const waitsOf = ({ timers, waits, children }: RunWork): number =>
  timers.length + waits.length + children.length;

/**
 * True when the newest that is recorded of a run is a timer or a wait that is open, and no effect is: as far as anybody knows it
 * only waits.
 */
export function seemsToWait({ steps, timers, waits, effects }: RunWork): boolean {
  const newest = Math.max(0, ...timers.map(({ seq }) => seq), ...waits.map(({ seq }) => seq));
  if (newest === 0 || effects.length > 0) return false;
  for (const [, { seq }] of steps.entries()) if (seq > newest) return false;
  return true;
}

/** True for a step that has finished or is open. */
export function hasBegun({ steps, timers, waits, effects, children }: RunWork, step: string): boolean {
  if (steps.has(step)) return true;
  return [timers, waits, effects, children].some((open) => open.some((entry) => entry.step === step));
}

/** The step has finished; with it those that were begun within it are forgotten. */
export function withFinished(work: RunWork, step: string, place: StepPlace, hasInner = false): RunWork {
  const others = <T extends { readonly step: string }>(open: readonly T[]): readonly T[] =>
    open.some((entry) => isOf(entry.step, step, hasInner))
      ? open.filter((entry) => !isOf(entry.step, step, hasInner))
      : open;
  const { steps, timers, waits, signals, effects, children } = work;
  return {
    steps: (hasInner ? withoutInner(steps, step) : steps).set(step, place),
    timers: others(timers),
    waits: others(waits),
    signals,
    effects: others(effects),
    children: others(children),
  };
}

const isOf = (candidate: string, step: string, withInner: boolean): boolean =>
  candidate === step || (withInner && candidate.startsWith(`${step}/`));

function withoutInner(steps: ShardedMap<StepPlace>, step: string): ShardedMap<StepPlace> {
  let left = steps;
  for (const [key] of steps.entries()) if (key.startsWith(`${step}/`)) left = left.delete(key);
  return left;
}

/** When the first of its timers and deadlines is due, or null. */
export function dueAtOf({ timers, waits }: RunWork): number | null {
  let dueAt = Number.POSITIVE_INFINITY;
  for (const timer of timers) dueAt = Math.min(dueAt, timer.dueAt);
  for (const { deadlineAt } of waits) dueAt = Math.min(dueAt, deadlineAt ?? dueAt);
  return Number.isFinite(dueAt) ? dueAt : null;
}

/** The seqs that must stay readable for as long as the run is open. */
export function seqsOf({ steps, signals }: RunWork): number[] {
  const places = [...steps.entries()].flatMap(([, { seq, signal }]) =>
    signal === undefined ? [seq] : [seq, signal],
  );
  return [...places, ...signals.map(({ seq }) => seq)];
}

/** As text has it: finished steps in the order of their end. */
export interface WrittenWork extends Omit<RunWork, 'steps'> {
  readonly runId: string;
  readonly steps: readonly (readonly [step: string, seq: number, signal?: number])[];
}

export function writtenWork(runId: string, { steps, ...open }: RunWork): WrittenWork {
  const places = [...steps.entries()]
    .sort(([a, x], [b, y]) => x.seq - y.seq || (a < b ? -1 : 1))
    .map(([step, { seq, signal }]) =>
      signal === undefined ? ([step, seq] as const) : ([step, seq, signal] as const),
    );
  return { runId, steps: places, ...open };
}

export function readWork({ runId: _, steps, ...open }: WrittenWork): RunWork {
  const places = steps.map(
    ([step, seq, signal]) => [step, signal === undefined ? { seq } : { seq, signal }] as const,
  );
  return { steps: ShardedMap.of(places), ...open };
}
