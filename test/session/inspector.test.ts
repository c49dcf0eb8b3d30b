// Whoever looks at the actors, and whatever becomes of them: the sessions do not notice. Where nobody looks, nothing is attached.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import * as xstate from 'xstate';
import { connectInspector } from '../../examples/inspector/bounded-inspector.ts';
import { startRelay } from '../../examples/inspector/relay.ts';
import { createSystem, type SystemOptions } from '../../src/index.ts';
import { faultyLevel } from '../../src/testing/faulty-level.ts';
import { createTestSystem } from '../../src/testing/test-system.ts';
import { quiet } from '../support/outcome.ts';

vi.mock('xstate', async (load) => {
  const actual = await load<typeof xstate>();
  return { ...actual, createActor: vi.fn(actual.createActor) };
});

type Inspect = NonNullable<SystemOptions['inspect']>;

/** A life with every kind of step in it, and what is left of it: events, status, and what was reported. */
async function live(inspect?: Inspect): Promise<unknown> {
  await using test = await createTestSystem(inspect === undefined ? {} : { inspect });
  const { client } = test;
  const { sessionId } = await client.sessions.create({ sessionId: 's1' });
  const say = (content: string): Promise<unknown> =>
    client.messages.send({ sessionId, role: 'user', content });
  await say('one');
  await client.sessions.pause({ sessionId });
  await client.sessions.resume({ sessionId });
  test.crash(sessionId);
  await say('two');
  await say('three');
  await client.sessions.terminate({ sessionId, reason: 'done' });
  await quiet();
  const { items } = await client.messages.list({ sessionId });
  return {
    messages: items.map(({ seq, content }) => [seq, content]),
    status: (await client.sessions.get({ sessionId })).status,
    telemetry: test.telemetry.map(({ name }) => name),
    active: test.system.activeSessions,
  };
}

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
  process.on('unhandledRejection', note);
});

afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 0));
  process.removeListener('unhandledRejection', note);
  process.removeAllListeners('uncaughtException');
  for (const listener of former) process.on('uncaughtException', listener);
  expect(uncaught).toEqual([]);
});

const kinds = ['@xstate.actor', '@xstate.event', '@xstate.microstep', '@xstate.snapshot'];

describe('a viewer in the process', () => {
  test('may be a function or an observer, and sees every actor', async () => {
    const names = new Set<string>();
    const inspect: Inspect = ({ type, actorRef }) => {
      if (type === '@xstate.actor') names.add((actorRef as typeof actorRef & { id: string }).id);
    };
    await live(inspect);
    const asFunction = [...names];
    expect(asFunction).toEqual(['session-manager', 'sessions', 'session:s1', 'context']);
    names.clear();
    class Viewer {
      readonly #inspect = inspect as (event: xstate.InspectionEvent) => void;
      next(event: xstate.InspectionEvent): void {
        this.#inspect(event);
      }
    }
    await live(new Viewer());
    expect([...names]).toEqual(asFunction);
  });

  test.each(kinds)('that throws on %s changes nothing', async (kind) => {
    let thrown = 0;
    const undisturbed = await live();
    const inspect: Inspect = ({ type }) => {
      if (type !== kind) return;
      thrown += 1;
      throw new Error(`at ${kind}`);
    };
    expect(await live(inspect)).toEqual(undisturbed);
    expect(await live({ next: inspect })).toEqual(undisturbed);
    expect(thrown).toBeGreaterThan(0);
  });

  test('that fails later changes nothing', async () => {
    const undisturbed = await live();
    const fails = async (): Promise<never> => {
      throw new Error('later');
    };
    expect(await live(fails as unknown as Inspect)).toEqual(undisturbed);
    expect(await live({ next: fails } as unknown as Inspect)).toEqual(undisturbed);
  });

  test.each([
    ['a text', 'inspector'],
    ['null', null],
    ['an object without next()', {}],
    ['an object whose next is no function', { next: 1 }],
  ])('is refused when it is %s', async (_, inspect) => {
    const opened = createSystem({ store: faultyLevel().open, inspect: inspect as unknown as Inspect });
    await expect(opened).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('inspect: '),
    });
  });
});

describe('a viewer behind a WebSocket', () => {
  /** A viewer that is connected and reads nothing. */
  async function deafViewer(): Promise<{ url: string; sockets: Socket[]; server: Server }> {
    const server = createServer();
    const sockets: Socket[] = [];
    const viewers = new WebSocketServer({ server });
    viewers.on('connection', (_, { socket }) => {
      socket.pause();
      sockets.push(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    return { url: `ws://127.0.0.1:${port}`, sockets, server };
  }

  test('that stops reading changes nothing, and holds no more than its bound', async () => {
    const undisturbed = await live();
    const { url, sockets, server } = await deafViewer();
    const most = 64 * 1024;
    const inspector = await connectInspector(url, most);
    let highest = 0;
    const watching: Inspect = {
      next(event) {
        inspector.inspect.next?.(event);
        highest = Math.max(highest, inspector.bufferedBytes);
      },
    };
    expect(await live(watching)).toEqual(undisturbed);
    await using crowd = await createTestSystem({ inspect: watching });
    const { sessionId } = await crowd.client.sessions.create({});
    for (let n = 0; inspector.dropped === 0; n++) {
      const content = `${n} ${'x'.repeat(100_000)}`;
      await crowd.client.messages.send({ sessionId, role: 'user', content });
      await quiet(2);
    }
    expect(highest).toBeLessThan(most + 400_000);
    const { seq } = await crowd.client.messages.send({ sessionId, role: 'user', content: 'still there' });
    expect(seq).toBeGreaterThan(0);
    for (const socket of sockets) socket.destroy();
    await inspector.close();
    server.close();
  });

  test.each([1, 5, 20])('that goes after %i inspection events changes nothing', async (after) => {
    const undisturbed = await live();
    const relay = await startRelay();
    const inspector = await connectInspector(relay.url);
    let seen = 0;
    let gone: Promise<void> | undefined;
    const inspect: Inspect = {
      next(event) {
        seen += 1;
        if (seen === after) gone = relay.close();
        inspector.inspect.next?.(event);
      },
    };
    expect(await live(inspect)).toEqual(undisturbed);
    await gone;
    await new Promise((resolve) => setTimeout(resolve, 0));
    await inspector.close();
    expect(inspector.dropped).toBeGreaterThan(0);
  });
});

describe('where nobody looks', () => {
  /** Of each XState system that was made, whether it was given an inspector; pairs of a session belong to that of all. */
  const attached = (): boolean[] =>
    vi
      .mocked(xstate.createActor)
      .mock.calls.filter(([, options]) => options?.parent === undefined)
      .map(([, options]) => options?.inspect !== undefined);

  async function openOne(options: Partial<SystemOptions>): Promise<void> {
    vi.mocked(xstate.createActor).mockClear();
    await using system = await createSystem({ store: faultyLevel().open, ...options });
    await system.client.sessions.create({});
    await system.client.sessions.create({});
  }

  test('no actor is given an inspector', async () => {
    await openOne({});
    expect(attached()).toEqual([false, false]);
  });

  test('but manager and sessions are where somebody does', async () => {
    await openOne({ inspect: () => {} });
    expect(attached()).toEqual([true, true]);
  });
});
