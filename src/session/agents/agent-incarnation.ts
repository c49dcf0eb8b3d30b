// One incarnation of an agent: it takes up its run in the journal, runs the logic, records the result, and ends once. All
// that it was given is revoked before anybody hears of its end.
import { type LogicOutcome, type RunningLogic, runLogic } from '../../actor/agent-logic.ts';
import type { Exit, SupervisedChild } from '../../actor/child-spec.ts';
import { TaskScope } from '../../actor/task-scope.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import { type Json, plainJson } from '../../base/json.ts';
import { type RestartReason, wholeBudget } from '../../domain/agent/agent-budget.ts';
import type { AgentRun } from '../../domain/agent/agent-runs.ts';
import { recordedError } from '../../domain/recorded-error.ts';
import type { AgentCommand, SessionCommand } from '../../domain/session/session-commands.ts';
import type { Answer, CommandMeta } from '../../entity/command-meta.ts';
import type { StoredEvent } from '../../journal/journal.ts';
import { threadEndMs } from './agent-definitions.ts';
import type { AgentHost, StrayOwner } from './agent-host.ts';
import { type Failure, failureOf } from './agent-policy.ts';
import type { AgentSteps } from './agent-steps.ts';
import { permitsOf, stepsOf, streamOf } from './incarnation-steps.ts';
import { type SessionHandle, sessionHandle } from './session-handle.ts';
import { isSizeRefusal } from './step-run.ts';

const shutdown: Exit = { reason: 'shutdown' };

/** Why a run is taken up once more, and not before when. */
export interface TakeUp {
  readonly reason: RestartReason;
  readonly notBefore?: number | undefined;
}

export class AgentIncarnation implements SupervisedChild, StrayOwner {
  readonly exited: Promise<Exit>;
  readonly run: AgentRun;
  readonly #host: AgentHost;
  readonly #scope: TaskScope;
  /** Counted over the life of the run; undefined until the journal has it. */
  #incarnation: number | undefined;
  #logic: RunningLogic | undefined;
  #steps: AgentSteps | undefined;
  #parked = false;
  #cancelTimeout: () => void = () => {};
  #cancelSettling: () => void = () => {};
  #failure: Failure | undefined;
  #progressed = false;
  #worker: 'waiting' | 'running' | undefined;
  #isEnding = false;
  #ended = false;
  #exit: (exit: Exit) => void = () => {};

  /** `takeUp` is undefined for the very first incarnation of a run. */
  constructor(host: AgentHost, run: AgentRun, takeUp: TakeUp | undefined) {
    this.#host = host;
    this.run = run;
    this.#scope = new TaskScope({ onFault: (error) => this.#abortFailed(error) });
    this.exited = new Promise((resolve) => {
      this.#exit = resolve;
    });
    void this.#inTime(takeUp).catch((error: unknown) => this.crash(toError(error)));
  }

  get incarnation(): number | undefined {
    return this.#incarnation;
  }

  get sessionId(): string {
    return this.#host.sessionId;
  }

  get agent(): string {
    return this.run.agent;
  }

  get runId(): string {
    return this.run.runId;
  }

  /** How it failed, once it has crashed. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** Of an agent with a thread of its own: whether it has one, or waits for its turn. */
  get worker(): 'waiting' | 'running' | undefined {
    return this.#worker;
  }

  hasProgressed(): boolean {
    return this.#progressed;
  }

  /** An event of its run, or the end of a child, has become durable. */
  hear(event: StoredEvent): void {
    this.#steps?.hear(event);
  }

