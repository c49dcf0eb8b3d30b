// The life of a long-lived service as an XState actor: it starts, serves, drains and stops, and says so to whoever looks.
import { type AnyActorRef, createActor, setup } from 'xstate';
import { toError } from '../base/errors.ts';
import { guarded, type Inspect } from './actor-host.ts';

const serviceMachine = setup({
  types: {
    context: {} as { name: string },
    input: {} as { name: string },
    events: {} as { type: 'started' } | { type: 'failed' } | { type: 'drain' } | { type: 'drained' },
  },
}).createMachine({
  id: 'service',
  context: ({ input }) => ({ name: input.name }),
  initial: 'starting',
  states: {
    starting: { on: { started: 'serving', failed: 'failed', drain: 'draining' } },
    serving: { on: { drain: 'draining', failed: 'failed' } },
    failed: { on: { drain: 'draining' } },
    draining: { on: { drained: 'stopped' } },
    stopped: { type: 'final' },
  },
});

export type ServiceStatus = 'starting' | 'serving' | 'failed' | 'draining' | 'stopped';

export class ServiceLifecycle {
  /** Resolves with the error of an actor that has failed, and never otherwise. */
  readonly failed: Promise<Error>;
  readonly #actor: AnyActorRef & { start(): unknown; stop(): unknown };

  constructor(name: string, inspect?: Inspect) {
    this.#actor = createActor(serviceMachine, {
      id: name,
      input: { name },
      ...(inspect && { inspect: guarded(inspect) }),
    });
    this.failed = new Promise((resolve) => {
      this.#actor.subscribe({ next: () => {}, error: (error: unknown) => resolve(toError(error)) });
    });
    this.#actor.start();
  }

  get status(): ServiceStatus {
    const { status, value } = this.#actor.getSnapshot();
    // An actor that erred still shows the state that it was in.
    return status === 'error' ? 'failed' : value;
  }

  signal(type: 'started' | 'failed' | 'drain' | 'drained'): void {
    this.#actor.send({ type });
  }
}
