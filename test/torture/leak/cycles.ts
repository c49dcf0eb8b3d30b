// What is done and undone again, without end: after each of these nothing may stay in memory.
import { setMaxListeners } from 'node:events';
import type { AgentContext } from '../../../src/session/agents/agent-definitions.ts';
import type { Stage, StageOptions } from './stage.ts';

/** Runs so many cycles; may be called again. */
export type Run = (count: number) => Promise<void>;

export interface CycleKind {
  readonly name: string;
  /** Cycles until all that is bounded is full. */
  readonly warmUp: number;
  readonly options?: StageOptions;
  /** True when each cycle leaves an entry in the session list, as it should. */
  readonly leavesEntry?: boolean;
  readonly prepare: (stage: Stage) => Promise<Run>;
}

const dayMs = 86_400_000;
const keptSessions = 100;

/** The journal keeps the heads of 20,000 streams, and forgets half of them when there are more. */
const streamsUntilFull = 20_000;

/** Many calls wait with it at one time, which is no leak. */
function longSignal(): AbortSignal {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  return signal;
}

function opening(cleanup: boolean): CycleKind['prepare'] {
  return async (stage) => {
    const { client } = stage;
    return (count) =>
      stage.each(count, async (n) => {
        const sessionId = stage.newName();
        // Sessions come one after the other, as they do in life.
        stage.leap(1);
        await client.sessions.create({ sessionId, config: n % 2 === 0 ? { endAfterMs: dayMs } : {} });
        await client.messages.send({ sessionId, role: 'user', content: 'hello' });
        await client.sessions.terminate({ sessionId, cleanup });
      });
  };
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

async function runAgents(stage: Stage): Promise<Run> {
  const ids = await stage.sessions(keptSessions);
  const { client } = stage;
  return (count) =>
    stage.each(count, async (n) => {
      const sessionId = ids[n % ids.length] ?? '';
      const agent = ['completes', 'fails', 'waits'][n % 3] ?? '';
      const { runId } = await client.agents.start({ sessionId, agent, restart: 'temporary' });
      if (agent === 'waits') await client.agents.stop({ sessionId, runId });
      else await client.agents.wait({ sessionId, runId });
    });
}

async function passivateAndWake(stage: Stage): Promise<Run> {
  const ids = await stage.sessions(keptSessions);
  return async (count) => {
    for (let done = 0; done < count; done += ids.length) {
      await Promise.all(
        ids.map((sessionId) => stage.client.memory.set({ sessionId, key: 'k', value: done })),
      );
      // Those that had something to do since they entered are looked at once more.
      for (let turn = 0; stage.system.activeSessions > 0 && turn < 10; turn++) {
        await stage.clock.advance(1_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await stage.until(() => stage.system.activeSessions === 0);
    }
  };
}

async function subscribe(stage: Stage): Promise<Run> {
  const { client } = stage;
  return async (count) => {
    for (let n = 0; n < count; n++) {
      const hear = (): void => {};
      const topic = n % 3 === 0 ? 'shared' : stage.newName();
      const subscription = await (n % 7 === 0
        ? client.events.subscribeAll(hear)
        : client.events.subscribe(topic, hear));
      if (n % 5 === 0 && n % 7 !== 0) client.events.unsubscribe(topic);
      else subscription.unsubscribe();
    }
  };
}

/** Ended after an event, before the first, by nobody at all; with and without a signal that lives on. */
async function readEvents(stage: Stage): Promise<Run> {
  const ids = await stage.sessions(keptSessions);
  const signal = longSignal();
  const { client } = stage;
  return (count) =>
    stage.each(count, async (n) => {
      const events = client.events.stream({
        ...(n % 9 !== 0 && { sessionId: ids[n % ids.length] ?? '' }),
        ...(n % 2 === 0 && { signal }),
        ...(n % 9 === 0 && { after: 'now' }),
      });
      const way = n % 4;
      if (way === 0 && n % 9 !== 0) for await (const _ of events) break;
      if (way === 1) await events.return?.();
      if (way === 2) {
        const next = events.next();
        await events.return?.();
        await next;
      }
    });
}

async function sendWithKeys(stage: Stage): Promise<Run> {
  const ids = await stage.sessions(20);
  const signal = longSignal();
  const { client } = stage;
  return (count) =>
    stage.each(count, async (n) => {
      const sessionId = ids[n % ids.length] ?? '';
      const options = { idempotencyKey: stage.newName(), signal };
      await client.memory.set({ sessionId, key: 'k', value: n }, options);
      if (n % 10 === 0) await client.memory.set({ sessionId, key: 'k', value: n }, options);
    });
}

/** The calls of one incarnation, each with a signal that outlives it. */
function callAsAgent(): CycleKind {
  const contexts: AgentContext[] = [];
  const caller = (context: AgentContext): Promise<void> => {
    contexts.push(context);
    return untilAborted(context.signal);
  };
  return {
    name: 'calls of one agent, with signals',
    warmUp: 10_000,
    options: { agents: { caller } },
    prepare: async (stage) => {
      const [sessionId = ''] = await stage.sessions(1);
      await stage.client.agents.start({ sessionId, agent: 'caller' });
      await stage.until(() => contexts.length > 0);
      const [context] = contexts;
      if (context === undefined) throw new Error('the agent has not begun');
      const other = longSignal();
      return (count) =>
        stage.each(count, (n) => {
          const signal = n % 2 === 0 ? context.signal : other;
          return context.session.memory.set({ key: 'k', value: n }, { signal });
        });
    },
  };
}

async function crashAndComeBack(stage: Stage): Promise<Run> {
  const ids = await stage.sessions(keptSessions);
  const { client } = stage;
  const isWell = async (): Promise<boolean> => (await client.sessions.conditions()).length === 0;
  return async (count) => {
    for (let done = 0; done < count; done += ids.length) {
      await Promise.all(ids.map((sessionId) => client.memory.set({ sessionId, key: 'k', value: done })));
      for (const sessionId of ids) stage.crash(sessionId);
      await stage.whileTimePasses(
        (async () => {
          await Promise.all(ids.map((sessionId) => client.memory.delete({ sessionId, key: 'k' })));
          while (!(await isWell())) await new Promise((resolve) => setImmediate(resolve));
        })(),
      );
      // What is forgiven needs a minute.
      await stage.clock.advance(61_000);
    }
  };
}

/** Each new session takes the place of one whose time was up and whose alarm had not rung. */
async function expireUnderLimit(stage: Stage): Promise<Run> {
  const { client } = stage;
  let living: readonly string[] = [];
  return async (count) => {
    for (let done = 0; done < count; done += keptSessions) {
      const ids = Array.from({ length: keptSessions }, () => stage.newName());
      for (const sessionId of ids) await client.sessions.create({ sessionId, config: { endAfterMs: 1_000 } });
      await Promise.all(living.map((sessionId) => client.sessions.delete({ sessionId })));
      living = ids;
      stage.leap(2_000);
    }
  };
}

const manyAgents = {
  completes: () => 'well',
  fails: () => {
    throw new Error('a fault of the agent');
  },
  waits: ({ signal }: AgentContext) => untilAborted(signal),
};

export const cycleKinds: readonly CycleKind[] = [
  { name: 'create and terminate, with cleanup', warmUp: streamsUntilFull, prepare: opening(true) },
  {
    name: 'create and terminate, with cleanup, not journaled',
    warmUp: streamsUntilFull,
    options: { durability: 'none' },
    prepare: opening(true),
  },
  {
    name: 'create and terminate',
    warmUp: streamsUntilFull,
    leavesEntry: true,
    prepare: opening(false),
  },
  {
    name: 'agents that complete, fail and are stopped',
    // Of each session the newest hundred that have ended are remembered.
    warmUp: 12_000,
    options: { agents: manyAgents },
    prepare: runAgents,
  },
  {
    name: 'passivate and wake',
    warmUp: 10_000,
    options: { passivateAfterMs: 1_000 },
    prepare: passivateAndWake,
  },
  { name: 'subscribe and unsubscribe', warmUp: 10_000, prepare: subscribe },
  { name: 'iterators, opened and ended', warmUp: 10_000, prepare: readEvents },
  { name: 'commands with keys and a signal', warmUp: 10_000, prepare: sendWithKeys },
  callAsAgent(),
  { name: 'crash and come back', warmUp: 10_000, prepare: crashAndComeBack },
  {
    name: 'sessions that expire under a limit',
    warmUp: streamsUntilFull,
    options: { maxSessions: keptSessions },
    prepare: expireUnderLimit,
  },
];
