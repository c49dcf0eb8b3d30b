// The relay carries out what the feed tells in lanes: a slow one holds up itself alone, and what was not done is done by the next process.
import fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import { Relay } from '../../src/collaboration/links/relay.ts';
import { SessionLinks } from '../../src/collaboration/links/session-links.ts';
import type { Journal, StoredEvent } from '../../src/journal/journal.ts';
import { keys } from '../../src/journal/keys.ts';
import { LocalPubSub } from '../../src/pubsub/local-pubsub.ts';
import type { AgentDefinitions } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem } from '../../src/testing/index.ts';
import { add, linesOf, openLedger } from '../support/ledger.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { quiet, watch } from '../support/outcome.ts';

/** Lines are `lane:what`; those of a lane that is held wait. */
async function world() {
  const store = memoryJournal();
  const journal: Journal = await store.open();
  const wakers = new Set<() => void>();
  const { entity } = await openLedger(store, journal, {
    tell: () => {
      for (const wake of wakers) wake();
    },
  });
  const done: string[] = [];
  const held = new Map<string, Promise<void>>();
  const failing = new Map<string, Error>();
  const hold = (lane: string): (() => void) => {
    let release = (): void => {};
    held.set(lane, new Promise((resolve) => (release = resolve)));
    return release;
  };
  const on = (event: StoredEvent) => {
    const [line = ''] = linesOf([event]);
    const [lane = ''] = line.split(':');
    const run = async (): Promise<void> => {
      await held.get(lane);
      const failure = failing.get(lane);
      if (failure !== undefined) throw failure;
      done.push(line);
    };
    return { lane, run };
  };
  const relay = (): Relay =>
    new Relay({
      ...{ journal, clock: store.clock, routes: [{ on }] },
      telemetry: (name, data = {}) => store.reports.push({ name, data }),
      onGrowth: (wake) => {
        wakers.add(wake);
        return () => wakers.delete(wake);
      },
    });
  const tell = (...lines: string[]) => Promise.all(lines.map((line) => entity.send(add(line))));
  onTestFinished(() => journal.close());
  return { ...store, journal, done, hold, held, failing, relay, tell };
}

