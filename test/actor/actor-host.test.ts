// A hosted actor's faults reach whoever waits for its end, and nobody else: no sibling, no sender, no process.
import { setTimeout } from 'node:timers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AnyActorRef, type AnyMachineSnapshot, assign, createMachine } from 'xstate';
import { ActorHost, type HostedPair, type Inspect } from '../../src/actor/actor-host.ts';
import type { Exit } from '../../src/actor/child-spec.ts';
import { ServiceLifecycle } from '../../src/actor/service-lifecycle.ts';
import { quiet } from '../support/outcome.ts';

const counter = createMachine({
  id: 'counter',
  context: { count: 0 },
  initial: 'on',
  states: {
    on: { on: { more: { actions: assign({ count: ({ context }) => context.count + 1 }) } } },
  },
});

const snapshotAt = (count: number): AnyMachineSnapshot =>
  counter.resolveState({ value: 'on', context: { count } });

interface HostedActor extends HostedPair {
  readonly exited: Promise<Exit>;
}

const hostIn = (actors: ActorHost, id = 'host:1'): HostedActor => {
  let ended: (exit: Exit) => void = () => {};
  const exited = new Promise<Exit>((resolve) => {
    ended = resolve;
  });
  return Object.assign(actors.start(id, snapshotAt(0), { ended }), { exited });
};

const actorsOf = (inspect?: Inspect): ActorHost =>
  new ActorHost({ id: 'top', childId: 'child', machine: counter, ...(inspect && { inspect }) });

const host = (inspect?: Inspect, id = 'host:1'): HostedActor => hostIn(actorsOf(inspect), id);

const countOf = (actor: AnyActorRef): number => actor.getSnapshot().context.count;

/** An event at whose type no machine can look. */
const poison = (message: string): { type: string } => ({
  get type(): string {
    throw new Error(message);
  },
});

const watchExit = (hosted: HostedActor): Exit[] => {
  const exits: Exit[] = [];
  void hosted.exited.then((exit) => exits.push(exit));
  return exits;
};

/** XState reports what nobody listens to as an uncaught exception, from a timer. */
const timersOfXState = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

const uncaught: unknown[] = [];
const note = (error: unknown): void => {
  uncaught.push(error);
};
let former: NodeJS.UncaughtExceptionListener[] = [];

beforeEach(() => {
  uncaught.length = 0;
  former = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', note);
});

afterEach(async () => {
  await timersOfXState();
  process.removeAllListeners('uncaughtException');
  for (const listener of former) process.on('uncaughtException', listener);
  expect(uncaught).toEqual([]);
});

test('what is uncaught here is noticed', async () => {
  setTimeout(() => {
    throw new Error('stray');
  }, 0);
  await timersOfXState();
  expect(uncaught.splice(0).map(String)).toEqual(['Error: stray']);
});

describe('a hosted actor', () => {
  test('adopts each snapshot that is handed over, and computes none', () => {
    const hosted = host();
    hosted.adopt({ type: 'more' }, snapshotAt(5));
    expect(countOf(hosted.child)).toBe(5);
    hosted.child.send({ type: 'more' });
    expect(countOf(hosted.child)).toBe(5);
    hosted.stop();
  });

  test.each([
    'xstate.error.actor.child',
    'xstate.error.execution',
    'xstate.done.actor.child',
    'xstate.done.state.counter',
    'xstate.init',
    'xstate.after.10.counter',
    '*',
    '',
    'unknown',
    '__proto__',
  ])('does nothing for %o that nobody decided', async (type) => {
    const hosted = host();
    const exits = watchExit(hosted);
    hosted.adopt({ type: 'more' }, snapshotAt(3));
    hosted.child.send({ type, error: new Error('foreign'), actorId: 'x' });
    await quiet(2);
    expect([hosted.child.getSnapshot().status, countOf(hosted.child)]).toEqual(['active', 3]);
    hosted.adopt({ type: 'more' }, snapshotAt(4));
    expect(countOf(hosted.child)).toBe(4);
    expect(exits).toEqual([]);
    hosted.stop();
  });

  test('that is stopped ends with its child, once, and again without harm', async () => {
    const hosted = host();
    const exits = watchExit(hosted);
    hosted.stop();
    hosted.stop();
    await quiet(2);
    expect(exits).toEqual([{ reason: 'shutdown' }]);
    expect([hosted.root, hosted.child].map((actor) => actor.getSnapshot().status)).toEqual([
      'stopped',
      'stopped',
    ]);
    hosted.adopt({ type: 'more' }, snapshotAt(9));
    expect(countOf(hosted.child)).toBe(0);
  });
});

