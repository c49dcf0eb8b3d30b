// Reads, whatever becomes of the session meanwhile: none goes back, none lacks what was answered or heard before it, and none
// shows what a kill takes away.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };

/** What recovery keeps of a session has numbers of its own. */
const ofOtherStreams = /^(condition|recovery)\./;

const ops = [
  ...([
    'send',
    'send',
    'pause',
    'resume',
    'hibernate',
    'wake',
    'save',
    'restore',
    'agent',
    'stopAgents',
  ] as const),
  ...([
    'crash',
    'crashRoot',
    'other',
    'pass',
    'wait',
    'long',
    'faultBefore',
    'faultAfter',
    'hold',
    'read',
  ] as const),
] as const;
type Op = (typeof ops)[number];

class Reader {
  /** The newest seq that anybody was shown. */
  shown = 0;
  readonly broken: string[] = [];
  readonly #pending = new Set<Promise<void>>();

  show(seq: number): void {
    this.shown = Math.max(this.shown, seq);
  }

  read(test: TestSystem, where: string): void {
    const least = this.shown;
    const reading = Promise.all([
      test.client.sessions.get(one),
      test.client.messages.list({ ...one, limit: 1, newestFirst: true }),
    ]).then(
      ([{ seq }, { items }]) => {
        if (seq < least) this.broken.push(`${where}: ${seq} after ${least}`);
        this.show(Math.max(seq, items[0]?.seq ?? 0));
      },
      () => undefined,
    );
    this.#pending.add(reading);
    void reading.finally(() => this.#pending.delete(reading));
  }

  async settle(): Promise<void> {
    await Promise.all(this.#pending);
  }
}

async function agent({ session, signal }: AgentContext): Promise<void> {
  await session.messages.send({ role: 'assistant', content: 'here' });
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

function act(test: TestSystem, op: Op, reader: Reader): Promise<unknown> | undefined {
  const { client, disk, clock } = test;
  const answered = (call: Promise<{ readonly seq?: number }>): Promise<void> =>
    call.then(
      ({ seq }) => reader.show(seq ?? 0),
      () => undefined,
    );
  const fault = (how: 'before' | 'after'): undefined => {
    const fatal = disk.writes + 1;
    disk.failWrites((write) => (write === fatal ? how : undefined));
  };
  switch (op) {
    case 'send':
      return answered(client.messages.send({ ...one, role: 'user', content: 'x' }));
    case 'pause':
    case 'resume':
    case 'hibernate':
    case 'wake':
    case 'restore':
      return answered(client.sessions[op](one));
    case 'save':
      return client.sessions.save(one).catch(() => undefined);
    case 'agent':
      return answered(client.agents.start({ ...one, agent: 'agent' }));
    case 'stopAgents':
      return client.agents
        .list({ ...one, status: ['running'] })
        .then((runs) => Promise.all(runs.map(({ runId }) => answered(client.agents.stop({ ...one, runId })))))
        .catch(() => undefined);
    case 'other':
      return client.sessions.create({}).catch(() => undefined);
    case 'crash':
    case 'crashRoot':
      try {
        test.crash(one.sessionId, new Error('planned'), op === 'crash' ? 'context' : 'root');
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
      return undefined;
    case 'pass':
      return clock.advance(1);
    case 'wait':
      return clock.advance(50);
    case 'long':
      return clock.advance(10_000);
    case 'faultBefore':
      return fault('before');
    case 'faultAfter':
      return fault('after');
    case 'hold': {
      const held = disk.holdWrites();
      void quiet(4).then(() => held.release());
      return undefined;
    }
    default:
      return quiet(2);
  }
}

test('no read goes back, and none shows what is not durable', async () => {
  const limits = fc.record({
    maxActiveSessions: fc.constantFrom(1, 2, 1_000),
    passivateAfterMs: fc.constantFrom(1, 40, null),
    residentBytes: fc.constantFrom(0, 2 ** 20),
  });
  const steps = fc.array(fc.tuple(fc.constantFrom(...ops), fc.boolean()), { minLength: 5, maxLength: 40 });
  const law = fc.asyncProperty(limits, steps, async (options, plan) => {
    const session = { idleAfterMs: 30, dormantAfterMs: 5_000 };
    await using test = await createTestSystem({ ...options, session, agents: { agent } });
    const reader = new Reader();
    await test.client.sessions.create(one);
    await test.client.events.subscribe(one.sessionId, ({ seq, sessionId, type }) => {
      if (sessionId === one.sessionId && !ofOtherStreams.test(type)) reader.show(seq ?? 0);
      reader.read(test, `hearing ${type}`);
    });
    const acts: (Promise<unknown> | undefined)[] = [];
    for (const [op, waits] of plan) {
      const acting = act(test, op, reader);
      reader.read(test, op);
      acts.push(acting);
      if (waits) await Promise.race([acting, quiet(3)]);
      reader.read(test, `after ${op}`);
    }
    await quiet(5);
    test.disk.heal();
    await test.clock.advance(20_000);
    await reader.settle();
    expect(reader.broken).toEqual([]);
    await test.restart('kill');
    const { seq } = await test.client.sessions.get(one);
    expect(seq).toBeGreaterThanOrEqual(reader.shown);
  });
  const lost = ['faultAfter', 'send', 'send', 'other', 'send', 'send'] as const;
  const tight = { maxActiveSessions: 1, passivateAfterMs: 1, residentBytes: 2 ** 20 } as const;
  // One that was passivated while it was being read back.
  await fc.assert(law, { numRuns: 80, examples: [[tight, lost.map((op): [Op, boolean] => [op, false])]] });
}, 120_000);
