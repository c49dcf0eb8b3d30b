// What an inbox costs: it goes through what is for it, and behind a restart it reads the sessions that have something open.
import { expect, onTestFinished, test } from 'vitest';
import { EntityHost } from '../../src/collaboration/entity-host.ts';
import { HandoffNotes, type NoteLevel } from '../../src/collaboration/handoffs/handoff-notes.ts';
import { Handoffs } from '../../src/collaboration/handoffs/handoffs.ts';
import { OpenOffers } from '../../src/collaboration/handoffs/open-offers.ts';
import { type Handoff, noOwnership } from '../../src/domain/handoff/handoff.ts';
import type { SessionCommand } from '../../src/domain/session/session-commands.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import type { SessionState } from '../../src/domain/session/session-state.ts';
import type { Announcement } from '../../src/entity/announcement.ts';
import { LocalPubSub } from '../../src/pubsub/local-pubsub.ts';
import { createTestSystem } from '../../src/testing/index.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf } from '../support/outcome.ts';
import { opening } from '../support/session-states.ts';

const desk = { sessionId: 'desk' };
const offering = (number: number) => ({ sessionId: `s-${number}` });

/** So many sessions offered themselves to the desk; the even ones have withdrawn it. */
async function world(offers: number) {
  const system = await createTestSystem();
  onTestFinished(() => system.close());
  const { sessions, handoffs } = system.client;
  for (const sessionId of ['desk', 'empty']) await sessions.create({ sessionId });
  for (let number = 0; number < offers; number++) {
    await sessions.create(offering(number));
    const asked = { ...offering(number), to: desk, kind: 'context_transfer' } as const;
    const { handoffId } = await handoffs.offer(asked);
    if (number % 2 === 0) await handoffs.withdraw({ ...offering(number), handoffId });
  }
  return system;
}

type World = Awaited<ReturnType<typeof world>>;

const waiting = async ({ client }: World): Promise<readonly string[]> =>
  (await client.handoffs.inbox({ ...desk, limit: 1_000 })).map(({ sessionId }) => sessionId);

test('an inbox behind a restart has what is on offer; lists have all that ever was', async () => {
  const system = await world(8);
  const open = ['s-1', 's-3', 's-5', 's-7'];
  expect(await waiting(system)).toEqual(open);
  await system.restart();
  expect(await system.client.handoffs.inbox({ sessionId: 'empty' })).toEqual([]);
  expect(await waiting(system)).toEqual(open);
  const { total, items } = await system.client.handoffs.list({ limit: 10 });
  expect([total, items.filter(({ status }) => status === 'withdrawn').length]).toEqual([8, 4]);
});

test('whatever dies, an inbox has what is on offer by then: again, for the first time, and not any more', async () => {
  const system = await world(4);
  await system.restart();
  const { handoffs } = system.client;
  const asked = { ...offering(0), to: desk, kind: 'context_transfer' } as const;
  await handoffs.offer(asked);
  await handoffs.reject({
    ...desk,
    handoffId: (await handoffs.list({ from: 's-1' })).items[0]?.handoffId ?? '',
    reason: 'busy',
  });
  await system.restart('kill');
  expect((await waiting(system)).toSorted()).toEqual(['s-0', 's-3']);
  await system.restart('kill');
  expect((await waiting(system)).toSorted()).toEqual(['s-0', 's-3']);
});

test('several who look at once behind a restart see the same', async () => {
  const system = await world(6);
  await system.restart();
  const seen = await Promise.all([waiting(system), waiting(system), waiting(system)]);
  expect(seen).toEqual(Array.from({ length: 3 }, () => ['s-1', 's-3', 's-5']));
});

/** Sessions, and one part of handoffs after the other over them: each says whom it has read. */
async function host() {
  const memory = memoryJournal();
  const journal = await memory.open();
  const pubsub = new LocalPubSub<Announcement>(() => {});
  const ports = { journal, clock: memory.clock, telemetry: () => {} };
  const sessions = new EntityHost<SessionState, SessionCommand>({
    ...{ ...ports, law: sessionLaw, mailboxSize: 10 },
    tell: (_, durable) => pubsub.publish('all', { durable }),
  });
  onTestFinished(async () => {
    await sessions.close();
    await journal.close();
  });
  const start = async () => {
    const reads: string[] = [];
    const handoffs = new Handoffs({
      ...{ ...ports, pubsub, topic: 'all', onGrowth: () => () => {}, end: async () => {} },
      send: (sessionId, command, meta) => sessions.send(sessionId, command, meta),
      read: (sessionId) => {
        reads.push(sessionId);
        return sessions.read(sessionId);
      },
    });
    const { stop } = await handoffs.start();
    const { handlers } = handoffs;
    const inbox = (sessionId: string) => handlers['handoffs.inbox']({ sessionId, limit: 1_000 }, {});
    return { reads, stop, handlers, inbox };
  };
  return { sessions, start };
}

