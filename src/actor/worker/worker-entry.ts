// The first file of an agent's thread: it imports the agent's module, runs it with a session whose every call is a message to
// the main thread, and says how it ended. It is ended from outside, never by itself.
import { setMaxListeners } from 'node:events';
import { type MessagePort, parentPort } from 'node:worker_threads';
import type { AnyActorLogic } from 'xstate';
import { systemClock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import { deepFreeze, plainJson } from '../../base/json.ts';
import { guardedSignal } from '../guarded-signal.ts';
import { type FromWorker, type ToWorker, type WorkerJob, wireError } from './worker-protocol.ts';
import { RemoteSession } from './worker-session.ts';

parentPort?.once('message', ({ port, job }: { port: MessagePort; job: WorkerJob }) => void live(port, job));

async function live(port: MessagePort, job: WorkerJob): Promise<void> {
  const tell = (message: FromWorker): void => port.postMessage(message);
  const controller = new AbortController();
  const { signal } = controller;
  setMaxListeners(0, signal);
  guardedSignal(signal, (error) => tell({ type: 'abortFailed', error: wireError(error) }));
  const remote = new RemoteSession(job, tell);
  port.on('message', (message: ToWorker) => {
    if (message.type === 'abort') controller.abort(remote.revoke(message.reason));
    else remote.hear(message);
  });
  try {
    const { session } = remote;
    const input = deepFreeze(job.input);
    const context = { session, input, signal, report: session.report, ...missingHandles };
    tell(outcomeOf(await run(await load(job), Object.freeze(context))));
  } catch (error) {
    tell({ type: 'failed', error: wireError(error) });
  }
}

/** Durable steps and streams need the thread of their session. */
const missingHandles = Object.fromEntries(
  ['step', 'sleep', 'sleepUntil', 'waitFor', 'child', 'stream'].map((handle) => [
    handle,
    () => {
      throw new HoldfastError('STEPS_NOT_HERE', { handle });
    },
  ]),
);

type Runnable = ((context: object) => unknown) | AnyActorLogic;

async function load({ module, export: name }: WorkerJob): Promise<Runnable> {
  const found: unknown = (await import(module))[name];
  if (typeof found === 'function' || isLogic(found)) return found as Runnable;
  throw new TypeError(`${module} exports neither a function nor actor logic under the name ${name}`);
}

function isLogic(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && 'transition' in value && 'getInitialSnapshot' in value
  );
}

/** XState is loaded only where there is logic for it. Delays of a machine run on the time of this thread. */
async function run(agent: Runnable, context: { readonly signal: AbortSignal }): Promise<unknown> {
  if (typeof agent === 'function') return agent(context);
  const { runLogic } = await import('../agent-logic.ts');
  const running = runLogic(agent, { id: 'agent', input: context, clock: systemClock });
  const { signal } = context;
  signal.addEventListener('abort', () => running.stop(signal.reason), { once: true });
  const outcome = await running.outcome;
  if (outcome.type === 'done') return outcome.output;
  throw outcome.type === 'error' ? outcome.error : new Error('its actor was stopped');
}

function outcomeOf(output: unknown): FromWorker {
  try {
    return { type: 'done', output: output === undefined ? undefined : plainJson(output, 'result') };
  } catch (error) {
    return { type: 'unfit', error: wireError(error) };
  }
}
