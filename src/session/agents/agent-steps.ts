// The durable steps of one incarnation: what was finished before is handed over again, what was not is done, recorded, and handed
// over in the order of the journal.

import type { TaskScope } from '../../actor/task-scope.ts';
import type { Clock } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import { type Json, plainJson } from '../../base/json.ts';
import type { PayloadCodecs } from '../../base/payload-codec.ts';
import type { StepCommand } from '../../domain/agent/agent-step-events.ts';
import type { RunWork } from '../../domain/agent/run-work.ts';
import type { StartAgent } from '../../domain/session/session-commands.ts';
import type { SessionEventData } from '../../domain/session/session-events.ts';
import type { Answer } from '../../entity/command-meta.ts';
import type { StoredEvent } from '../../journal/journal.ts';
import {
  type ChildOptions,
  type StepContext,
  type StepHandles,
  StepScope,
  type WaitOptions,
} from './step-handles.ts';
import { loadRecords, pendingSteps, type ReadEvents, recordOf } from './step-records.ts';
import { type RecordedStep, type StepKind, type StepOutcome, StepReplay } from './step-replay.ts';
import { noOptions, runStep, type StepOptions } from './step-run.ts';

/** A step that others wait for is called within this time, or never. */
const graceMs = 60_000;

/** One that only waits is parked after so long. */
const parkAfterMs = 1_000;

type StartChild = Omit<StartAgent, 'type'>;

export interface AgentStepsOptions {
  readonly sessionId: string;
  readonly runId: string;
  readonly incarnation: number;
  readonly clock: Clock;
  readonly scope: TaskScope;
  readonly codecs: PayloadCodecs | undefined;
  readonly read: ReadEvents;
  readonly record: (command: StepCommand | StartAgent) => Promise<Answer>;
  /** What a child is started with, checked. */
  readonly childStart: (agent: string, input: Json, options: ChildOptions) => Omit<StartChild, 'runId'>;
  /** The id of the run that a step starts. */
  readonly childId: (step: string) => string;
  readonly progressed: () => void;
  readonly goesOn: () => void;
  /** It cannot go on: its incarnation is to crash with this. */
  readonly fault: (error: Error) => void;
  /** Its run is parked: its incarnation is to end without a word. Absent for logic that cannot be run again from its beginning. */
  readonly parked?: (() => void) | undefined;
}

export class AgentSteps {
  readonly handles: StepHandles;
  readonly #options: AgentStepsOptions;
  readonly #replay: StepReplay;
  /** Open timers, waits and children, as the journal has them. */
  readonly #open = new Set<string>();
  readonly #children = new Map<string, string>();
  readonly #unknown = new Map<string, number>();
  readonly #thrown = new WeakSet<Error>();
  /** Functions of steps that run, commands and calls that are not answered. */
  #busy = 0;
  #cancelParking: () => void = () => {};
  #isOver = false;

  constructor(options: AgentStepsOptions, work: RunWork) {
    this.#options = options;
    this.handles = this.#handlesIn(new StepScope());
    this.#replay = new StepReplay({
      ...{ clock: options.clock, graceMs, goesOn: options.goesOn },
      changed: (step, problem) => new HoldfastError('STEPS_CHANGED', { ...this.#owner, step, problem }),
      fault: (error) => options.fault(error),
      still: () => this.#parkLater(),
    });
    for (const { step } of [...work.timers, ...work.waits, ...work.children]) this.#open.add(step);
    for (const { step, runId } of work.children) this.#children.set(runId, step);
    for (const { step, startedAt } of work.effects) this.#unknown.set(step, startedAt);
  }

  /** Reads what is recorded; what is heard meanwhile comes behind it. */
  async load(work: RunWork): Promise<void> {
    this.#replay.load(await loadRecords(this.#owner, work, this.#options.read), pendingSteps(work));
  }