test('a process reads for an inbox the sessions that have something on offer, once, however many ever had', async () => {
  const { sessions, start } = await host();
  const first = await start();
  for (const sessionId of ['desk', 'empty']) await sessions.send(sessionId, opening());
  for (let number = 0; number < 20; number++) {
    const { sessionId } = offering(number);
    await sessions.send(sessionId, opening());
    const asked = { sessionId, to: desk, kind: 'context_transfer', deadlineMs: 1_000 } as const;
    const { handoffId } = await first.handlers['handoffs.offer'](asked, {});
    if (number > 1) await first.handlers['handoffs.withdraw']({ sessionId, handoffId, reason: 'no' }, {});
  }
  await first.stop();
  const second = await start();
  expect(second.reads).toEqual([]);
  expect(await second.inbox('desk')).toHaveLength(2);
  expect(second.reads).toEqual(['desk', 's-0', 's-1']);
  expect(await second.inbox('empty')).toEqual([]);
  expect(second.reads).toEqual(['desk', 's-0', 's-1', 'empty']);
  expect(await second.handlers['handoffs.list']({ limit: 100 }, {})).toMatchObject({ total: 20 });
  await second.stop();
});

test('what is for others is not looked at', () => {
  const offers = new OpenOffers();
  let looks = 0;
  const offerTo = (sessionId: string | null, agent: string | null, handoffId: string): Handoff => {
    const to = { sessionId, agent };
    const handoff = { handoffId, status: 'pending' } as Handoff;
    return Object.defineProperty(handoff, 'to', {
      get: () => {
        looks += 1;
        return to;
      },
    });
  };
  for (let number = 0; number < 50; number++)
    offers.replace(undefined, { ...noOwnership, offer: offerTo('desk', null, `s-${number}/2`) });
  const toAgents = { ...noOwnership, offer: offerTo(null, 'human', 'x/2') };
  offers.replace(undefined, toAgents);
  looks = 0;
  expect(offers.for('empty', 'human').map(({ handoffId }) => handoffId)).toEqual(['x/2']);
  expect([offers.for('x', 'human'), offers.for('empty', null), looks]).toEqual([[], [], 0]);
  offers.replace(toAgents, noOwnership);
  expect(offers.for('empty', 'human')).toEqual([]);
  expect(offers.for('desk', null)).toHaveLength(50);
});

test('a note never says too little: not while something is under way, nor when that may have been done', async () => {
  const memory = memoryJournal();
  const journal = await memory.open();
  onTestFinished(() => journal.close());
  const levels = new Map<string, NoteLevel>();
  const options = { kv: journal.kv, levelOf: (sessionId: string) => levels.get(sessionId) };
  const notes = new HandoffNotes(options);
  const stored = async () => {
    await notes.flush();
    const next = new HandoffNotes(options);
    await next.load();
    return Object.fromEntries(next);
  };
  levels.set('a', 'settled');
  await notes.during('a', 'offered', async () => {
    notes.consider('a');
    expect(await stored()).toEqual({ a: 'offered' });
    levels.set('a', 'offered');
  });
  expect(await stored()).toEqual({ a: 'offered' });
  levels.set('a', 'settled');
  notes.consider('a');
  expect(await stored()).toEqual({ a: 'settled' });
  expect(await codeOf(notes.during('a', 'accepted', () => Promise.reject(new Error('who knows'))))).toContain(
    'who knows',
  );
  notes.consider('a');
  expect(await stored()).toEqual({ a: 'accepted' });
  await notes.forget('a');
  expect(await stored()).toEqual({});
});

test('a session that was noted before there were levels is read once', async () => {
  const memory = memoryJournal();
  const journal = await memory.open();
  onTestFinished(() => journal.close());
  await journal.kv.batch([{ key: 'handoffs/of/old', value: true }]);
  const notes = new HandoffNotes({ kv: journal.kv, levelOf: () => 'settled' });
  await notes.load();
  expect([...notes]).toEqual([['old', 'accepted']]);
  notes.consider('old');
  await notes.flush();
  expect(await journal.kv.keys('handoffs/')).toEqual(['handoffs/settled/old']);
});
