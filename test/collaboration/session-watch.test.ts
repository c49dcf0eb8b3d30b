// The watch over sessions: whoever ends is seen to until that is done, unless it is back by then.
import { expect, onTestFinished, test } from 'vitest';
import { SessionWatch } from '../../src/collaboration/session-watch.ts';
import type { Head, StoredEvent } from '../../src/journal/journal.ts';
import { LocalPubSub } from '../../src/pubsub/local-pubsub.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { quiet } from '../support/outcome.ts';

const set: StoredEvent = {
  ...{ stream: 'condition/a', seq: 1, at: 0, type: 'condition.set', typeVersion: 1, meta: {} },
  data: { condition: 'quarantined' },
};

test.each([
  ['is quarantined still', true, 2],
  ['is back', false, 1],
])('a session that could not be seen to and %s by the next try', async (_, isQuarantined, tries) => {
  const clock = manualClock();
  const pubsub = new LocalPubSub<{ readonly durable: readonly StoredEvent[] }>(() => {});
  let tried = 0;
  const watch = new SessionWatch({
    ...{ pubsub, clock, topic: 'all', telemetry: () => {} },
    journal: { head: async () => ({ status: 'active' }) as Head },
    isQuarantined: () => isQuarantined,
    ended: async () => {
      if (++tried === 1) throw new Error('not now');
    },
    ...{ concerns: () => true, rests: async () => {}, seen: () => {}, tasks: () => {} },
  });
  onTestFinished(() => watch.close());
  watch.listen();
  pubsub.publish('all', { durable: [set] });
  await quiet();
  await clock.advance(60_000);
  await quiet();
  expect(tried).toBe(tries);
});

/** The session changes its status, one event after the other; what of its rest is seen to, with so many first tries that fail. */
async function rested(statuses: readonly string[], failures: number): Promise<boolean[]> {
  const clock = manualClock();
  const pubsub = new LocalPubSub<{ readonly durable: readonly StoredEvent[] }>(() => {});
  const seenTo: boolean[] = [];
  let tried = 0;
  const watch = new SessionWatch({
    ...{ pubsub, clock, topic: 'all', telemetry: () => {} },
    journal: { head: async () => ({ status: 'active' }) as Head },
    ...{ isQuarantined: () => false, ended: async () => {} },
    rests: async (_, isResting) => {
      if (++tried <= failures) throw new Error('not now');
      seenTo.push(isResting);
    },
    ...{ concerns: () => true, seen: () => {}, tasks: () => {} },
  });
  onTestFinished(() => watch.close());
  watch.listen();
  for (const [i, to] of statuses.entries())
    pubsub.publish('all', {
      durable: [{ ...set, stream: 'session/a', seq: i + 1, type: 'session.statusChanged', data: { to } }],
    });
  await quiet();
  await clock.advance(60_000);
  await quiet();
  return seenTo;
}

test.each<[string, string[], number, boolean[]]>([
  ['the newest', ['paused', 'active'], 1, [false]],
  ['the newest, when none was at first', ['paused', 'active'], 2, [false]],
  ['the only one', ['paused'], 1, [true]],
  ['nothing of one that has ended since', ['paused', 'terminated'], 1, []],
])('of what could not be told of a rest in time %s is told', async (_, statuses, failures, told) => {
  expect(await rested(statuses, failures)).toEqual(told);
});
