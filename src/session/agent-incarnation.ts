// One incarnation of an agent: it takes up its run in the journal, runs the logic, records the result, and ends once. All
// that it was given is revoked before anybody hears of its end.
import { type RunningLogic, runLogic } from '../actor/agent-logic.ts';
import type { Exit, SupervisedChild } from '../actor/child-spec.ts';
import { TaskScope } from '../actor/task-scope.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import { type Json, plainJson } from '../base/json.ts';
import type { AgentRun } from '../domain/agent-runs.ts';
import { recordedError } from '../domain/recorded-error.ts';
import type { AgentCommand } from '../domain/session-commands.ts';
import type { Answer } from '../entity/command-meta.ts';
import type { AgentHost } from './agent-host.ts';
import { sessionHandle } from './session-handle.ts';

const shutdown: Exit = { reason: 'shutdown' };

export class AgentIncarnation implements SupervisedChild {
  readonly exited: Promise<Exit>;
  readonly run: AgentRun;
  readonly #host: AgentHost;
  readonly #scope: TaskScope;
  /** Counted over the life of the run; undefined until the journal has it. */
  #incarnation: number | undefined;
  #logic: RunningLogic | undefined;
  #cancelTimeout: () => void = () => {};
  #progressed = false;
  #ended = false;
  #exit: (exit: Exit) => void = () => {};

  /** `reason` says why the run is taken up once more; undefined for its first incarnation. */
  constructor(host: AgentHost, run: AgentRun, reason: string | undefined) {
    this.#host = host;
    this.run = run;
    this.#scope = new TaskScope({ onFault: (error) => this.#abortFailed(error) });
    this.exited = new Promise((resolve) => {
      this.#exit = resolve;
    });
    void this.#live(reason).catch((error: unknown) => this.crash(toError(error)));
  }

  get incarnation(): number | undefined {
    return this.#incarnation;
  }

  hasProgressed(): boolean {
    return this.#progressed;
  }

  /** Tells it to end, and waits until it has. */
  async stop(): Promise<void> {
    this.#revoke();
    await this.#scope.settled();
    this.#end(shutdown);
  }

  /** Ends it now. What its promises still do is abandoned: it goes on, and can commit nothing. */
  kill(): void {
    this.#over(shutdown);
  }

  /** A fault of the agent's own, or one that was traced to it. */
  crash(error: Error): void {
    this.#over(this.#scope.signal.aborted ? shutdown : { reason: 'crash', error });
  }

  async #live(reason: string | undefined): Promise<void> {
    this.#incarnation = reason === undefined ? 1 : await this.#takeUp(reason);
    const input = await this.#host.readInput(this.run);
    if (this.#ended || this.#scope.signal.aborted) return;
    this.#logic = this.#start(input);
    this.#limitTime();
    const outcome = await this.#logic.outcome;
    if (outcome.type === 'done') await this.#finish(outcome.output);
    else if (outcome.type === 'error') this.crash(outcome.error);
    else if (!this.#scope.signal.aborted) this.crash(new Error('its actor was stopped'));
  }

  async #takeUp(reason: string): Promise<number> {
    const { runId } = this.run;
    const { incarnation } = await this.#record({ type: 'agent.restart', runId, reason });
    return Number(incarnation);
  }

  /** That the journal does not take its word any more is its end, and nobody's crash. */
  async #record(command: AgentCommand): Promise<Answer> {
    try {
      return await this.#host.record(command, this.#scope.signal);
    } catch (error) {
      if (HoldfastError.is(error, 'STALE_INCARNATION')) this.#over(shutdown);
      throw error;
    }
  }

  #start(input: Json): RunningLogic {
    const { sessionId, agents, dispatchAs, clock, inspect, runOwned, codecs } = this.#host;
    const { agent, runId } = this.run;
    const { signal } = this.#scope;
    const incarnation = this.#incarnation ?? 1;
    const session = sessionHandle({
      sessionId,
      runId,
      incarnation,
      dispatch: dispatchAs({ agent: { run: runId, incarnation }, by: `agent:${agent}` }),
      signal,
      progressed: () => {
        this.#progressed = true;
      },
    });
    const logic = agents.logic(agent, this.#scope);
    const options = {
      id: `agent:${sessionId}:${runId}`,
      input: Object.freeze({ session, input: codecs === undefined ? input : codecs.decode(input), signal }),
      clock,
      ...(inspect && { inspect }),
    };
    return runOwned(this, () => runLogic(logic, options));
  }

  #limitTime(): void {
    const { timeoutMs, agent } = this.run;
    if (timeoutMs === null) return;
    const { sessionId, clock } = this.#host;
    const late = (): void => this.crash(new HoldfastError('AGENT_TIMEOUT', { agent, sessionId, timeoutMs }));
    this.#cancelTimeout = clock.schedule(timeoutMs, late);
  }

  /** A permanent agent is never done. What another returns is its result, unless that cannot be kept: then it failed. */
  async #finish(output: unknown): Promise<void> {
    this.#cancelTimeout();
    if (this.#ended) return;
    if (this.run.restart !== 'permanent') {
      await this.#record(this.#resultOf(output)).catch((error: unknown) => {
        if (!isSizeRefusal(error)) throw error;
        return this.#record(this.#failure(error));
      });
    }
    this.#progressed = true;
    this.#revoke();
    this.#end({ reason: 'normal' });
  }

  #resultOf(output: unknown): AgentCommand {
    const { runId } = this.run;
    try {
      const { codecs } = this.#host;
      const written = codecs === undefined ? output : codecs.encode(output);
      const result = output === undefined ? null : plainJson(written, 'result');
      return { type: 'agent.complete', runId, incarnation: this.#incarnation ?? 1, result };
    } catch (error) {
      return this.#failure(error);
    }
  }

  #failure(error: unknown): AgentCommand {
    const { runId } = this.run;
    return { type: 'agent.fail', runId, incarnation: this.#incarnation ?? 1, error: recordedError(error) };
  }

  #revoke(): void {
    const { sessionId } = this.#host;
    const { runId } = this.run;
    this.#cancelTimeout();
    if (this.#scope.signal.aborted) return;
    const stale = { sessionId, runId, incarnation: this.#incarnation ?? 0, current: 'its end' };
    // Disposers and abort listeners are the agent's code too.
    this.#host.runOwned(this, () => {
      this.#scope.close(new HoldfastError('STALE_INCARNATION', stale));
      this.#logic?.stop();
    });
  }

  /** An abort listener threw: that keeps nobody from ending. */
  #abortFailed({ message: problem }: Error): void {
    const { agent, runId } = this.run;
    const { sessionId, telemetry } = this.#host;
    telemetry('agent.abortFailed', { sessionId, runId, agent, incarnation: this.#incarnation, problem });
  }

  #abandon(): void {
    const tasks = this.#scope.abandon();
    if (tasks.length === 0) return;
    const { agent, runId } = this.run;
    const { sessionId, telemetry } = this.#host;
    telemetry('agent.abandoned', { sessionId, runId, agent, incarnation: this.#incarnation, tasks });
  }

  #over(exit: Exit): void {
    if (this.#ended) return;
    this.#revoke();
    this.#abandon();
    this.#end(exit);
  }

  #end(exit: Exit): void {
    this.#ended = true;
    this.#exit(exit);
  }
}

function isSizeRefusal(error: unknown): boolean {
  return HoldfastError.is(error) && ['TOO_LARGE', 'VALUE_TOO_LARGE', 'BATCH_TOO_LARGE'].includes(error.code);
}