describe('an error', () => {
  test('of the child ends the root too, and is told to who waits for the end', async () => {
    const [hosted, sibling] = [host(), host(undefined, 'host:2')];
    hosted.child.send(poison('boom'));
    expect(await hosted.exited).toMatchObject({ reason: 'crash', error: { message: 'boom' } });
    expect(hosted.root.getSnapshot().status).toBe('error');
    hosted.stop();
    sibling.adopt({ type: 'more' }, snapshotAt(1));
    expect(countOf(sibling.child)).toBe(1);
    sibling.stop();
  });

  test('of the root leaves no child running behind it', async () => {
    const hosted = host();
    hosted.root.send(poison('boom'));
    expect(await hosted.exited).toMatchObject({ reason: 'crash', error: { message: 'boom' } });
    hosted.stop();
    expect(hosted.child.getSnapshot().status).not.toBe('active');
  });

  test('that is no Error is told as one', async () => {
    const hosted = host();
    hosted.child.send({
      get type(): string {
        throw 'a text';
      },
    });
    expect(await hosted.exited).toMatchObject({ reason: 'crash', error: new Error('a text') });
    hosted.stop();
  });

  test('is thrown at no sender', () => {
    const [one, two] = [host(), host(undefined, 'host:2')];
    expect(() => one.child.send(poison('boom'))).not.toThrow();
    expect(() => two.root.send(poison('boom'))).not.toThrow();
    for (const hosted of [one, two]) hosted.stop();
  });
});

describe('pairs that share a system', () => {
  const threeTogether = (): [ActorHost, HostedActor, HostedActor, HostedActor] => {
    const actors = actorsOf();
    return [actors, hostIn(actors, 'host:1'), hostIn(actors, 'host:2'), hostIn(actors, 'host:3')];
  };

  test.each(['child', 'root'] as const)(
    'outlive the error of the %s of one of them, and the next takes its place',
    async (which) => {
      const [actors, one, two, third] = threeTogether();
      const ends = [watchExit(two), watchExit(third)];
      one[which].send(poison('boom'));
      expect(await one.exited).toMatchObject({ reason: 'crash', error: { message: 'boom' } });
      one.stop();
      const next = hostIn(actors, 'host:1');
      for (const [n, hosted] of [two, third, next].entries()) {
        hosted.adopt({ type: 'more' }, snapshotAt(n + 1));
        expect([hosted.root.getSnapshot().status, countOf(hosted.child)]).toEqual(['active', n + 1]);
      }
      expect(ends).toEqual([[], []]);
      for (const hosted of [two, third, next]) hosted.stop();
      actors.close();
    },
  );

  test('outlive the stop of one of them, also by a stranger', async () => {
    const [actors, one, two] = threeTogether();
    one.root.send({ type: 'xstate.stop' });
    expect(await one.exited).toEqual({ reason: 'shutdown' });
    expect(one.child.getSnapshot().status).toBe('stopped');
    two.adopt({ type: 'more' }, snapshotAt(7));
    expect(countOf(two.child)).toBe(7);
    two.stop();
    actors.close();
  });
});

describe('an inspector that throws', () => {
  const kinds = ['@xstate.actor', '@xstate.event', '@xstate.snapshot', '@xstate.microstep', '@xstate.action'];

  test.each(kinds)('at %s loses no event and wedges no mailbox', async (kind) => {
    const hosted = host(({ type }) => {
      if (type === kind) throw new Error(`at ${kind}`);
    });
    for (let count = 1; count <= 3; count++) hosted.adopt({ type: 'more' }, snapshotAt(count));
    expect(countOf(hosted.child)).toBe(3);
    hosted.child.send(poison('boom'));
    expect(await hosted.exited).toMatchObject({ error: { message: 'boom' } });
    hosted.stop();
  });

  test('harms no service either', () => {
    const service = new ServiceLifecycle('service', () => {
      throw new Error('always');
    });
    expect(service.status).toBe('starting');
    service.signal('started');
    service.signal('drain');
    service.signal('drained');
    expect(service.status).toBe('stopped');
    service.signal('started');
    expect(service.status).toBe('stopped');
  });
});