describe('the relay', () => {
  test('goes on with other lanes while one is slow, each in its order', async () => {
    const { relay, tell, hold, done } = await world();
    const one = relay();
    await one.begin();
    const release = hold('slow');
    await tell('slow:1', 'a:1');
    await quiet();
    await tell('slow:2', 'a:2', 'b:1');
    await one.catchUp((lane) => lane !== 'slow');
    expect(done).toEqual(['a:1', 'a:2', 'b:1']);
    const all = watch(one.catchUp());
    await quiet();
    expect(all.outcome).toBe('waiting');
    release();
    await quiet();
    expect(all.outcome).toBe('answered');
    expect(done.slice(3)).toEqual(['slow:1', 'slow:2']);
    await one.stop();
  });

  test('waits for one moment to note again how far it has come, however much is done meanwhile', async () => {
    const { relay, tell, journal, clock, done } = await world();
    const one = relay();
    await one.begin();
    const before = clock.pending;
    const noted = vi.spyOn(journal.kv, 'batch').mockRejectedValue(new Error('the disk is full'));
    onTestFinished(() => noted.mockRestore());
    for (const line of ['a:1', 'a:2', 'a:3', 'a:4']) {
      await tell(line);
      await one.catchUp();
      await quiet();
    }
    expect([done.length, noted.mock.calls.length]).toEqual([4, 4]);
    expect(clock.pending - before).toBe(1);
    await one.stop();
    expect(clock.pending).toBe(before);
  });

  test('stops without waiting for a slow lane, and the next one does again what lies behind its oldest job', async () => {
    const { relay, tell, hold, held, done } = await world();
    const one = relay();
    await one.begin();
    const release = hold('slow');
    await tell('a:1');
    await one.catchUp();
    await tell('slow:1');
    await tell('a:2', 'slow:2');
    await quiet();
    const left = watch(one.catchUp());
    await one.stop();
    await quiet();
    expect(left.outcome).toBe('answered');
    expect(done).toEqual(['a:1', 'a:2']);
    held.delete('slow');
    release();
    await quiet();
    const two = relay();
    await two.start();
    await two.catchUp();
    // The job that was being done when it stopped has ended meanwhile, and counts as not done.
    expect(done).toEqual(['a:1', 'a:2', 'slow:1', 'slow:1', 'a:2', 'slow:2']);
    await two.stop();
    const three = relay();
    await three.start();
    await three.catchUp();
    expect(done.length).toBe(6);
    await three.stop();
  });

  test('whose position is damaged tells all there is once more, and keeps nobody from being served', async () => {
    const { relay, tell, done, disk, reports } = await world();
    const one = relay();
    await one.begin();
    await tell('a:1');
    await one.catchUp();
    await one.stop();
    await disk.data.put(keys.kv('relay/position'), 'rot');
    const two = relay();
    await two.start();
    await two.catchUp();
    await two.stop();
    expect(done).toEqual(['a:1', 'a:1']);
    expect(reports.find(({ name }) => name === 'follower.failed')?.data).toMatchObject({ name: 'relay' });
  });

  test('tries again in its place what failed for a while, and others go on', async () => {
    const { relay, tell, failing, done, clock, reports } = await world();
    const one = relay();
    await one.begin();
    failing.set('ill', new Error('for a while'));
    failing.set('no', new HoldfastError('SESSION_NOT_FOUND', { sessionId: 'x' }));
    await tell('ill:1', 'no:1');
    await tell('ill:2', 'a:1');
    await one.catchUp((lane) => lane !== 'ill');
    expect(done).toEqual(['a:1']);
    expect(reports.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['relay.refused', 'follower.failed']),
    );
    failing.clear();
    await clock.advance(20);
    await one.catchUp();
    expect(done).toEqual(['a:1', 'ill:1', 'ill:2']);
    await one.stop();
  });

  test('one lane holds up no other, however much there is in it, and has all of it done once and in order', async () => {
    const { relay, tell, hold, done, journal } = await world();
    const one = relay();
    await one.begin();
    const release = hold('slow');
    const lines = Array.from({ length: 1_500 }, (_, i) => `slow:${i}`);
    for (let n = 0; n < 15; n++) await tell(...lines.slice(n * 100, n * 100 + 100));
    await tell('a:1', 'slow:last');
    await one.catchUp((lane) => lane === 'a');
    expect(done).toEqual(['a:1']);
    const all = watch(one.catchUp());
    await quiet();
    expect(all.outcome).toBe('waiting');
    release();
    await one.catchUp();
    await quiet();
    expect(all.outcome).toBe('answered');
    expect(done).toEqual(['a:1', ...lines, 'slow:last']);
    await tell('slow:more');
    await one.catchUp();
    expect(done.at(-1)).toBe('slow:more');
    await one.stop();
    expect(await journal.kv.get('relay/position')).toBe(journal.feedEnd());
  });

  test('many lanes that are deaf together hold up the others for five seconds at the most', async () => {
    const { relay, tell, hold, done, clock } = await world();
    const one = relay();
    await one.begin();
    const deaf = Array.from({ length: 60 }, (_, i) => `deaf${i}`);
    const releases = deaf.map(hold);
    for (let n = 0; n < 20; n++) await tell(...deaf.map((lane) => `${lane}:${n}`));
    await tell('a:1');
    const heard = watch(one.catchUp((lane) => lane === 'a'));
    await quiet(50);
    expect(heard.outcome).toBe('waiting');
    await clock.advance(5_000);
    await quiet(50);
    expect([heard.outcome, done]).toEqual(['answered', ['a:1']]);
    for (const release of releases) release();
    await one.catchUp();
    for (const lane of deaf)
      expect(done.filter((line) => line.startsWith(`${lane}:`))).toEqual(
        Array.from({ length: 20 }, (_, n) => `${lane}:${n}`),
      );
    await one.stop();
  });

  test('what a deaf lane has given up the next process does, and nothing is left out', async () => {
    const { relay, tell, hold, held, done } = await world();
    const one = relay();
    await one.begin();
    hold('slow');
    const lines = Array.from({ length: 400 }, (_, i) => `slow:${i}`);
    for (let n = 0; n < 4; n++) await tell(...lines.slice(n * 100, n * 100 + 100));
    await tell('a:1');
    await one.catchUp((lane) => lane === 'a');
    await one.stop();
    held.clear();
    const two = relay();
    await two.start();
    await two.catchUp();
    await two.stop();
    // What it was at when it gave up is done once more, where it came with others.
    const carried = done.filter((line) => line.startsWith('slow'));
    expect([...new Set(carried)]).toEqual(lines);
    expect(carried.length).toBeLessThanOrEqual(lines.length + 1);
  });
});

