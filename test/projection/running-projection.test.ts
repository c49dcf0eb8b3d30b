// A projection at work, over a real journal: what it builds from heads, follows, reads again, and replaces.
import { describe, expect, onTestFinished, test } from 'vitest';
import { sha256 } from '../../src/base/hash.ts';
import type { SessionCommand } from '../../src/domain/session/session-commands.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { Follower } from '../../src/entity/follower.ts';
import { positionAt } from '../../src/journal/feed.ts';
import type { HeadDraft, Journal, Version } from '../../src/journal/journal.ts';
import { keys } from '../../src/journal/keys.ts';
import type { LevelJournal } from '../../src/journal/level-journal.ts';
import { createLiveCounts } from '../../src/projection/live-counts.ts';
import { RunningProjection } from '../../src/projection/running-projection.ts';
import { SessionList } from '../../src/projection/session-list.ts';
import { listedStatuses } from '../../src/projection/session-query.ts';
import { type MemoryJournal, memoryJournal } from '../support/memory-journal.ts';
import { errorOf, quiet } from '../support/outcome.ts';
import { SessionLife } from '../support/session-life.ts';
import { message, opening, reason } from '../support/session-states.ts';

const end: readonly SessionCommand[] = [
  { type: 'session.terminate', reason, cleanup: false },
  { type: 'session.finishTermination' },
  { type: 'session.archive', reason },
  { type: 'session.delete', reason },
];

/** As an older version wrote them: without `v` and `entries`. */
function older({ summary, ...draft }: HeadDraft): HeadDraft {
  const { v, entries, ...said } = summary as { [key: string]: never };
  return { ...draft, summary: said };
}

class Desk {
  readonly at: MemoryJournal;
  readonly journal: LevelJournal;
  readonly live = createLiveCounts();
  readonly made: SessionList[] = [];
  readonly #lives = new Map<string, { life: SessionLife; stored: number; version: Version | null }>();
  /** Called back when the feed grows; nobody is told on his own. */
  readonly wakes = new Set<() => void>();
  /** Between the heads of a rebuild. */
  beforeList: () => Promise<void> = async () => {};

  constructor(at: MemoryJournal, journal: LevelJournal) {
    this.at = at;
    this.journal = journal;
  }

  async store(sessionId: string, commands: readonly SessionCommand[], shape = (draft: HeadDraft) => draft) {
    const known = this.#lives.get(sessionId) ?? {
      life: new SessionLife({ sessionId }),
      stored: 0,
      version: null,
    };
    const { life } = known;
    for (const command of commands) life.send(command, this.at.clock.now());
    const drafts = life.steps.slice(known.stored).map(({ event, payload }) => ({ event, payload }));
    const head = shape(sessionLaw.summarize(life.state));
    const appended = await this.journal.append(life.stream, known.version, drafts, { head });
    if (!appended.ok) throw new Error(appended.reason);
    this.#lives.set(sessionId, { life, stored: life.seq, version: appended.head.version });
  }

  async remove(sessionId: string): Promise<void> {
    await this.journal.remove(`session/${sessionId}`, this.#lives.get(sessionId)?.version ?? ('' as Version));
  }

  async snapshot(sessionId: string): Promise<void> {
    const { life } = this.#lives.get(sessionId) ?? { life: new SessionLife() };
    const state = sessionLaw.encode(life.state);
    const { chain } = (await this.journal.head(life.stream)) ?? { chain: '' };
    const lawVersion = sessionLaw.version;
    await this.journal.putSnapshot(life.stream, {
      ...{ seq: life.seq, chain, at: this.at.clock.now(), lawVersion, state, stateHash: sha256(state) },
    });
  }

  /** Loaded: all its heads are there. */
  async running(): Promise<RunningProjection<SessionList>> {
    const running = this.loading();
    await running.caughtUp();
    return running;
  }

  loading(): RunningProjection<SessionList> {
    const { journal, live, wakes } = this;
    const { clock } = this.at;
    const telemetry = (name: string, data: object = {}) =>
      void this.at.reports.push({ name, data: { ...data } });
    const listing: Pick<Journal, 'list' | 'feedEnd'> = {
      list: async (query) => {
        const page = await journal.list(query);
        await this.beforeList();
        return page;
      },
      feedEnd: () => journal.feedEnd(),
    };
    const running = new RunningProjection<SessionList>({
      journal: listing,
      clock,
      telemetry,
      unjournaled: { watch: () => () => {}, peek: () => undefined },
      create: () => {
        const list = new SessionList({ journal, conditions: () => [], live, now: () => clock.now() });
        this.made.push(list);
        return list;
      },
      follow: (following) =>
        new Follower({
          ...{ journal, clock, telemetry, ...following },
          onGrowth: (wake) => {
            wakes.add(wake);
            return () => wakes.delete(wake);
          },
        }),
    });
    onTestFinished(() => running.stop());
    running.begin();
    return running;
  }

  rows(list: SessionList) {
    return list.list({ sort: 'name', limit: 100, status: listedStatuses }, this.at.clock.now()).sessions;
  }
}

