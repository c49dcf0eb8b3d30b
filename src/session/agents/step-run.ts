// One step that was not finished before: its function runs, is tried again where that may help, and what it led to is recorded. An
// effect says that it begins before it does, so that afterwards nobody takes it for one that has not.
import { type Clock, delay } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import { type Json, plainJson } from '../../base/json.ts';
import type { PayloadCodecs } from '../../base/payload-codec.ts';
import { faultOfStep } from '../../base/step-faults.ts';
import type { UnknownDecision } from '../../domain/agent/agent-step-events.ts';
import { classifyError, type RecordedFailure, recordedFailure } from '../../domain/error-class.ts';

/** What is known of an effect that was interrupted. */
export interface UnknownEffect {
  readonly step: string;
  readonly idempotencyKey: string;
  readonly startedAt: number;
}

/** What to do about an effect of which nobody knows whether it took place. */
export type UnknownVerdict = 'fail' | 'retry' | { readonly result: unknown };

export interface StepOptions {
  /** How often it is tried again when its function throws: 3 times; an effect not at all. */
  readonly retries?: number;
  /** The wait before the first retry, doubled each time, and the longest: 200 and 30,000 ms. */
  readonly firstRetryMs?: number;
  readonly longestRetryMs?: number;
  /** It changes something outside: recorded before it begins, and never repeated without being asked. */
  readonly effect?: boolean;
  /** Of an effect that was interrupted: `fail` (default) with `EFFECT_UNKNOWN`, `retry` under the same key, or what this answers. */
  readonly onUnknown?:
    | 'fail'
    | 'retry'
    | ((effect: UnknownEffect) => UnknownVerdict | Promise<UnknownVerdict>);
}

/** Those of most steps: nothing in them needs to be looked at. */
export const noOptions: StepOptions = Object.freeze({});

/** What has become of an attempt, as it is recorded. */
type StepEnd =
  | { readonly type: 'step.complete'; readonly result?: Json }
  | { readonly type: 'step.fail'; readonly error: RecordedFailure; readonly attempts: number };

export interface StepJob {
  readonly key: string;
  readonly idempotencyKey: string;
  readonly options: StepOptions;
  /** Since when the effect is unknown, if it was begun before. */
  readonly unknownSince: number | undefined;
  readonly clock: Clock;
  readonly codecs: PayloadCodecs | undefined;
  readonly signal: AbortSignal;
  /** Runs the function once. */
  readonly attempt: (n: number) => Promise<unknown>;
  /** True for an error that a step within has recorded: it would be the same again. */
  readonly isRecorded: (error: Error) => boolean;
  readonly record: {
    start(): Promise<unknown>;
    judge(decision: UnknownDecision, result?: Json): Promise<unknown>;
    end(end: StepEnd): Promise<unknown>;
  };
}

/** Resolves when its end is recorded; rejects when that is not to be, or cannot be. */
export async function runStep(job: StepJob): Promise<void> {
  assertOptions(job);
  if (job.options.effect === true && !(await enterEffect(job))) return;
  const end = await attemptAll(job);
  try {
    await job.record.end(end);
  } catch (error) {
    if (!isSizeRefusal(error)) throw error;
    await job.record.end(failed(job, toError(error), 1));
  }
}

function assertOptions({ key, options }: StepJob): void {
  const fault = options === noOptions ? undefined : faultOfStep(options);
  if (fault !== undefined)
    throw new TypeError(`The options of the step ${key} are not valid: ${fault.problem}`);
}

/** False when the effect has its outcome already. */
async function enterEffect(job: StepJob): Promise<boolean> {
  const { key: step, idempotencyKey, options, unknownSince: startedAt, record } = job;
  if (startedAt === undefined) {
    await record.start();
    return true;
  }
  const { onUnknown = 'fail' } = options;
  const verdict =
    typeof onUnknown === 'function' ? await onUnknown({ step, idempotencyKey, startedAt }) : onUnknown;
  if (typeof verdict === 'object') await record.judge('resolved', resultOf(job, verdict.result));
  else await record.judge(verdict === 'retry' ? 'retried' : 'failed');
  return verdict === 'retry';
}

async function attemptAll(job: StepJob): Promise<StepEnd> {
  const { signal, clock, isRecorded, options } = job;
  const retries = options.retries ?? (options.effect === true ? 0 : 3);
  for (let n = 1; ; n++) {
    let value: unknown;
    try {
      value = await job.attempt(n);
    } catch (thrown) {
      const error = toError(thrown);
      if (signal.aborted || isOver(error)) throw error;
      const end = failed(job, error, n);
      if (n > retries || isRecorded(error) || classifyError(end.error) === 'fatal') return end;
      await abortableDelay(clock, waitBefore(n, end.error, options), signal);
      continue;
    }
    signal.throwIfAborted();
    try {
      const result = resultOf(job, value);
      return { type: 'step.complete', ...(result !== undefined && { result }) };
    } catch (unfit) {
      return failed(job, toError(unfit), n);
    }
  }
}

function resultOf({ codecs, key }: StepJob, value: unknown): Json | undefined {
  if (value === undefined) return undefined;
  return plainJson(codecs === undefined ? value : codecs.encode(value), `result of ${key}`);
}

function failed({ clock }: StepJob, error: Error, attempts: number): StepEnd & { type: 'step.fail' } {
  return { type: 'step.fail', error: recordedFailure(error, clock.now()), attempts };
}

const longestAskedMs = 600_000;

/** As long as the other side asked for, or a back-off that doubles. */
function waitBefore(
  n: number,
  { retryAfterMs }: RecordedFailure,
  { firstRetryMs = 200, longestRetryMs = 30_000 }: StepOptions,
): number {
  const backOff = Math.min(firstRetryMs * 2 ** (n - 1), longestRetryMs);
  return Math.max(backOff, Math.min(retryAfterMs ?? 0, longestAskedMs));
}

/** What is no failure of the step: its incarnation is over, or its run is. */
function isOver(error: Error): boolean {
  return HoldfastError.is(error, 'STALE_INCARNATION') || HoldfastError.is(error, 'STEPS_CHANGED');
}

async function abortableDelay(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
    signal.addEventListener('abort', end, { once: true });
  });
  await Promise.race([delay(clock, ms), ended]);
  signal.removeEventListener('abort', end);
  signal.throwIfAborted();
}

export function isSizeRefusal(error: unknown): boolean {
  return HoldfastError.is(error) && ['TOO_LARGE', 'VALUE_TOO_LARGE', 'BATCH_TOO_LARGE'].includes(error.code);
}