test('whatever lanes are deaf for how long, over restarts too, each has all of its lines, in their order', async () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ lane: fc.integer({ min: 0, max: 3 }), lines: fc.integer({ min: 1, max: 400 }) }),
    },
    { weight: 2, arbitrary: fc.record({ hold: fc.integer({ min: 0, max: 3 }) }) },
    { weight: 2, arbitrary: fc.record({ release: fc.integer({ min: 0, max: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ passMs: fc.integer({ min: 1, max: 10_000 }) }) },
    { weight: 1, arbitrary: fc.constant({ restart: true }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const { relay, tell, hold, held, done, clock, journal } = await world();
      const releases = new Map<string, () => void>();
      const told: string[][] = [[], [], [], []];
      let running = relay();
      await running.begin();
      const letGo = (name: string): void => {
        releases.get(name)?.();
        releases.delete(name);
        held.delete(name);
      };
      for (const one of steps) {
        if ('lines' in one) {
          const before = told[one.lane]?.length ?? 0;
          const lines = Array.from({ length: one.lines }, (_, n) => `lane${one.lane}:${before + n}`);
          told[one.lane]?.push(...lines);
          for (let n = 0; n < lines.length; n += 60) await tell(...lines.slice(n, n + 60));
        } else if ('hold' in one) {
          const name = `lane${one.hold}`;
          if (!releases.has(name)) releases.set(name, hold(name));
        } else if ('release' in one) letGo(`lane${one.release}`);
        else if ('passMs' in one) await clock.advance(one.passMs);
        else {
          await running.stop();
          running = relay();
          await running.start();
        }
        await quiet(3);
      }
      for (const name of [...releases.keys()]) letGo(name);
      await running.catchUp();
      await running.stop();
      for (const [lane, lines] of told.entries())
        expect([...new Set(done.filter((line) => line.startsWith(`lane${lane}:`)))]).toEqual(lines);
      const isTold = told.some((lines) => lines.length > 0);
      if (isTold) expect(await journal.kv.get('relay/position')).toBe(journal.feedEnd());
    }),
    { numRuns: 25, seed: 3 },
  );
});

test('an agent that hears nothing holds up the mail and the trees of no other session', async () => {
  const agents: AgentDefinitions = { deaf: () => new Promise(() => {}) };
  await using system = await createTestSystem({ agents });
  const { sessions, trees, mail, agents: runs } = system.client;
  for (const sessionId of ['parent', 'a', 'b', 'top']) await sessions.create({ sessionId });
  await trees.open({ sessionId: 'parent', childId: 'slow', link: 'terminate' });
  await trees.open({ sessionId: 'top', childId: 'low', link: 'terminate' });
  await runs.start({ sessionId: 'slow', agent: 'deaf' });
  await sessions.terminate({ sessionId: 'parent' });
  await quiet(50);
  expect((await sessions.get({ sessionId: 'slow' })).status).toBe('terminating');
  await mail.send({ sessionId: 'a', to: 'b', name: 'note', payload: 1 });
  await sessions.terminate({ sessionId: 'top' });
  const cancelling = watch(trees.cancel({ sessionId: 'a' }));
  await quiet(100);
  expect((await mail.inbox({ sessionId: 'b' })).length).toBe(1);
  expect((await sessions.get({ sessionId: 'low' })).status).toBe('terminated');
  expect(cancelling.outcome).toBe('answered');
  expect((await sessions.get({ sessionId: 'slow' })).status).toBe('terminating');
  await system.clock.advance(6_000);
  await quiet(50);
  expect((await sessions.get({ sessionId: 'slow' })).status).toBe('terminated');
});

