// Termination is observed: whatever its agents do, a session or a run ends within its grace, is known until then and no longer,
// and keeps nobody waiting meanwhile.
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { fromCallback, setup } from 'xstate';
import { defaultSessionConfig } from '../../src/domain/session/session-config.ts';
import type { SessionProfile } from '../../src/domain/session/session-events.ts';
import { statusOf } from '../../src/domain/session/session-state.ts';
import type { Announcement } from '../../src/entity/announcement.ts';
import { LocalPubSub } from '../../src/pubsub/local-pubsub.ts';
import {
  type AgentContext,
  type AgentDefinition,
  AgentRegistry,
} from '../../src/session/agents/agent-definitions.ts';
import { SessionManager } from '../../src/session/session-manager.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { managerOptions } from '../support/manager-options.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf, quiet, watch, whileTimePasses } from '../support/outcome.ts';

const one = { sessionId: 's' };
const graceMs = defaultSessionConfig.agentShutdownMs;

const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

interface Ending {
  readonly how: string;
  readonly agent: AgentDefinition;
  /** How long it takes to end; not before its grace is over when it must be forced. */
  readonly tookMs: number;
  /** What is told of it. */
  readonly told?: string;
}

/** Work that goes on for so long after it was told to end, by the clock of the test. */
const slow =
  (ms: number) =>
  async ({ signal }: AgentContext): Promise<void> => {
    await whenAborted(signal);
    await new Promise<void>((resolve) => sleepers.push({ ms, resolve }));
  };
const sleepers: { ms: number; resolve: () => void }[] = [];