async function desk(): Promise<Desk> {
  const at = memoryJournal();
  const journal = await at.open();
  onTestFinished(() => journal.close());
  return new Desk(at, journal);
}

const idsOf = (rows: readonly { readonly sessionId: string }[]): string[] =>
  rows.map(({ sessionId }) => sessionId).sort();

describe('heads of an older version', () => {
  test('hold nothing up: their rows are there at once, say what is not known, and are made good from the stream', async () => {
    const made = await desk();
    await made.store('old', [opening(), message('a'), message('b'), { type: 'file.add', path: 'f' }], older);
    await made.store('new', [opening(), message('a')]);
    const running = await made.running();
    const before = await running.info();
    expect([before.rows, before.incomplete]).toEqual([2, 1]);
    expect(made.made[0]?.get('old')).toMatchObject({ messages: 2, entries: null, name: 'alpha' });
    expect(made.made[0]?.get('new')).toMatchObject({ messages: 1, entries: 1 });
    await quiet();
    expect((await running.info()).incomplete).toBe(0);
    expect(made.made[0]?.get('old')).toMatchObject({ messages: 2, entries: 3, name: 'alpha', seq: 5 });
  });

  test('are read from a snapshot and what lies behind it, when the beginning was trimmed', async () => {
    const made = await desk();
    await made.store('old', [opening(), message('a')]);
    await made.snapshot('old');
    await made.store('old', [message('b')]);
    await made.snapshot('old');
    await made.journal.trim('session/old', 2);
    await made.store('old', [message('c')], older);
    const running = await made.running();
    await quiet();
    expect((await running.info()).incomplete).toBe(0);
    expect(made.made[0]?.get('old')).toMatchObject({ messages: 3, entries: 3, seq: 5, agent: 'planner' });
  });

  test('of a stream that cannot be read stay as they are, and that is reported', async () => {
    const made = await desk();
    await made.store('old', [opening(), message('a')], older);
    await made.store('older', [opening(), message('a')], older);
    const key = (await made.at.disk.data.keys().all()).find((name) => name.startsWith('e!session/old!'));
    await made.at.disk.data.put(key ?? '', 'rot');
    const running = await made.running();
    await quiet();
    expect((await running.info()).incomplete).toBe(1);
    expect(made.made[0]?.get('old')).toMatchObject({ messages: 1, entries: null });
    expect(made.made[0]?.get('older')).toMatchObject({ messages: 1, entries: 1 });
    expect(made.at.reports.filter(({ name }) => name === 'projection.incomplete')).toMatchObject([
      { data: { name: 'sessions', stream: 'session/old' } },
    ]);
  });

  test('whose session moves on while it is read again end where the session is', async () => {
    const made = await desk();
    await made.store('old', [opening(), message('a')], older);
    const running = await made.running();
    await made.store('old', [message('b'), message('c')]);
    await running.caughtUp();
    await quiet();
    expect(made.made[0]?.get('old')).toMatchObject({ messages: 3, entries: 3, seq: 5 });
    expect((await running.info()).incomplete).toBe(0);
  });
});

