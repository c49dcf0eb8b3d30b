// Agents that fail in one way each, in as many incarnations as they are told, and complete in the next one.
import { type AnyActorLogic, assign, fromCallback, fromPromise, raise, setup } from 'xstate';
import type { AgentContext, AgentDefinition } from '../../../src/session/agents/agent-definitions.ts';

/** In so many incarnations the agent fails; it is well from then on. */
interface Orders {
  readonly harm: number;
}

type Given = AgentContext<{ readonly harm: number }>;

const isHarmful = ({ session, input }: Given): boolean => session.incarnation <= (input as Orders).harm;

function fail(): never {
  throw new Error('a fault of the agent');
}

const failIf = ({ context }: { readonly context: { readonly harm: boolean } }): void => {
  if (context.harm) fail();
};

const passIf = (event: { readonly context: { readonly harm: boolean } }): boolean => {
  failIf(event);
  return true;
};

const machine = setup({
  types: {
    context: {} as { readonly harm: boolean },
    events: {} as { readonly type: 'go' },
    input: {} as Given,
  },
  actors: {
    promise: fromPromise<void, boolean>(async ({ input }) => {
      await Promise.resolve();
      if (input) fail();
    }),
    promiseAtOnce: fromPromise<void, boolean>(({ input }) => (input ? fail() : Promise.resolve())),
    callback: fromCallback<{ type: 'go' }, boolean>(({ input, sendBack }) => {
      if (input) fail();
      sendBack({ type: 'go' });
    }),
    receiver: fromCallback<{ type: 'go' }, boolean>(({ input, sendBack, receive }) => {
      receive(() => {
        if (input) fail();
        sendBack({ type: 'go' });
      });
    }),
  },
});

const context = ({ input }: { readonly input: Given }): { harm: boolean } => ({ harm: isHarmful(input) });
const harmOf = ({ context: { harm } }: { readonly context: { readonly harm: boolean } }): boolean => harm;
const done = { type: 'final' } as const;
const open = { context, initial: 'working' } as const;

/** The machine's ways to fail, by the place in which it throws. */
const machines: Readonly<Record<string, AnyActorLogic>> = {
  'a machine: in its context': machine.createMachine({
    ...open,
    context: ({ input }) => (isHarmful(input) ? fail() : { harm: false }),
    states: { working: { always: 'done' }, done },
  }),
  'a machine: in an action': machine.createMachine({
    ...open,
    states: {
      working: { entry: raise({ type: 'go' }), on: { go: { target: 'done', actions: failIf } } },
      done,
    },
  }),
  'a machine: in a guard': machine.createMachine({
    ...open,
    states: {
      working: { entry: raise({ type: 'go' }), on: { go: { target: 'done', guard: passIf } } },
      done,
    },
  }),
  'a machine: in an always guard': machine.createMachine({
    ...open,
    states: { working: { always: { target: 'done', guard: passIf } }, done },
  }),
  'a machine: on entry': machine.createMachine({
    ...open,
    states: { working: { entry: failIf, always: 'done' }, done },
  }),
  'a machine: on exit': machine.createMachine({
    ...open,
    states: { working: { exit: failIf, always: 'done' }, done },
  }),
  'a machine: in assign': machine.createMachine({
    ...open,
    states: {
      working: {
        entry: raise({ type: 'go' }),
        on: { go: { target: 'done', actions: assign((event) => (passIf(event) ? {} : {})) } },
      },
      done,
    },
  }),
  'a machine: in its output': machine.createMachine({
    ...open,
    states: { working: { always: 'done' }, done },
    output: (event) => passIf(event),
  }),
  'a machine: a promise it invoked': machine.createMachine({
    ...open,
    states: { working: { invoke: { src: 'promise', input: harmOf, onDone: 'done' } }, done },
  }),
  'a machine: a promise it invoked, at once': machine.createMachine({
    ...open,
    states: { working: { invoke: { src: 'promiseAtOnce', input: harmOf, onDone: 'done' } }, done },
  }),
  'a machine: a callback it invoked': machine.createMachine({
    ...open,
    states: { working: { invoke: { src: 'callback', input: harmOf }, on: { go: 'done' } }, done },
  }),
  'a machine: a callback that receives': machine.createMachine({
    ...open,
    states: {
      working: {
        invoke: { id: 'receiver', src: 'receiver', input: harmOf },
        entry: ({ self }) => queueMicrotask(() => self.getSnapshot().children.receiver?.send({ type: 'go' })),
        on: { go: 'done' },
      },
      done,
    },
  }),
};

const functions: Readonly<Record<string, (given: Given) => unknown>> = {
  'a function: throws': (given) => (isHarmful(given) ? fail() : 'well'),
  'a function: rejects': async (given) => {
    await given.session.get();
    if (isHarmful(given)) fail();
    return 'well';
  },
  'a function: throws what cannot be looked at': (given) => {
    if (isHarmful(given)) throw unreadableError();
    return 'well';
  },
};

/** An error whose message is a fault of its own. */
export function unreadableError(): Error {
  return Object.defineProperty(new Error(), 'message', {
    get(): string {
      throw new Error('nobody may look at this');
    },
  });
}

const byName = new Map<string, AgentDefinition>();
for (const [index, definition] of [...Object.values(functions), ...Object.values(machines)].entries())
  byName.set(`faulty-${index}`, definition);

/** Says what each faulty agent does, by the name under which it is registered. */
export const faultyAgents: readonly { readonly agent: string; readonly fault: string }[] = [
  ...Object.keys(functions),
  ...Object.keys(machines),
].map((fault, index) => ({ agent: `faulty-${index}`, fault }));

/** One that does not end when it is told to, unless it is to do no harm. */
const hung = ({ input, signal }: Given): Promise<void> =>
  new Promise((resolve) => {
    if ((input as Orders).harm === 0) signal.addEventListener('abort', () => resolve(), { once: true });
  });

export const agents: Readonly<Record<string, AgentDefinition>> = { ...Object.fromEntries(byName), hung };
