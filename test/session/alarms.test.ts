// What falls due while somebody works on what is stored of a session waits for its turn: nobody is started beside the work.
import { expect, test } from 'vitest';
import { defaultSessionConfig } from '../../src/domain/session/session-config.ts';
import { statusOf } from '../../src/domain/session/session-state.ts';
import type { Announcement } from '../../src/entity/announcement.ts';
import { LocalPubSub } from '../../src/pubsub/local-pubsub.ts';
import { SessionActor } from '../../src/session/session-actor.ts';
import { SessionManager } from '../../src/session/session-manager.ts';
import { managerOptions } from '../support/manager-options.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { quiet } from '../support/outcome.ts';

const config = { ...defaultSessionConfig, idleAfterMs: null, dormantAfterMs: null, endAfterMs: 10_000 };
const none = { name: null, agent: null, metadata: {}, llmConfig: {}, parentSessionId: null };

async function setUp() {
  const { open, clock } = memoryJournal();
  const journal = await open();
  const telemetry = (): void => {};
  const starts: string[] = [];
  const manager = new SessionManager({
    ...(await managerOptions({ journal, clock, telemetry })),
    pubsub: new LocalPubSub<Announcement>(telemetry),
    startActor(options, start) {
      starts.push(start.sessionId);
      return SessionActor.start(options, start);
    },
  });
  manager.serve();
  const { seq, durability } = await manager.create('s', { ...none, config }, {});
  return { manager, clock, journal, starts, answer: { seq, durability } };
}

test('a session whose time is up while it is worked on is woken behind the work, and ends', async () => {
  const { manager, clock, journal, starts, answer } = await setUp();
  let finish = (): void => {};
  const work = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const done: string[] = [];
  const job = async (): Promise<typeof answer> => {
    await work;
    done.push(...starts);
    return answer;
  };
  const rewritten = manager.rewrite('s', job, async () => undefined, {});
  await quiet();
  await clock.advance(15_000);
  await quiet();
  expect([starts, manager.activeCount]).toEqual([['s'], 0]);
  finish();
  await rewritten;
  await quiet();
  expect([done, starts]).toEqual([['s'], ['s', 's']]);
  await clock.advance(60_000);
  await quiet();
  expect(statusOf((await manager.read('s')).state)).toBe('terminated');
  await manager.stop();
  await journal.close();
});

test('one that a command has started meanwhile is woken as it is, and not started twice', async () => {
  const { manager, clock, journal, starts, answer } = await setUp();
  let finish = (): void => {};
  const work = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const rewritten = manager.rewrite(
    's',
    () => work.then(() => answer),
    async () => undefined,
    {},
  );
  const sent = manager.send('s', { type: 'memory.set', key: 'k', value: 1 }).catch(() => undefined);
  await quiet();
  await clock.advance(15_000);
  finish();
  await Promise.all([rewritten, sent]);
  await quiet();
  expect(starts).toEqual(['s', 's']);
  await clock.advance(60_000);
  await quiet();
  expect(statusOf((await manager.read('s')).state)).toBe('terminated');
  await manager.stop();
  await journal.close();
});