describe('the first load', () => {
  test('that fails refuses those who wait, is reported, and is begun again after a while', async () => {
    const made = await desk();
    await made.store('s1', [opening()]);
    made.beforeList = () => Promise.reject(new Error('the disk is gone'));
    const running = made.loading();
    await expect(running.caughtUp()).rejects.toThrow('the disk is gone');
    const again = running.caughtUp();
    expect(made.at.reports).toContainEqual({
      name: 'follower.failed',
      data: { name: 'projection sessions', failures: 1, problem: 'the disk is gone' },
    });
    made.beforeList = async () => {};
    await made.at.clock.advance(20);
    expect(idsOf(made.rows(await again))).toEqual(['s1']);
    expect(made.made[0]?.rows).toBe(0);
  });

  test('ends while it waits to begin again, and refuses whoever asks from then on', async () => {
    const made = await desk();
    made.beforeList = () => Promise.reject(new Error('the disk is gone'));
    const running = made.loading();
    await quiet();
    const waiting = errorOf(running.caughtUp());
    await running.stop();
    expect((await waiting).code).toBe('SYSTEM_NOT_SERVING');
    expect((await errorOf(running.caughtUp())).code).toBe('SYSTEM_NOT_SERVING');
    expect((await errorOf(running.rebuild())).code).toBe('SYSTEM_NOT_SERVING');
  });

  test('tells how far it has come, and live counts only what is whole', async () => {
    const made = await desk();
    await made.store('s1', [opening()]);
    let goOn = (): void => {};
    made.beforeList = () => new Promise((resolve) => (goOn = resolve));
    const running = made.loading();
    await made.store('s2', [opening()]);
    await quiet();
    expect(await running.info()).toMatchObject({ loading: true, rows: 0, lag: 1 });
    expect(made.live.getSnapshot().context.revision).toBe(0);
    goOn();
    expect(idsOf(made.rows(await running.caughtUp()))).toEqual(['s1', 's2']);
    expect(await running.info()).toMatchObject({ loading: false, rows: 2, lag: 0 });
    expect(made.live.getSnapshot().context.byStatus).toEqual({ active: 2 });
  });
});

describe('a projection that lags', () => {
  test('learns of a session that was deleted and removed before the feed told of it', async () => {
    const made = await desk();
    await made.store('s1', [opening()]);
    await made.store('s2', [opening()]);
    const running = await made.running();
    await made.store('s1', end);
    await made.remove('s1');
    expect(idsOf(made.rows(await running.caughtUp()))).toEqual(['s2']);
  });

  test('does not guess at events that are damaged in the feed, and takes the head', async () => {
    const made = await desk();
    await made.store('s1', [opening()]);
    const running = await made.running();
    await made.store('s1', [message('a')]);
    const key = (await made.at.disk.data.keys().all()).findLast((name) => name.startsWith('e!session/s1!'));
    await made.at.disk.data.put(key ?? '', 'rot');
    await made.store('s2', [opening()]);
    await made.remove('s2');
    const list = await running.caughtUp();
    expect(list.get('s1')).toMatchObject({ messages: 1, seq: 3 });
  });
});

describe('an entry of the feed that is damaged', () => {
  /** The entry that each of them is told by; whoever follows reads them from the disk. */
  async function entriesOf(made: Desk, ...stores: readonly (() => Promise<void>)[]): Promise<number[]> {
    const at: number[] = [];
    for (const store of stores) {
      await store();
      at.push(positionAt(made.journal.feedEnd()));
    }
    const cleared = `cleared-${at[0]}`;
    await made.store(cleared, [opening(), ...end]);
    await made.remove(cleared);
    return at;
  }

  const rot = (made: Desk, at: number): Promise<void> => made.at.disk.data.put(keys.feed(at), 'rot');

  const skipped = (made: Desk): unknown[] =>
    made.at.reports.filter(({ name }) => name === 'follower.skipped').map(({ data }) => data);

  async function started(): Promise<[Desk, RunningProjection<SessionList>]> {
    const made = await desk();
    for (const id of ['s1', 's2', 's3']) await made.store(id, [opening()]);
    return [made, await made.running()];
  }

  test('is passed and named, and what it told of is taken from the heads, once for all that are damaged', async () => {
    const [made, running] = await started();
    const [first = 0, , ...others] = await entriesOf(
      made,
      () => made.store('s1', [message('a')]),
      () => made.store('s2', [message('a')]),
      () => made.store('s3', end),
      () => made.store('s4', [opening(), message('a'), message('b')]),
      () => made.store('old', [opening(), message('a')], older),
    );
    for (const at of [first, ...others]) await rot(made, at);
    let lists = 0;
    made.beforeList = async () => void lists++;
    expect((await running.info()).lag).toBe(6);
    const list = await running.caughtUp();
    expect(
      made.rows(list).map(({ sessionId, messages, entries, seq }) => [sessionId, messages, entries, seq]),
    ).toEqual(
      expect.arrayContaining([
        ['s1', 1, 1, 3],
        ['s2', 1, 1, 3],
        ['s4', 2, 2, 4],
        ['old', 1, 1, 3],
      ]),
    );
    expect(idsOf(made.rows(list))).toEqual(['old', 's1', 's2', 's4']);
    expect(skipped(made)).toEqual(
      [first, ...others].map((position) => ({
        ...{ name: 'projection sessions', position, problem: expect.stringContaining('checksum') },
      })),
    );
    expect(lists).toBe(1);
    expect(await running.info()).toMatchObject({ lag: 0, incomplete: 0 });
  });

  test('is made good whenever there is one', async () => {
    const [made, running] = await started();
    for (const [messages, text] of ['a', 'b'].entries()) {
      const [at = 0] = await entriesOf(made, () => made.store('s1', [message(text)]));
      await rot(made, at);
      expect((await running.caughtUp()).get('s1')).toMatchObject({ messages: messages + 1 });
    }
    expect(skipped(made)).toHaveLength(2);
  });

  test('is tried again where the heads cannot be read, and nobody is answered before', async () => {
    const [made, running] = await started();
    const [at = 0] = await entriesOf(made, () => made.store('s1', [message('a')]));
    await rot(made, at);
    made.beforeList = () => Promise.reject(new Error('the disk is gone'));
    let answered = false;
    const asked = running.caughtUp().finally(() => {
      answered = true;
    });
    while (!made.at.reports.some(({ name }) => name === 'follower.failed')) await quiet();
    expect(answered).toBe(false);
    made.beforeList = async () => {};
    await made.at.clock.advance(20);
    expect((await asked).get('s1')).toMatchObject({ messages: 1 });
  });

  test('keeps no stop waiting for all heads, and none is told to have failed', async () => {
    const [made, running] = await started();
    const [at = 0] = await entriesOf(made, () => made.store('s1', [message('a')]));
    await rot(made, at);
    let goOn = (): void => {};
    made.beforeList = () => new Promise((resolve) => (goOn = resolve));
    const asked = running.caughtUp();
    await quiet();
    const stopped = running.stop();
    goOn();
    await stopped;
    await asked;
    expect(made.at.reports.filter(({ name }) => name === 'follower.failed')).toEqual([]);
  });
});

