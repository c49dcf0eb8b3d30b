// One agent in a thread of its own. Its outcome is told when the thread has ended, and that is seen, never assumed: after it
// nothing of the agent runs, and no message of it is taken.
import { MessageChannel, type MessagePort, type ResourceLimits, Worker } from 'node:worker_threads';
import type { Clock } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { LogicOutcome, RunningLogic } from '../agent-logic.ts';
import { errorOf, type FromWorker, type ToWorker, type WorkerJob, wireError } from './worker-protocol.ts';

type Method = (input?: object, options?: object) => Promise<unknown>;

export interface WorkerThreadOptions extends Omit<WorkerJob, 'methods' | 'identity'> {
  /** For messages and for the name of the thread. */
  readonly agent: string;
  readonly sessionId: string;
  /** The agent's session: plain members, and methods that are called in its place. */
  readonly session: object;
  readonly resourceLimits: ResourceLimits;
  /** How long it may take to end once it was told to. */
  readonly graceMs: number;
  readonly clock: Clock;
  /** It had to be ended by force. */
  readonly forced: () => void;
  readonly abortFailed: (error: Error) => void;
}

export class WorkerThread implements RunningLogic {
  readonly outcome: Promise<LogicOutcome>;
  readonly threadId: number;
  readonly #options: WorkerThreadOptions;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #calls = new Map<number, AbortController>();
  #result: LogicOutcome | undefined;
  #cancelGrace: () => void = () => {};

  constructor(options: WorkerThreadOptions) {
    const { session, module, input, agent, sessionId, resourceLimits } = options;
    this.#options = options;
    this.#methods = methodsOf(session);
    const name = `${agent} of ${sessionId}`;
    const entry = new URL('./worker-entry.js', import.meta.url);
    this.#worker = new Worker(entry, { name, resourceLimits: { ...resourceLimits } });
    this.threadId = this.#worker.threadId;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.outcome = new Promise((resolve) => {
      this.#worker.on('error', (error: unknown) => this.#end({ type: 'error', error: this.#faultOf(error) }));
      this.#worker.once('exit', (exitCode) => resolve(this.#exited(exitCode)));
    });
    port1.on('message', (message: FromWorker) => this.#hear(message));
    const job = { module, input, export: options.export, identity: identityOf(session) };
    this.#worker.postMessage({ port: port2, job: { ...job, methods: [...this.#methods.keys()] } }, [port2]);
    // The open system holds the process, not its agents.
    this.#worker.unref();
    port1.unref();
  }

  /** Aborts its signal; one that has not ended after the grace is ended. */
  stop(reason: Error): void {
    if (this.#result !== undefined) return;
    const { clock, graceMs, forced } = this.#options;
    this.#result = { type: 'stopped' };
    this.#send({ type: 'abort', reason: wireError(reason) });
    this.#cancelGrace = clock.schedule(graceMs, () => {
      forced();
      this.#terminate();
    });
  }

  /** Ends the thread now, whatever it is busy with. */
  kill(): void {
    this.#result ??= { type: 'stopped' };
    this.#terminate();
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case 'call':
        void this.#call(message);
        break;
      case 'cancel':
        this.#calls.get(message.call)?.abort();
        break;
      case 'done':
        this.#end({ type: 'done', output: message.output });
        break;
      case 'unfit':
        this.#end({ type: 'done', output: undefined, unfit: errorOf(message.error) });
        break;
      case 'failed':
        this.#end({ type: 'error', error: errorOf(message.error) });
        break;
      case 'abortFailed':
        this.#options.abortFailed(errorOf(message.error));
    }
  }

  async #call({ call, method, input, options, isCancellable }: FromWorker & { type: 'call' }): Promise<void> {
    const controller = isCancellable ? new AbortController() : undefined;
    if (controller !== undefined) this.#calls.set(call, controller);
    try {
      const found = this.#methods.get(method);
      if (found === undefined) throw new HoldfastError('UNKNOWN_OPERATION', { operation: method });
      const given =
        controller === undefined ? options : { ...(options as object), signal: controller.signal };
      const value = await found(input as object | undefined, given as object | undefined);
      this.#send({ type: 'answer', call, value });
    } catch (error) {
      this.#send({ type: 'refusal', call, error: wireError(error) });
    } finally {
      this.#calls.delete(call);
    }
  }

  #send(message: ToWorker): void {
    this.#port.postMessage(message);
  }

  /** What it said first counts; nothing that it left running is let go on. */
  #end(result: LogicOutcome): void {
    this.#result ??= result;
    this.#terminate();
  }

  #terminate(): void {
    this.#cancelGrace();
    this.#port.close();
    void this.#worker.terminate();
  }

  #exited(exitCode: number): LogicOutcome {
    const { agent, sessionId } = this.#options;
    this.#cancelGrace();
    this.#port.close();
    for (const controller of this.#calls.values()) controller.abort();
    if (this.#result !== undefined) return this.#result;
    const error = new HoldfastError('AGENT_EXITED', { agent, sessionId, exitCode });
    return { type: 'error', error };
  }

  #faultOf(thrown: unknown): Error {
    const error = toError(thrown);
    if (Reflect.get(error, 'code') !== 'ERR_WORKER_OUT_OF_MEMORY') return error;
    const { agent, sessionId } = this.#options;
    const { maxOldGenerationSizeMb: limitMb } = this.#worker.resourceLimits ?? {};
    const given = this.#options.resourceLimits.maxOldGenerationSizeMb ?? limitMb;
    return new HoldfastError('AGENT_OUT_OF_MEMORY', { agent, sessionId, limitMb: given }, { cause: error });
  }
}

function identityOf(session: object): WorkerJob['identity'] {
  const plain = Object.entries(session).filter(
    ([, member]) => typeof member !== 'object' && !isMethod(member),
  );
  return Object.fromEntries(plain);
}

/** By name: `get`, and `messages.send` of a namespace. */
function methodsOf(session: object): ReadonlyMap<string, Method> {
  const methods = new Map<string, Method>();
  // What a member stands for may be made when it is asked for, by the kind of object that it is.
  for (const name in session) {
    const member = session[name as keyof typeof session] as unknown;
    if (isMethod(member)) methods.set(name, member);
    else if (typeof member === 'object' && member !== null)
      for (const [verb, method] of methodsOf(member)) methods.set(`${name}.${verb}`, method);
  }
  return methods;
}

function isMethod(member: unknown): member is Method {
  return typeof member === 'function';
}
