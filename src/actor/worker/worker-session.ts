// The session of an agent in a thread of its own: each call is a message, and its answer another. What cannot be sent is
// refused by name before it is.
import { HoldfastError } from '../../base/errors.ts';
import { type Json, plainJson } from '../../base/json.ts';
import {
  errorOf,
  type FromWorker,
  type ToWorker,
  type WireError,
  type WorkerJob,
} from './worker-protocol.ts';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

type Method = (input?: unknown, options?: unknown) => Promise<unknown>;

export class RemoteSession {
  readonly session: Readonly<Record<string, unknown>>;
  readonly #tell: (message: FromWorker) => void;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #revoked: Error | undefined;

  constructor({ identity, methods }: WorkerJob, tell: (message: FromWorker) => void) {
    this.#tell = tell;
    const session: Record<string, unknown> = { ...identity };
    for (const name of methods) {
      const method: Method = async (input, options) => this.#call(name, input, options);
      const [space = '', verb] = name.split('.');
      if (verb === undefined) session[space] = method;
      else session[space] = { ...(session[space] as object | undefined), [verb]: method };
    }
    this.session = Object.freeze(session);
  }

  /** From now on every call is refused with what is returned; those that wait are answered by the main thread. */
  revoke(reason: WireError): Error {
    this.#revoked ??= errorOf(reason);
    return this.#revoked;
  }

  hear(message: Exclude<ToWorker, { type: 'abort' }>): void {
    const waiting = this.#waiting.get(message.call);
    this.#waiting.delete(message.call);
    if (message.type === 'answer') waiting?.resolve(message.value);
    else waiting?.reject(errorOf(message.error));
  }

  #call(method: string, input: unknown, given: unknown): Promise<unknown> {
    if (this.#revoked !== undefined) throw this.#revoked;
    const { signal, options } = splitOptions(method, given);
    signal?.throwIfAborted();
    const call = ++this.#calls;
    const isCancellable = signal !== undefined;
    this.#tell({ type: 'call', call, method, input: plain(input, 'input'), options, isCancellable });
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        this.#waiting.delete(call);
        this.#tell({ type: 'cancel', call });
        reject(signal?.reason);
      };
      const settle =
        <T>(end: (value: T) => void) =>
        (value: T): void => {
          signal?.removeEventListener('abort', cancel);
          end(value);
        };
      signal?.addEventListener('abort', cancel, { once: true });
      this.#waiting.set(call, { resolve: settle(resolve), reject: settle(reject) });
    });
  }
}

/** A signal stays here; the other options are data, and judged by the main thread. */
function splitOptions(
  operation: string,
  given: unknown,
): { signal?: AbortSignal; options: Json | undefined } {
  if (typeof given !== 'object' || given === null) return { options: plain(given, 'options') };
  const { signal, ...rest } = given as { signal?: unknown };
  const options = plain(rest, 'options');
  if (signal === undefined) return { options };
  if (signal instanceof AbortSignal) return { signal, options };
  const problem = 'options.signal: it must be an AbortSignal';
  throw new HoldfastError('INVALID_INPUT', { operation, field: 'options.signal', problem });
}

function plain(value: unknown, path: string): Json | undefined {
  return value === undefined ? undefined : plainJson(value, path);
}
