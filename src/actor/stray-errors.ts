// Errors that nobody catches, brought home to the owner whose code they come from: opt-in, for it makes every await in the
// process dearer. What cannot be attributed, or is not taken, ends the process: let it crash.
import type { AsyncLocalStorage } from 'node:async_hooks';
import { toError } from '../base/errors.ts';

/** True when the error is taken care of; false, or a throw, when it is not. */
export type OnStray<Owner> = (owner: Owner, error: Error) => boolean;

export interface StrayErrors<Owner> {
  /** Runs `fn`; what it starts, in timers and promises too, belongs to `owner`, but for a bare `queueMicrotask`. */
  run<T>(owner: Owner, fn: () => T): T;
  /** Whose code runs now. */
  owner(): Owner | undefined;
  /** Stops listening: from then on errors meet whoever else listens, or nobody. */
  close(): void;
}

type StrayListener = ((error: unknown, origin?: StrayEvent) => void) & {
  readonly [taking]?: Capture;
};

interface Capture {
  readonly take: (error: unknown) => boolean;
  /** Another has judged this error for all. */
  readonly skip: (error: unknown) => void;
  /** What is still to be done when nobody takes it; then the process ends. */
  readonly lastly?: (error: unknown, origin: string) => Promise<void>;
}

const taking = Symbol.for('holdfast.strayErrors');

const events = ['uncaughtException', 'unhandledRejection'] as const;
type StrayEvent = (typeof events)[number];

export function captureStrayErrors<Owner>(onStray: OnStray<Owner>): StrayErrors<Owner> {
  const owners: AsyncLocalStorage<Owner> = new (asyncHooks().AsyncLocalStorage)();
  const take = (error: unknown): boolean => {
    const owner = owners.getStore();
    return owner !== undefined && isTaken(onStray, owner, toError(error));
  };
  const uncaught = strayListener('uncaughtException', take);
  const rejected = strayListener('unhandledRejection', take);
  let open = true;
  process.on('uncaughtException', uncaught).on('unhandledRejection', rejected);
  return {
    run: (owner, fn) => (open ? owners.run(owner, fn) : fn()),
    owner: () => owners.getStore(),
    close() {
      open = false;
      process.off('uncaughtException', uncaught).off('unhandledRejection', rejected);
      owners.disable();
    },
  };
}

/** Loaded here and not on top, so that a process without capture does not have it at all. */
function asyncHooks(): typeof import('node:async_hooks') {
  return process.getBuiltinModule('node:async_hooks');
}

/**
 * Systems that share a process each have a listener. The first one that is called asks all of them, so that an error has one
 * verdict: each knows its own owners only, and what is unknown to one may be another's.
 */
function strayListener(
  event: StrayEvent,
  take: (error: unknown) => boolean,
  lastly?: Capture['lastly'],
): StrayListener {
  let judged: { readonly error: unknown } | undefined;
  const capture: Capture = {
    take,
    skip: (error) => {
      judged = { error };
    },
    ...(lastly && { lastly }),
  };
  const listener = (error: unknown): void => {
    const isJudged = judged !== undefined && Object.is(judged.error, error);
    judged = undefined;
    if (!isJudged) judge(error, event, capture);
  };
  return Object.assign(listener, { [taking]: capture });
}

function judge(error: unknown, event: StrayEvent, first: Capture): void {
  const all = listenersOf(event);
  const captures = all.map((listener) => listener[taking]).filter((capture) => capture !== undefined);
  for (const capture of captures) if (capture !== first) capture.skip(error);
  const isTaken = captures.some((capture) => capture.take(error));
  if (isTaken) return;
  const jobs = captures.flatMap(({ lastly }) => lastly ?? []);
  if (jobs.length > 0) void endAfter(jobs, error, event);
  else if (all.length === captures.length) pass(error, event);
}

/** Runs `job` when nobody takes an error that nobody caught; then the process ends with code 1, whatever else listens. */
export function lastResort(job: (error: unknown, origin: string) => Promise<void>): () => void {
  const listeners = events.map((event) => [event, strayListener(event, () => false, job)] as const);
  for (const [event, listener] of listeners) process.on(event, listener);
  return () => {
    for (const [event, listener] of listeners) process.off(event, listener);
  };
}

/** All of them are waited for: systems that share a process end together. */
async function endAfter(
  jobs: readonly NonNullable<Capture['lastly']>[],
  error: unknown,
  event: StrayEvent,
): Promise<void> {
  await Promise.allSettled(jobs.map((job) => job(error, event)));
  const { stack, message } = toError(error);
  process.stderr.write(`${stack ?? message}\n`, () => process.exit(1));
}

/** As if none of us had listened: a rejection becomes an uncaught exception, and one that nobody handles ends the process. */
function pass(error: unknown, event: StrayEvent): void {
  const others = listenersOf('uncaughtException').filter((each) => each[taking] === undefined);
  if (others.length === 0) crash(error);
  else for (const other of others) other.call(process, error, event);
}

/** Node prints the stack and ends with code 1. */
function crash(error: unknown): void {
  for (const event of events)
    for (const listener of listenersOf(event)) process.off(event, listener as () => void);
  // Thrown from here it would count as a fault of the listener, with an exit code of its own.
  process.nextTick(() => {
    throw error;
  });
}

/** Raw, so that one that listens once is still forgotten when it is called. */
function listenersOf(event: StrayEvent): readonly StrayListener[] {
  return process.rawListeners(event) as StrayListener[];
}

function isTaken<Owner>(onStray: OnStray<Owner>, owner: Owner, error: Error): boolean {
  try {
    return onStray(owner, error);
  } catch {
    return false;
  }
}