test('what a kill repeats changes nothing of a life that was begun since', async () => {
  const agents: AgentDefinitions = { deaf: () => new Promise(() => {}) };
  await using system = await createTestSystem({ agents });
  const { client } = system;
  for (const sessionId of ['parent', 'top', 'base']) await client.sessions.create({ sessionId });
  await client.trees.open({ sessionId: 'parent', childId: 'slow', link: 'terminate' });
  await client.trees.open({ sessionId: 'base', childId: 'mid', link: 'return' });
  await client.trees.open({ sessionId: 'mid', childId: 'low', link: 'return' });
  await client.agents.start({ sessionId: 'slow', agent: 'deaf' });
  await client.sessions.save({ sessionId: 'top' });
  await quiet(50);
  // From here on the position stands.
  await client.sessions.terminate({ sessionId: 'parent' });
  await client.trees.open({ sessionId: 'mid', childId: 'last', link: 'return' });
  await client.sessions.terminate({ sessionId: 'mid', cleanup: true });
  await quiet(50);
  await client.sessions.terminate({ sessionId: 'top' });
  await quiet(50);
  await client.sessions.restore({ sessionId: 'top' });
  await quiet(50);
  await client.trees.open({ sessionId: 'top', childId: 'new', link: 'terminate' });
  const places = () =>
    Promise.all(
      ['top', 'new', 'last', 'low'].map(async (sessionId) => {
        const { endedAt, parentSessionId } = await system.client.trees.get({ sessionId });
        const { status } = await system.client.sessions.get({ sessionId });
        return [sessionId, status, endedAt, parentSessionId];
      }),
    );
  const before = await places();
  expect(before.map(([, status]) => status)).toEqual(['active', 'active', 'active', 'active']);
  const ends = async () => (await system.client.trees.get({ sessionId: 'top' })).children;
  const children = await ends();
  await system.restart('kill');
  await quiet(100);
  await system.clock.advance(6_000);
  await quiet(100);
  expect((await system.client.sessions.get({ sessionId: 'slow' })).status).toBe('terminated');
  expect(await places()).toEqual(before);
  expect(await ends()).toEqual(children);
});

/** Mail between sessions whose state is asked for one by one. */
async function links() {
  const { clock, open } = memoryJournal();
  const journal: Journal = await open();
  const asked = new Map<string, Promise<void>>();
  const telemetry = (): void => {};
  const made = new SessionLinks({
    ...{ journal, clock, telemetry, pubsub: new LocalPubSub(telemetry), topic: 'all', mailboxSize: 100 },
    newId: () => 'id',
    session: async (sessionId) => {
      await asked.get(sessionId);
      if (sessionId === 'nobody') throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
      return { status: 'active', durability: 'fsync', tree: undefined, parentSessionId: null };
    },
    invoke: async () => ({}) as never,
  });
  const service = await made.start();
  onTestFinished(async () => {
    await service.stop();
    await journal.close();
  });
  const { handlers } = made;
  const send = (to: string) =>
    handlers['mail.send']({ sessionId: 'a', to, name: 'note', payload: to }, { operationId: to });
  return { made, handlers, asked, clock, send };
}

describe('mail', () => {
  test('of a session that is deleted is sent on, however long that takes', async () => {
    const { made, handlers, asked, clock, send } = await links();
    let release = (): void => {};
    asked.set('b', new Promise((resolve) => (release = resolve)));
    await send('b');
    await send('c');
    const forgetting = watch(made.forget('a'));
    await quiet();
    expect(forgetting.outcome).toBe('waiting');
    await clock.advance(6_000);
    expect(forgetting.outcome).toBe('answered');
    release();
    await quiet(50);
    asked.clear();
    const [letter] = await handlers['mail.inbox']({ sessionId: 'b' }, {});
    expect(letter).toMatchObject({ from: 'a' });
  });

  test('of more than a thousand letters to one who takes none keeps none from the others, and arrives', async () => {
    const { handlers, asked, send } = await links();
    let release = (): void => {};
    asked.set('b', new Promise((resolve) => (release = resolve)));
    const letters = Array.from({ length: 1_100 }, (_, n) => n);
    for (const n of letters) {
      const letter = { sessionId: 'a', to: 'b', name: 'note', payload: n };
      await handlers['mail.send'](letter, { operationId: `b${n}` });
    }
    await send('c');
    await quiet(50);
    expect((await handlers['mail.inbox']({ sessionId: 'c' }, {})).length).toBe(1);
    release();
    const taken: unknown[] = [];
    for (const _ of letters) taken.push((await handlers['mail.receive']({ sessionId: 'b' }, {}))?.payload);
    expect(taken).toEqual(letters);
  });

  test('that comes back does so whichever lane is the first', async () => {
    const { handlers, asked, send } = await links();
    let release = (): void => {};
    asked.set(
      'x',
      new Promise<void>((resolve) => (release = resolve)).then(() => {
        throw new HoldfastError('SESSION_NOT_FOUND', { sessionId: 'x' });
      }),
    );
    await send('x');
    await send('nobody');
    await quiet(50);
    release();
    await quiet(50);
    const dead = await handlers['mail.deadLetters']({ sessionId: 'a' }, {});
    expect(dead.map(({ to }) => to)).toEqual(['nobody', 'x']);
  });
});
