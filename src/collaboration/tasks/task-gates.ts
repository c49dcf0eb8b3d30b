// Is a task what it says that it is, and does its result hold? Four levels, each with all checks of the one before it and some
// that it does not have; gates of the user's stand beside them. Warnings tell of what is unusual, and fail nothing.
import type { Clock } from '../../base/clock.ts';
import { eitherSignal } from '../../base/either-signal.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { canonicalJson, type Json } from '../../base/json.ts';
import type { PayloadCodecs } from '../../base/payload-codec.ts';
import { boundedText } from '../../domain/recorded-error.ts';
import { type ValidationLevel, validationLevels } from '../../domain/recovery/recovery-vocabulary.ts';
import { isEnded, type Task } from '../../domain/task/task.ts';
import type { GateVerdict } from '../../domain/task/task-events.ts';
import { tasksLaw, tasksStream } from '../../domain/task/task-law.ts';
import { statusAfter, type TaskEdge, type TaskStatus } from '../../domain/task/task-machine.ts';
import { stateAt } from '../../entity/state-at.ts';
import type { Invoke } from '../../operations/bind.ts';
import type { AgentDetails } from '../../operations/views/views.ts';
import type { SessionTasks } from './session-tasks.ts';
import { taskInfo } from './task-info.ts';
import type { GateOutcome, TaskGate } from './task-options.ts';

export interface TaskGatesOptions {
  readonly tasks: SessionTasks;
  readonly invoke: Invoke;
  readonly gates: Readonly<Record<string, TaskGate>>;
  readonly clock: Clock;
  readonly timeoutMs?: number | undefined;
  readonly codecs?: PayloadCodecs | undefined;
}

const defaultTimeoutMs = 300_000;

type Note = (gate: string, problem: string, severity?: 'error' | 'warning') => void;

interface Checked {
  readonly sessionId: string;
  readonly task: Task;
  readonly result: Json;
  readonly note: Note;
}

export class TaskGates {
  readonly #options: TaskGatesOptions;
  readonly #levels: Readonly<
    Record<ValidationLevel, readonly (readonly [string, (of: Checked) => unknown])[]>
  >;