  /** An event of the run, or the end of a child, has become durable. */
  hear(event: StoredEvent): void {
    if (this.#isOver) return;
    const { type, data, seq } = event;
    const { step } = data as { readonly step?: string };
    switch (type) {
      case 'timer.set':
      case 'wait.started':
        if (step !== undefined) this.#open.add(step);
        return;
      case 'agent.started':
        this.#childStarted(data as StartChild);
        return;
      case 'wait.signaled': {
        const { signal } = data as SessionEventData['wait.signaled'];
        this.#note({ key: step ?? '', kind: 'wait', seq, outcome: this.#signalAt(step ?? '', signal) });
        return;
      }
      default: {
        const key = step ?? this.#children.get((data as { readonly runId: string }).runId);
        const found = key === undefined ? undefined : recordOf(this.#owner, key, event);
        if (key !== undefined && found !== undefined) this.#note({ key, seq, ...found });
      }
    }
  }

  /** The agent has returned. Rejects with `STEPS_CHANGED` when something that was recorded was never called. */
  complete(): Promise<void> {
    this.#cancelParking();
    return this.#replay.complete();
  }

  /** True for an error that is on record: whoever begins again meets it again. */
  isRecorded(error: Error): boolean {
    return this.#thrown.has(error);
  }

  /** A call that is not of a step: as long as it goes on the run does not only wait. */
  async during<T>(call: Promise<T>): Promise<T> {
    this.#busy += 1;
    this.#cancelParking();
    try {
      return await call;
    } finally {
      this.#busy -= 1;
      this.#parkLater();
    }
  }

  /** Who waits hears the reason; without one nobody hears anything any more. */
  close(reason: Error | undefined): void {
    this.#isOver = true;
    this.#cancelParking();
    this.#replay.close(reason);
  }

  get #owner(): { readonly sessionId: string; readonly runId: string } {
    const { sessionId, runId } = this.#options;
    return { sessionId, runId };
  }

  get #place(): { readonly runId: string; readonly incarnation: number } {
    const { runId, incarnation } = this.#options;
    return { runId, incarnation };
  }