test('events with a gap before them make no row by themselves: the session is read again', async () => {
  const made = await desk();
  await made.store('s1', [opening(), message('a'), message('b')]);
  const [entry] = await made.journal.readAll(null);
  const events = entry?.events.slice(-1) ?? [];
  const late = { cursor: made.journal.feedEnd(), events };
  const cut = new SessionList({
    journal: made.journal,
    conditions: () => [],
    live: made.live,
    now: () => 0,
  });
  expect(cut.apply([late])).toEqual(['session/s1']);
  expect(cut.rows).toBe(0);
  await cut.reread('session/s1');
  expect(cut.get('s1')).toMatchObject({ messages: 2, seq: 4, name: 'alpha' });
  expect(cut.apply([late])).toEqual([]);
});

test('a session that was read again while the feed told more of it is read once more', async () => {
  const made = await desk();
  await made.store('s1', [opening()]);
  const before = await made.journal.head('session/s1');
  await made.store('s1', [message('a')]);
  const after = await made.journal.head('session/s1');
  const heads = [before, after];
  const journal = { ...neverRead, head: async () => heads.shift() };
  const list = new SessionList({ journal, conditions: () => [], live: made.live, now: () => 0 });
  list.load(after === undefined ? [] : [after]);
  await list.reread('session/s1');
  expect(list.get('s1')).toMatchObject({ messages: 1, seq: 3 });
  expect(heads).toEqual([]);
});

const neverRead = {
  readFrom: () => Promise.reject(new Error('nothing is to be read')),
  async *snapshots() {},
};