const endings: readonly Ending[] = [
  { how: 'ends at once', agent: ({ signal }: AgentContext) => whenAborted(signal), tookMs: 0 },
  { how: 'is busy for a while', agent: slow(3_000), tookMs: 3_000 },
  { how: 'has a disposer that throws', agent: fromCallback(() => () => fail()), tookMs: 0 },
  {
    how: 'has a disposer that never ends',
    agent: fromCallback(() => () => void new Promise(() => {})),
    tookMs: 0,
  },
  {
    how: 'has a child with a disposer that throws',
    agent: setup({ actors: { bad: fromCallback(() => () => fail()) } }).createMachine({
      invoke: { src: 'bad' },
    }),
    tookMs: 0,
  },
  {
    how: 'has an abort listener that throws',
    agent: ({ signal }: AgentContext) => {
      signal.addEventListener('abort', () => fail());
      return whenAborted(signal);
    },
    tookMs: 0,
    told: 'agent.abortFailed',
  },
  { how: 'hangs', agent: () => new Promise(() => {}), tookMs: graceMs, told: 'agent.abandoned' },
  {
    how: 'ignores that it is told to end, and goes on writing',
    async agent({ session }: AgentContext) {
      for (const born = testsDone.count; born === testsDone.count; ) {
        await session.messages.send({ role: 'assistant', content: 'more' }).catch(() => undefined);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    tookMs: graceMs,
    told: 'agent.abandoned',
  },
];
/** What still goes on of an agent goes on no longer than its test. */
const testsDone = { count: 0 };
afterEach(() => {
  testsDone.count += 1;
});

function fail(): never {
  throw new Error('the fault of the test');
}

/** Lets time pass in steps; work that is slow ends in its time. */
async function pass(clock: { advance(ms: number): Promise<void> }, ms: number): Promise<void> {
  await quiet(3);
  for (const sleeper of sleepers.splice(0)) {
    if (sleeper.ms <= ms) sleeper.resolve();
    else sleepers.push({ ...sleeper, ms: sleeper.ms - ms });
  }
  await clock.advance(ms);
  await quiet(3);
}

const told = ({ telemetry }: TestSystem, name: string): unknown[] =>
  telemetry.filter((event) => event.name === name).map(({ data }) => data.runId);

const agentNodes = ({ system }: TestSystem): string[] => {
  const sessions = system.tree().children?.find(({ id }) => id === 'sessions');
  const nodes = sessions?.children?.find(({ id }) => id === 's')?.children ?? [];
  return nodes.filter(({ id }) => id !== 'context').map(({ status }) => status);
};

async function started(agent: AgentDefinition, options = {}): Promise<TestSystem & { runId: string }> {
  const test = await createTestSystem({ agents: { agent }, passivateAfterMs: null, ...options });
  await test.client.sessions.create(one);
  await test.client.sessions.create({ sessionId: 'other' });
  const { runId } = await test.client.agents.start({ ...one, agent: 'agent' });
  await quiet();
  return Object.assign(test, { runId });
}

/** Serves another session until the call has ended, and says how much time that took and how often it was answered. */
async function whileServing({ client, clock }: TestSystem, call: Promise<unknown>) {
  const watched = watch(call);
  const since = clock.now();
  let served = 0;
  await quiet(3);
  while (watched.outcome === 'waiting' && clock.now() - since <= 2 * graceMs) {
    await client.messages.send({ sessionId: 'other', role: 'user', content: `${served}` });
    served += 1;
    await pass(clock, 500);
  }
  return { outcome: watched.outcome, tookMs: clock.now() - since, served };
}

describe.each(endings)('an agent that $how', ({ agent, tookMs, told: name }) => {
  test('ends with its session, within its grace and observed, while others are served', async () => {
    await using test = await started(agent);
    expect(agentNodes(test)).toEqual(['running']);
    const { runId } = test;
    const ending = whileServing(test, test.client.sessions.terminate(one));
    if (tookMs > 0) {
      await quiet(3);
      expect(agentNodes(test)).toEqual(['stopping']);
      expect((await test.client.sessions.get(one)).status).toBe('terminating');
    }
    const outcome = await ending;
    expect(outcome).toEqual({ outcome: 'answered', tookMs, served: tookMs / 500 });
    expect(await test.client.sessions.get(one)).toMatchObject({ status: 'terminated' });
    expect(agentNodes(test)).toEqual([]);
    if (name !== undefined) expect(told(test, name)).toEqual([runId]);
    else expect([...told(test, 'agent.abandoned'), ...told(test, 'agent.abortFailed')]).toEqual([]);
    expect(
      test.telemetry.filter(({ name }) => name === 'session.killed' || name === 'session.crashed'),
    ).toEqual([]);
  });

  test('ends when it is stopped, and its session goes on', async () => {
    await using test = await started(agent);
    const { runId } = test;
    const outcome = await whileServing(test, test.client.agents.stop({ ...one, runId }));
    expect(outcome).toEqual({ outcome: 'answered', tookMs, served: tookMs / 500 });
    const run = await test.client.agents.get({ ...one, runId });
    expect(run).toMatchObject({ status: 'stopped', isRunning: false, crashes: 0 });
    expect(agentNodes(test)).toEqual([]);
    const { seq } = await test.client.sessions.get(one);
    await quiet();
    expect((await test.client.sessions.get(one)).seq).toBe(seq);
    await test.client.messages.send({ ...one, role: 'user', content: 'still here' });
  });
});

describe('the registry', () => {
  const profile: SessionProfile = {
    ...{ name: null, agent: null, metadata: {}, llmConfig: {}, parentSessionId: null },
    config: defaultSessionConfig,
  };

  test.each(endings)('knows a session until its agent has ended that $how', async ({ agent, tookMs }) => {
    const store = memoryJournal();
    const journal = await store.open();
    const telemetry = (): void => {};
    const manager = new SessionManager({
      ...(await managerOptions({ journal, clock: store.clock, telemetry })),
      pubsub: new LocalPubSub<Announcement>(telemetry),
      agents: new AgentRegistry({ agent }),
    });
    manager.serve();
    await manager.create('s', profile, {});
    const runId = `run-${tookMs}`;
    const start = {
      runId,
      agent: 'agent',
      input: null,
      role: null,
      restart: 'transient',
      timeoutMs: null,
    } as const;
    await manager.send('s', { type: 'agent.start', ...start });
    await quiet();
    const actor = manager.find('session:s');
    expect(manager.isRunning('s', runId)).toBe(true);
    await manager.send('s', { type: 'session.terminate', reason: 'requested', cleanup: false });
    await quiet(3);
    for (let passed = 0; passed < tookMs; passed += 500) {
      expect([passed, manager.find('session:s')]).toEqual([passed, actor]);
      await pass(store.clock, 500);
    }
    await quiet();
    expect([manager.find('session:s'), manager.find('context:s'), manager.activeCount]).toEqual([
      undefined,
      undefined,
      0,
    ]);
    expect(statusOf((await manager.read('s')).state)).toBe('terminated');
    await manager.stop();
  });
});

describe('terminating', () => {
  test('twice at once ends the session once, and answers both when it has ended', async () => {
    await using test = await started(() => new Promise(() => {}));
    const calls = [1, 2].map(() => watch(test.client.sessions.terminate(one)));
    await quiet();
    await test.clock.advance(graceMs - 1);
    expect(calls.map(({ outcome }) => outcome)).toEqual(['waiting', 'waiting']);
    await test.clock.advance(1);
    await quiet();
    expect(calls.map(({ outcome }) => outcome)).toEqual(['answered', 'answered']);
    const { items } = await test.client.events.list(one);
    expect(items.filter(({ type }) => type === 'session.terminated').length).toBe(1);
    expect(items.filter(({ type }) => type === 'agent.stopped').length).toBe(1);
  });

  test.each([0, 1, 2, 3, 5, 8, 13, 21])(
    '%i turns after an agent was started leaves none alive',
    async (turns) => {
      const living = new Set<number>();
      await using test = await createTestSystem({
        agents: {
          async agent({ session, signal }: AgentContext) {
            living.add(session.incarnation);
            await whenAborted(signal);
            living.delete(session.incarnation);
          },
        },
      });
      await test.client.sessions.create(one);
      const starting = codeOf(test.client.agents.start({ ...one, agent: 'agent' }));
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      const ending = codeOf(test.client.sessions.terminate(one));
      await quiet();
      expect([await starting, await ending]).toEqual(['answered', 'answered']);
      expect([...living]).toEqual([]);
      expect(test.system.activeSessions).toBe(0);
      expect(
        (await test.client.agents.list(one)).map(({ status, isRunning }) => [status, isRunning]),
      ).toEqual([['stopped', false]]);
    },
  );
});

/** What may happen to a session with agents, in any order and at any time. */
type Move =
  | { readonly type: 'start' | 'pause' | 'resume' | 'hibernate' | 'wake' | 'crash' | 'pulse' | 'say' }
  | { readonly type: 'stop'; readonly run: number }
  | { readonly type: 'pass'; readonly ms: number }
  | { readonly type: 'turns'; readonly turns: number };

const moves = fc.array(
  fc.oneof(
    fc
      .constantFrom(
        ...([
          'start',
          'start',
          'pause',
          'resume',
          'resume',
          'hibernate',
          'wake',
          'crash',
          'pulse',
          'say',
        ] as const),
      )
      .map((type): Move => ({ type })),
    fc.record({ type: fc.constant('stop' as const), run: fc.nat(5) }),
    fc.record({ type: fc.constant('pass' as const), ms: fc.constantFrom(1, 10, 500, 5_000) }),
    fc.record({ type: fc.constant('turns' as const), turns: fc.constantFrom(1, 3, 10) }),
  ),
  { minLength: 5, maxLength: 30, size: 'max' },
);

class Schedule {
  readonly starts: string[] = [];
  readonly #pulses = new Map<string, () => void>();
  readonly #runs: string[] = [];

  readonly agent = async ({ session, signal }: AgentContext): Promise<void> => {
    const name = `${session.runId} ${session.incarnation}`;
    this.starts.push(name);
    while (!signal.aborted) {
      await session.messages.send({ role: 'assistant', content: name }).catch(() => undefined);
      await new Promise<void>((resolve) => {
        this.#pulses.set(name, resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  };

  async run(plan: readonly Move[]): Promise<void> {
    await using test = await createTestSystem({ agents: { agent: this.agent } });
    await test.client.sessions.create(one);
    const calls: Promise<unknown>[] = [];
    for (const move of plan) {
      const asked = this.#do(test, move);
      if (move.type === 'turns' || move.type === 'pass') await asked;
      else calls.push(codeOf(asked));
    }
    await quiet();
    await test.clock.advance(40_000);
    await quiet();
    // What was started again just now, and hangs, has its grace from now on.
    await whileTimePasses(test.clock, Promise.all(calls));
    await test.clock.advance(40_000);
    await this.#judge(test);
    await whileTimePasses(test.clock, test.close());
  }

  async #do({ client, clock, crash }: TestSystem, move: Move): Promise<unknown> {
    switch (move.type) {
      case 'start':
        return client.agents.start({ ...one, agent: 'agent' }).then(({ runId }) => this.#runs.push(runId));
      case 'stop':
        return client.agents.stop({ ...one, runId: this.#runs[move.run] ?? 'none' });
      case 'crash':
        return crash('s');
      case 'pulse':
        for (const pulse of this.#pulses.values()) pulse();
        return undefined;
      case 'say':
        return client.messages.send({ ...one, role: 'user', content: 'hello' });
      case 'pass':
        return clock.advance(move.ms);
      case 'turns':
        return quiet(move.turns);
      default:
        return client.sessions[move.type](one);
    }
  }

  async #judge({ client }: TestSystem): Promise<void> {
    const { status } = await client.sessions.get(one);
    const runs = await client.agents.list(one);
    for (const { runId, status: ofRun, isRunning } of runs)
      expect([runId, isRunning]).toEqual([runId, status === 'active' && ofRun === 'running']);
    expect(this.starts).toEqual([...new Set(this.starts)]);
    const { items } = await client.messages.list({ ...one, limit: 1_000 });
    const latest = new Map<string, number>();
    for (const { content, role } of items) {
      if (role !== 'assistant') continue;
      const [runId = '', incarnation = 0] = String(content).split(' ');
      expect(Number(incarnation)).toBeGreaterThanOrEqual(latest.get(runId) ?? 0);
      latest.set(runId, Number(incarnation));
    }
  }
}

test('whatever happens in whatever order: exactly the open runs of an active session live, each incarnation once', async () => {
  await fc.assert(
    fc.asyncProperty(moves, (plan) => new Schedule().run(plan)),
    { numRuns: 60 },
  );
});