  #handlesIn(scope: StepScope): StepHandles {
    const named = (given: string | number, value: number | undefined, otherwise: string): [string, number] =>
      typeof given === 'string' ? [given, value as number] : [otherwise, given];
    const handles = {
      step: <Result>(name: string, fn: (context: StepContext) => Result, options: StepOptions = noOptions) =>
        this.#step(scope, name, fn, options),
      sleep: async (given: string | number, ms?: number) => {
        const [name, wait] = named(given, ms, 'sleep');
        return this.#sleep(scope, name, this.#options.clock.now() + spanOf(wait, 'ms'));
      },
      sleepUntil: async (given: string | number, at?: number) => {
        const [name, dueAt] = named(given, at, 'sleep');
        return this.#sleep(scope, name, timeOf(dueAt, 'at'));
      },
      waitFor: (signal: string, options: WaitOptions = {}) => this.#waitFor(scope, signal, options),
      child: (name: string, agent: string, input: unknown = null, options: ChildOptions = {}) =>
        this.#child(scope, name, agent, input, options),
    };
    return Object.freeze(mapped(handles, heard)) as unknown as StepHandles;
  }

  async #step<Result>(
    scope: StepScope,
    name: string,
    fn: (context: StepContext) => Result,
    options: StepOptions,
  ): Promise<unknown> {
    if (typeof fn !== 'function') throw new TypeError(`The step ${name} needs a function`);
    const key = scope.key(name);
    const kind: StepKind = options.effect === true ? 'effect' : 'step';
    const isNew = !this.#replay.isKnown(key) || (kind === 'effect' && this.#unknown.has(key));
    return this.#outcome(key, kind, isNew ? () => this.#run(key, fn, options) : undefined);
  }

  #sleep(scope: StepScope, name: string, dueAt: number): Promise<unknown> {
    const step = scope.key(name);
    const set = { type: 'timer.set', ...this.#place, step, dueAt } as const;
    return this.#begun(step, 'sleep', () => this.#options.record(set));
  }

  async #waitFor(
    scope: StepScope,
    signal: string,
    { deadlineMs, deadlineAt }: WaitOptions,
  ): Promise<unknown> {
    const step = scope.key(signal);
    const inTime =
      deadlineMs === undefined ? null : this.#options.clock.now() + spanOf(deadlineMs, 'deadlineMs');
    const until = deadlineAt === undefined ? inTime : timeOf(deadlineAt, 'deadlineAt');
    const start = { type: 'wait.start', ...this.#place, step, signal, deadlineAt: until } as const;
    return this.#begun(step, 'wait', () => this.#options.record(start));
  }

  async #child(
    scope: StepScope,
    name: string,
    agent: string,
    input: unknown,
    options: ChildOptions,
  ): Promise<unknown> {
    const { codecs, childStart, childId, runId: parentRunId, record } = this.#options;
    const step = scope.key(name);
    return this.#begun(step, 'child', () => {
      const written = plainJson(codecs === undefined ? input : codecs.encode(input), 'input');
      const start = { ...childStart(agent, written, options), runId: childId(step) };
      return record({ type: 'agent.start', ...start, parentRunId, parentStep: step });
    });
  }

  /** What only has to be begun: its end comes from elsewhere. */
  async #begun(key: string, kind: StepKind, begin: () => Promise<unknown>): Promise<unknown> {
    const isNew = !this.#replay.isKnown(key);
    return this.#outcome(key, kind, isNew ? async () => void (await begin()) : undefined);
  }

  async #outcome(key: string, kind: StepKind, begin: (() => Promise<void>) | undefined): Promise<unknown> {
    const { scope, codecs } = this.#options;
    if (scope.signal.aborted) throw scope.signal.reason;
    this.#cancelParking();
    const expected = this.#replay.expect(key, kind);
    if (begin !== undefined) {
      this.#replay.begun(key, kind);
      this.during(Promise.resolve().then(begin)).catch((error: unknown) =>
        this.#replay.fail(key, toError(error)),
      );
    } else this.#parkLater();
    const outcome = await expected;
    if (outcome.ok) return codecs === undefined ? outcome.value : codecs.decode(outcome.value);
    this.#thrown.add(outcome.error);
    throw outcome.error;
  }

  async #run<Result>(key: string, fn: (context: StepContext) => Result, options: StepOptions): Promise<void> {
    const { scope, clock, codecs, runId, record } = this.#options;
    const { signal } = scope;
    const idempotencyKey = `${runId}/${key}`;
    const unknownSince = this.#unknown.get(key);
    this.#unknown.delete(key);
    const step = { ...this.#place, step: key };
    const effect = options.effect === true ? ({ effect: true } as const) : {};
    let hasInner = false;
    await runStep({
      ...{ key, idempotencyKey, options, unknownSince, clock, codecs, signal },
      attempt: (attempt) => {
        const inner = new StepScope(key);
        const context = { ...this.#handlesIn(inner), signal, attempt, idempotencyKey };
        return scope
          .run(`step ${key}`, async () => fn(Object.freeze(context)))
          .finally(() => {
            hasInner ||= inner.isUsed;
          });
      },
      isRecorded: (error) => this.isRecorded(error),
      record: {
        start: () => record({ type: 'effect.start', ...step }),
        judge: (decision, result) =>
          record({ type: 'effect.judge', ...step, decision, ...(result !== undefined && { result }) }),
        end: (end) => record({ ...end, ...step, ...effect, ...(hasInner && { inner: true as const }) }),
      },
    });
    if (hasInner) this.#replay.forgetWithin(key);
  }

  #childStarted({ runId, parentStep }: StartChild): void {
    if (parentStep === undefined) return;
    this.#children.set(runId, parentStep);
    this.#open.add(parentStep);
  }

  #note(step: RecordedStep): void {
    this.#open.delete(step.key);
    this.#options.progressed();
    this.#replay.note(step);
  }

  async #signalAt(step: string, seq: number): Promise<StepOutcome> {
    const event = (await this.#options.read([seq])).get(seq);
    const found = event === undefined ? undefined : recordOf(this.#owner, step, event);
    if (found !== undefined) return found.outcome;
    throw new HoldfastError('JOURNAL_CORRUPT', {
      stream: this.#owner.sessionId,
      seq,
      problem: 'it is no signal',
    });
  }

  #parkLater(): void {
    const { clock, parked } = this.#options;
    this.#cancelParking();
    if (parked === undefined || !this.#onlyWaits) return;
    this.#cancelParking = clock.schedule(parkAfterMs, () => void this.#park(parked));
  }

  /** Each thing that the agent waits for is one that the journal waits for too. */
  get #onlyWaits(): boolean {
    const { waiting, isStill } = this.#replay;
    return (
      !this.#isOver && this.#busy === 0 && isStill && waiting > 0 && this.#replay.waitsOnlyFor(this.#open)
    );
  }

  async #park(parked: () => void): Promise<void> {
    if (!this.#onlyWaits) return;
    const command = { type: 'run.park', ...this.#place, waits: this.#open.size } as const;
    // That it could not be parked is nobody's fault: it waits as it did.
    const answer = await this.during(this.#options.record(command)).catch(() => undefined);
    if (answer?.parked !== true) return;
    this.close(undefined);
    parked();
  }
}

type Handle = (...given: never[]) => Promise<unknown>;

/** What nobody waits for any more when an incarnation ends is nobody's stray error: what counts of it is recorded. */
const heard =
  (handle: Handle): Handle =>
  (...given) => {
    const answer = handle(...given);
    answer.catch(() => undefined);
    return answer;
  };

function mapped(handles: Readonly<Record<string, Handle>>, change: (handle: Handle) => Handle): object {
  return Object.fromEntries(Object.entries(handles).map(([name, handle]) => [name, change(handle)]));
}

function spanOf(ms: number, what: string): number {
  if (typeof ms === 'number' && Number.isFinite(ms) && ms >= 0) return Math.ceil(ms);
  throw new TypeError(`${what} must be a number of milliseconds, 0 or more`);
}

function timeOf(at: number, what: string): number {
  if (typeof at === 'number' && Number.isFinite(at)) return Math.ceil(at);
  throw new TypeError(`${what} must be a time in milliseconds since the epoch`);
}