describe('a rebuild', () => {
  test('leaves the old one to answer until the new one knows as much, and then takes its place', async () => {
    const made = await desk();
    await made.store('s1', [opening()]);
    const running = await made.running();
    let goOn = (): void => {};
    made.beforeList = () => new Promise((resolve) => (goOn = resolve));
    const rebuilding = running.rebuild();
    expect(running.rebuild()).toBe(rebuilding);
    await quiet();
    expect((await running.info()).rebuilding).toBe(true);
    await made.store('s2', [opening()]);
    expect(idsOf(made.rows(await running.caughtUp()))).toEqual(['s1', 's2']);
    expect(await running.caughtUp()).toBe(made.made[0]);
    goOn();
    await rebuilding;
    const next = await running.caughtUp();
    expect(next).toBe(made.made[1]);
    expect(idsOf(made.rows(next))).toEqual(['s1', 's2']);
    expect(await running.info()).toMatchObject({ rebuilding: false, rows: 2, lag: 0 });
    expect(made.made[0]?.rows).toBe(0);
    expect(made.wakes.size).toBe(1);
  });

  test('misses nothing that happens between its heads, not even that a session is removed', async () => {
    const made = await desk();
    for (const id of ['s1', 's2', 's3']) await made.store(id, [opening()]);
    const running = await made.running();
    made.beforeList = async () => {
      await made.store('s1', end);
      await made.remove('s1');
      await made.store('s2', [message('a')]);
      await made.store('s4', [opening()]);
    };
    await running.rebuild();
    const rows = made.rows(await running.caughtUp());
    expect(idsOf(rows)).toEqual(['s2', 's3', 's4']);
    expect(rows.find(({ sessionId }) => sessionId === 's2')).toMatchObject({ messages: 1, seq: 3 });
  });

  test('has all rows complete before it answers', async () => {
    const made = await desk();
    await made.store('old', [opening(), message('a')], older);
    const running = await made.running();
    await running.rebuild();
    expect(made.made[1]?.get('old')).toMatchObject({ entries: 1 });
  });

  test('that fails leaves the old one in place, and can be asked for again', async () => {
    const made = await desk();
    await made.store('s1', [opening()]);
    const running = await made.running();
    made.beforeList = () => Promise.reject(new Error('the disk is gone'));
    await expect(running.rebuild()).rejects.toThrow('the disk is gone');
    expect(idsOf(made.rows(await running.caughtUp()))).toEqual(['s1']);
    expect(await running.info()).toMatchObject({ rebuilding: false, rows: 1 });
    made.beforeList = async () => {};
    await running.rebuild();
    expect(await running.caughtUp()).toBe(made.made[2]);
  });

  test('ends with the system, which does not wait for all heads', async () => {
    const made = await desk();
    await made.store('s1', [opening()]);
    const running = await made.running();
    let goOn = (): void => {};
    made.beforeList = () => new Promise((resolve) => (goOn = resolve));
    const refused = errorOf(running.rebuild());
    await quiet();
    const stopped = running.stop();
    goOn();
    await stopped;
    expect((await refused).code).toBe('SYSTEM_NOT_SERVING');
  });

  test('that answers is what the live counts tell of, to whoever subscribed before', async () => {
    const made = await desk();
    await made.store('s1', [opening()]);
    const running = await made.running();
    const told: unknown[] = [];
    const { unsubscribe } = made.live.subscribe(({ context }) => told.push(context.byStatus.active));
    await running.rebuild();
    await made.store('s2', [opening()]);
    await running.caughtUp();
    expect(told.at(-1)).toBe(2);
    unsubscribe();
  });
});

test('live counts tell of each change, of rows alone too, and of what the clock does once somebody asks', async () => {
  const made = await desk();
  const { clock } = made.at;
  await made.store('s1', [opening({ idleAfterMs: 1_000 })]);
  const running = await made.running();
  const told: unknown[] = [];
  made.live.subscribe(({ context }) => told.push({ ...context.byStatus, revision: undefined }));
  const { revision } = made.live.getSnapshot().context;
  await made.store('s1', [message('a')]);
  await running.caughtUp();
  expect(made.live.getSnapshot().context).toMatchObject({ revision: revision + 1, byStatus: { active: 1 } });
  await clock.advance(1_000);
  (await running.caughtUp()).count({}, clock.now());
  expect(told.at(-1)).toMatchObject({ active: 0, idle: 1 });
});

test('when a good part of all sessions falls quiet at once, every order is right afterwards', async () => {
  const made = await desk();
  const { clock } = made.at;
  for (let i = 0; i < 80; i++) await made.store(`s${i}`, [opening({ idleAfterMs: i < 75 ? 1_000 : 9_000 })]);
  const list = await (await made.running()).caughtUp();
  const all = (status: 'active' | 'idle') =>
    (['name', 'updatedAt', 'createdAt'] as const).map((sort) =>
      idsOf(list.list({ sort, limit: 100, status: [status] }, clock.now()).sessions),
    );
  expect(all('active').map(({ length }) => length)).toEqual([80, 80, 80]);
  await clock.advance(1_000);
  expect(all('idle').map(({ length }) => length)).toEqual([75, 75, 75]);
  expect(all('active')).toEqual(Array(3).fill(['s75', 's76', 's77', 's78', 's79']));
});