  constructor(options: TaskGatesOptions) {
    this.#options = options;
    this.#levels = {
      minimal: [['structure', checkStructure]],
      standard: [
        ['dependencies', (of) => this.#checkDependencies(of)],
        ['result', checkResult],
      ],
      comprehensive: [['history', (of) => this.#checkHistory(of)]],
      forensic: [
        ['evidence', (of) => this.#checkEvidence(of)],
        ['record', (of) => this.#checkRecord(of)],
      ],
    };
  }

  /** Throws `GATE_NOT_REGISTERED`. */
  assertRegistered(names: readonly string[]): void {
    for (const gate of names)
      if (!Object.hasOwn(this.#options.gates, gate)) throw new HoldfastError('GATE_NOT_REGISTERED', { gate });
  }

  /** All that the task asks for: the checks of its level, then its gates in their order. */
  async judge(sessionId: string, task: Task, signal: AbortSignal): Promise<readonly GateVerdict[]> {
    const level = task.level === null ? [] : await this.check(sessionId, task, task.level);
    const own: GateVerdict[] = [];
    for (const name of task.gates) own.push(await this.#ask(name, sessionId, task, signal));
    return [...level, ...own];
  }

  /** Each check of the level and of those below it: passed, warned or failed. */
  async check(sessionId: string, task: Task, level: ValidationLevel): Promise<readonly GateVerdict[]> {
    const result = await this.#options.tasks.resultOf(sessionId, task);
    const verdicts: GateVerdict[] = [];
    for (const name of validationLevels.slice(0, validationLevels.indexOf(level) + 1))
      for (const [gate, look] of this.#levels[name]) {
        const found: GateVerdict[] = [];
        const note: Note = (of, problem, severity = 'error') =>
          found.push({ gate: of, ok: false, severity, problem: boundedText(problem) });
        try {
          await look({ sessionId, task, result, note });
        } catch (error) {
          note(gate, toError(error).message);
        }
        verdicts.push(...(found.length === 0 ? [passed(gate)] : found));
      }
    return verdicts;
  }

  /** One that hears nothing holds up neither this verdict nor the next: what it answers behind its end is heard by nobody. */
  async #inTime<T>(ask: (signal: AbortSignal) => T | Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, timeoutMs = defaultTimeoutMs } = this.#options;
    signal.throwIfAborted();
    const late = new AbortController();
    const cancel = clock.schedule(timeoutMs, () =>
      late.abort(new Error(`it was not answered within ${timeoutMs} ms`)),
    );
    const until = eitherSignal(signal, late.signal);
    try {
      return await new Promise<T>((resolve, reject) => {
        until.signal.addEventListener('abort', () => reject(toError(until.signal.reason)), { once: true });
        Promise.resolve()
          .then(() => ask(until.signal))
          .then(resolve, reject);
      });
    } finally {
      cancel();
      until.release();
    }
  }

  async #ask(gate: string, sessionId: string, task: Task, signal: AbortSignal): Promise<GateVerdict> {
    const { tasks, gates, codecs } = this.#options;
    try {
      this.assertRegistered([gate]);
      const input = await tasks.inputOf(sessionId, task);
      const result = await tasks.resultOf(sessionId, task);
      const stored = { sessionId, task: taskInfo(task), input, result };
      const given = codecs === undefined ? stored : (codecs.decode(stored) as typeof stored);
      return verdictOf(
        gate,
        await this.#inTime((until) => gates[gate]?.({ ...given, signal: until }), signal),
      );
    } catch (error) {
      signal.throwIfAborted();
      return { gate, ok: false, severity: 'error', problem: boundedText(toError(error).message) };
    }
  }

  async #checkDependencies({ sessionId, task, note }: Checked): Promise<void> {
    const { tasks } = await this.#options.tasks.read(sessionId);
    for (const { taskId, onFailure } of task.dependencies) {
      const status = tasks.get(taskId)?.status;
      if (status === undefined) note('dependencies', `${taskId} is not held any more`, 'warning');
      else if (status === 'completed') continue;
      else if (onFailure === 'ignore')
        note('dependencies', `${taskId} is ${status}, which it ignores`, 'warning');
      else if (task.status === 'validating' || task.status === 'completed' || task.status === 'in_progress')
        note('dependencies', `it went on while ${taskId} is ${status}`);
      else note('dependencies', `it waits for ${taskId}, which is ${status}`, 'warning');
    }
  }

  /** Every event of it: in time, along lawful edges, and to the state that is held. */
  async #checkHistory({ sessionId, task, note }: Checked): Promise<void> {
    const stream = tasksStream(sessionId);
    const { journal } = this.#options.tasks;
    const head = await journal.head(stream);
    let status: TaskStatus | undefined;
    let at = 0;
    let through = 0;
    for (let after = task.seq - 1; head !== undefined && after < head.seq; ) {
      const page = await journal.readFrom(stream, after);
      for (const event of page.events) {
        const data = event.data as { readonly taskId?: string; readonly status?: TaskStatus } | undefined;
        if (data?.taskId !== task.taskId || through > 0) continue;
        if (event.at < at) note('history', `event ${event.seq} is older than the one before it`);
        at = Math.max(at, event.at);
        const next: TaskStatus | undefined =
          status === undefined ? data.status : statusAfter(status, event as TaskEdge);
        if (next === undefined)
          note('history', `event ${event.seq}, ${event.type}, is not lawful from ${status}`);
        status = next ?? status;
        // What became of it while it was being looked at is not looked at.
        if (event.at >= task.updatedAt && status === task.status && event.seq >= (task.resultSeq ?? 0))
          through = event.seq;
      }
      after = page.events.at(-1)?.seq ?? head.seq;
    }
    if (status !== task.status) note('history', `its events lead to ${status}, and it is ${task.status}`);
  }

  /** What an agent did is what the agent's run says that it did. */
  async #checkEvidence({ sessionId, task, result, note }: Checked): Promise<void> {
    const { runId, resultSeq } = task;
    if (runId === null || resultSeq === null) {
      note('evidence', 'no run of an agent stands behind it', 'warning');
      return;
    }
    const run = (await this.#options.invoke('agents.get', { sessionId, runId }, {})) as AgentDetails;
    if (run.status !== 'completed') note('evidence', `the run ${runId} is ${run.status}`);
    else if (sha256(canonicalJson(run.result)) !== sha256(canonicalJson(result)))
      note('evidence', `the run ${runId} had another result`);
  }

  /** All of the stream folded again, link by link, without a snapshot. */
  async #checkRecord({ sessionId, task, note }: Checked): Promise<void> {
    const { journal } = this.#options.tasks;
    const head = await journal.head(tasksStream(sessionId));
    if (head === undefined) return;
    const { state } = await stateAt(tasksLaw, journal, head, head.seq);
    const folded = state.tasks.get(task.taskId);
    if (folded === undefined) note('record', 'the records do not hold it any more', 'warning');
    else if (
      folded.version < task.version ||
      (folded.version === task.version && folded.status !== task.status)
    )
      note('record', 'the records lead to another state of it');
  }
}

const passed = (gate: string): GateVerdict => ({ gate, ok: true, severity: 'error', problem: null });

const refused = (gate: string, problem: string): GateVerdict => ({
  ...passed(gate),
  ok: false,
  problem: boundedText(problem),
});

/** What is no answer of a gate does not pass, and of severity only a warning is less than an error. */
function verdictOf(gate: string, outcome: GateOutcome): GateVerdict {
  if (outcome === undefined || outcome === true) return passed(gate);
  if (outcome === false) return refused(gate, 'it did not pass');
  if (typeof outcome === 'string') return refused(gate, outcome);
  const { ok, problem, severity } = (outcome ?? {}) as { readonly [Member in string]: unknown };
  if (typeof ok !== 'boolean') return refused(gate, 'what it answered is no verdict');
  const text = typeof problem === 'string' ? problem : toError(problem).message;
  return {
    ...{ gate, ok, severity: severity === 'warning' ? 'warning' : 'error' },
    problem: problem === undefined || problem === null ? null : boundedText(text),
  };
}

function checkStructure({ task, note }: Checked): void {
  const { version, epoch, createdAt, updatedAt, startedAt, endedAt, status } = task;
  if (task.title === '') note('structure', 'it has no title');
  if (version < 1 || epoch < 0) note('structure', `version ${version} and epoch ${epoch} cannot be`);
  if (updatedAt < createdAt) note('structure', 'it was changed before it was created');
  if (startedAt !== null && startedAt < createdAt) note('structure', 'it was started before it was created');
  if (isEnded(task) !== (endedAt !== null)) note('structure', `it is ${status}, and ended at ${endedAt}`);
}

function checkResult({ task, result, note }: Checked): void {
  const { status, resultSeq } = task;
  if (status !== 'validating' && status !== 'completed') return;
  if (resultSeq === null) note('result', 'it has no result');
  else if (result === null) note('result', 'its result is null', 'warning');
}