  /** Tells it to end, and waits until it has. What only waits never hears of it, and ends with nobody's knowledge. */
  async stop(): Promise<void> {
    this.#revoke();
    if (this.#parked) this.#scope.abandon();
    await this.#scope.settled();
    this.#end(shutdown);
  }

  /** Ends it now. What the promises of one without a thread still do is abandoned: it goes on, and can commit nothing. */
  kill(): void {
    this.#over(shutdown);
  }

  /** A fault of the agent's own, or one that was traced to it. */
  crash(error: Error): void {
    if (this.#scope.signal.aborted || this.#isEnding) {
      this.#over(shutdown);
      return;
    }
    const { agents, clock } = this.#host;
    const failure = failureOf(agents.policy(this.agent), error, clock.now());
    // What is on record is the same again.
    this.#failure = this.#steps?.isRecorded(error) ? { ...failure, again: 'never' } : failure;
    const { again } = this.#failure;
    this.#over(again === undefined ? { reason: 'crash', error } : { reason: 'crash', error, again });
  }

  /** What was told to come back later does not count as an incarnation before. */
  async #inTime(takeUp: TakeUp | undefined): Promise<void> {
    const waitMs = (takeUp?.notBefore ?? 0) - this.#host.clock.now();
    if (takeUp?.notBefore !== undefined && waitMs > 0) await this.#sleep(waitMs);
    if (!this.#scope.signal.aborted) await this.#inPlace(() => this.#live(takeUp?.reason));
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#host.clock.schedule(ms, resolve);
      const end = (): void => {
        cancel();
        resolve();
      };
      this.#scope.signal.addEventListener('abort', end, { once: true });
    });
  }

  /** A thread needs a place, which it holds until it has ended. It waits for one before it counts as an incarnation. */
  async #inPlace(live: () => Promise<LogicOutcome | undefined>): Promise<void> {
    const { agents, sessionId, telemetry } = this.#host;
    const { agent, runId } = this.run;
    if (agents.worker(agent) === undefined) return this.#conclude(await live());
    this.#worker = 'waiting';
    const onWait = (): void => {
      const { max, waiting } = agents.places;
      telemetry('agent.waiting', { sessionId, runId, agent, waiting, maxWorkers: max });
    };
    const claim = { key: `${sessionId}/${runId}`, group: sessionId, signal: this.#scope.signal, onWait };
    const release = await agents.places.take(claim);
    if (release === undefined) return;
    this.#worker = 'running';
    await this.#conclude(await live().finally(release));
  }

  async #live(reason: RestartReason | undefined): Promise<LogicOutcome | undefined> {
    this.#incarnation = reason === undefined ? 1 : await this.#takeUp(reason);
    this.#host.agents.ends.begun(this.sessionId, this.runId);
    if (reason === 'process' || reason === 'interrupted') this.#settleLater();
    const input = await this.#host.readInput(this.run);
    await this.#loadSteps();
    if (this.#ended || this.#scope.signal.aborted) return undefined;
    this.#logic = await this.#start(input);
    if (this.#scope.signal.aborted) this.#logic.kill?.();
    else this.#limitTime();
    return this.#logic.outcome;
  }

  async #conclude(outcome: LogicOutcome | undefined): Promise<void> {
    if (outcome === undefined) return;
    if (outcome.type === 'done') await this.#finish(outcome);
    else if (outcome.type === 'error') this.crash(outcome.error);
    else if (!this.#scope.signal.aborted) this.crash(new Error('its actor was stopped'));
  }

  /** What lives on for a while has not killed its process by its start. */
  #settleLater(): void {
    const { runId } = this.run;
    const { periodMs } = wholeBudget(this.run.budget);
    const settle = (): void => {
      const command = { type: 'agent.settle', runId, incarnation: this.#incarnation ?? 1 } as const;
      // It is charged with what it might have done, until the next time.
      this.#host.record(command, this.#scope.signal).catch(() => undefined);
    };
    this.#cancelSettling = this.#host.clock.schedule(periodMs, settle);
  }

  async #takeUp(reason: RestartReason): Promise<number> {
    const { runId } = this.run;
    const { incarnation } = await this.#record({ type: 'agent.restart', runId, reason });
    return Number(incarnation);
  }

  /** That the journal does not take its word any more is its end, and nobody's crash. */
  async #record(command: SessionCommand, meta?: CommandMeta): Promise<Answer> {
    try {
      return await this.#host.record(command, this.#scope.signal, meta);
    } catch (error) {
      if (HoldfastError.is(error, 'STALE_INCARNATION')) this.#over(shutdown);
      if (HoldfastError.is(error, 'BUDGET_EXHAUSTED')) this.#host.exhausted(this.run, error);
      throw error;
    }
  }

  #start(input: Json): RunningLogic | Promise<RunningLogic> {
    const { sessionId, agents, clock, inspect, runOwned, codecs } = this.#host;
    const { agent, runId } = this.run;
    const session = this.#handle();
    if (agents.worker(agent) !== undefined) return this.#startThread(session, input);
    const logic = agents.logic(agent, this.#scope);
    const options = {
      id: `agent:${sessionId}:${runId}`,
      input: this.#context(session, codecs === undefined ? input : codecs.decode(input)),
      clock,
      ...(inspect && { inspect }),
    };
    return runOwned(this, () => runLogic(logic, options));
  }

  #context(session: SessionHandle, input: unknown): object {
    const { signal } = this.#scope;
    const stream = streamOf(this.#host, this.run, this.#incarnation ?? 1, signal);
    const { report } = session;
    const permits = permitsOf(this.#host, this.run, session, signal, this.#steps);
    return Object.freeze({ session, input, signal, stream, permits, report, ...this.#steps?.handles });
  }

  /** Between what it reads of them and what it hears of them nothing is lost: both begin at once. */
  async #loadSteps(): Promise<void> {
    const { agents, findWork, goesOn, parked } = this.#host;
    if (agents.worker(this.agent) !== undefined) return;
    const work = findWork(this.runId);
    const owner = {
      ...{ run: this.run, incarnation: this.#incarnation ?? 1, scope: this.#scope },
      record: (command: SessionCommand, meta: CommandMeta) => this.#record(command, meta),
      progressed: () => {
        this.#progressed = true;
      },
      goesOn: () => goesOn?.(this),
      crash: (error: Error) => this.crash(error),
      parked: () => {
        this.#parked = true;
        parked(this.run);
      },
    };
    this.#steps = stepsOf(this.#host, owner, work);
    await this.#steps.load(work);
  }

  #handle(): SessionHandle {
    const { sessionId, dispatchAs, goesOn } = this.#host;
    const { agent, runId } = this.run;
    const incarnation = this.#incarnation ?? 1;
    const dispatch = dispatchAs({ agent: { run: runId, incarnation }, by: `agent:${agent}` });
    const steps = this.#steps;
    return sessionHandle({
      sessionId,
      runId,
      incarnation,
      dispatch:
        steps === undefined
          ? dispatch
          : (name, input, options) => steps.during(dispatch(name, input, options)),
      signal: this.#scope.signal,
      progressed: () => {
        this.#progressed = true;
      },
      goesOn: goesOn && (() => goesOn(this)),
    });
  }

  /** Threads are loaded only where there are agents for them. */
  async #startThread(session: SessionHandle, input: Json): Promise<RunningLogic> {
    const { WorkerThread } = await import('../../actor/worker/worker-thread.ts');
    const { sessionId, agents, clock, shutdownMs } = this.#host;
    const { agent } = this.run;
    const worker = agents.worker(agent);
    if (worker === undefined) throw new HoldfastError('AGENT_NOT_REGISTERED', { agent });
    const { module, export: name, resourceLimits = {}, graceMs = shutdownMs() } = worker;
    const thread = new WorkerThread({
      ...{ agent, sessionId, session, input, module, export: name, resourceLimits, graceMs, clock },
      forced: () => this.#host.telemetry('agent.forced', { ...this.#who(), graceMs }),
      abortFailed: (error) => this.#abortFailed(error),
    });
    // Its scope is empty when its thread has ended.
    if (!this.#scope.isClosed) void this.#scope.run(agent, () => thread.outcome);
    return thread;
  }

  #limitTime(): void {
    const { timeoutMs, agent } = this.run;
    if (timeoutMs === null) return;
    const { sessionId, clock } = this.#host;
    const late = (): void => this.crash(new HoldfastError('AGENT_TIMEOUT', { agent, sessionId, timeoutMs }));
    this.#cancelTimeout = clock.schedule(timeoutMs, late);
  }

  /** A permanent agent is never done. What another returns is its result, unless that cannot be kept: then it failed. */
  async #finish(outcome: LogicOutcome & { type: 'done' }): Promise<void> {
    this.#cancelTimeout();
    if (this.#ended || this.#isEnding) return;
    await this.#steps?.complete();
    if (this.#ended || this.#isEnding) return;
    if (this.run.restart !== 'permanent') {
      await this.#record(this.#resultOf(outcome)).catch((error: unknown) => {
        if (!isSizeRefusal(error)) throw error;
        return this.#record(this.#failed(error));
      });
    }
    this.#progressed = true;
    this.#revoke();
    this.#end({ reason: 'normal' });
  }

  #resultOf({ output, unfit }: LogicOutcome & { type: 'done' }): AgentCommand {
    const { runId } = this.run;
    if (unfit !== undefined) return this.#failed(unfit);
    try {
      const { codecs } = this.#host;
      const written = codecs === undefined ? output : codecs.encode(output);
      const result = output === undefined ? null : plainJson(written, 'result');
      return { type: 'agent.complete', runId, incarnation: this.#incarnation ?? 1, result };
    } catch (error) {
      return this.#failed(error);
    }
  }

  #failed(error: unknown): AgentCommand {
    const { runId } = this.run;
    return { type: 'agent.fail', runId, incarnation: this.#incarnation ?? 1, error: recordedError(error) };
  }

  #revoke(): void {
    const { sessionId } = this.#host;
    const { runId } = this.run;
    this.#cancelTimeout();
    this.#cancelSettling();
    if (this.#scope.signal.aborted) return;
    const incarnation = this.#incarnation ?? 0;
    const stale = new HoldfastError('STALE_INCARNATION', {
      sessionId,
      runId,
      incarnation,
      current: 'its end',
    });
    // Disposers and abort listeners are the agent's code too.
    this.#host.runOwned(this, () => {
      this.#scope.close(stale);
      this.#steps?.close(stale);
      this.#logic?.stop(stale);
    });
  }

  /** An abort listener threw: that keeps nobody from ending. */
  #abortFailed({ message: problem }: Error): void {
    this.#host.telemetry('agent.abortFailed', { ...this.#who(), problem });
  }

  /** Whose report it is. */
  #who(): Readonly<Record<string, unknown>> {
    const { sessionId, agent, runId, incarnation } = this;
    return { sessionId, runId, agent, incarnation };
  }

  #abandon(): void {
    const tasks = this.#scope.abandon();
    if (tasks.length > 0) this.#host.telemetry('agent.abandoned', { ...this.#who(), tasks });
  }

  #over(exit: Exit): void {
    if (this.#ended || this.#isEnding) return;
    this.#isEnding = true;
    this.#revoke();
    if (this.#logic?.kill !== undefined) this.#endThread(this.#logic.kill.bind(this.#logic), exit);
    else {
      this.#abandon();
      this.#end(exit);
    }
  }

  /** It has ended when its thread has; what is deep in native code does not end before it returns, and is not waited for. */
  #endThread(kill: () => void, exit: Exit): void {
    kill();
    const giveUp = this.#host.clock.schedule(threadEndMs, () => this.#abandon());
    void this.#scope.settled().then(() => {
      giveUp();
      this.#end(exit);
    });
  }

  #end(exit: Exit): void {
    this.#ended = true;
    this.#host.agents.permits.endOf(this.sessionId, this.runId, this.#incarnation);
    this.#exit(exit);
  }
}
