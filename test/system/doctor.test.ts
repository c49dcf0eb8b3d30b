// Before another version serves a store: which sessions load, which differ, which cannot, and which agents are missing. Looking changes
// nothing, and a store that should not be served is not.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystem, doctor, migrateStore, type SystemOptions } from 'holdfast';
import { manualClock } from 'holdfast/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/hash.ts';
import { sessionLaw, sessionStream } from '../../src/domain/session/session-law.ts';
import type { Snapshot } from '../../src/journal/journal.ts';
import { keys } from '../../src/journal/keys.ts';
import type { LevelJournal } from '../../src/journal/level-journal.ts';
import { openLevelJournal } from '../../src/journal/open-level-journal.ts';
import { ownVersions } from '../../src/system/store-laws.ts';
import { codeOf, errorOf } from '../support/outcome.ts';

let base: string;
let location: string;
const clock = manualClock();
const agents = { waiting: () => new Promise(() => {}) };

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'holdfast-doctor-test-'));
  location = join(base, 'store');
});
afterEach(() => rm(base, { recursive: true, force: true }));

const start = (options: Partial<SystemOptions> = {}) =>
  createSystem({ location, clock, agents, scrubEveryMs: 0, reserveBytes: 0, ...options });

/** Three sessions; one of them with a checkpoint, a long past and an agent that waits. */
async function filled(): Promise<void> {
  await using system = await start();
  const { client } = system;
  for (const sessionId of ['a', 'b', 'c']) {
    await client.sessions.create({ sessionId });
    await client.messages.send({ sessionId, role: 'user', content: `of ${sessionId}` });
  }
  for (let n = 0; n < 30; n++) await client.memory.set({ sessionId: 'a', key: 'n', value: n });
  await client.checkpoints.create({ sessionId: 'a' });
  await client.agents.start({ sessionId: 'b', agent: 'waiting', restart: 'permanent' });
}

async function tampering(job: (journal: LevelJournal) => Promise<void>): Promise<void> {
  const journal = await openLevelJournal(location, { reserveBytes: 0 });
  await job(journal);
  await journal.close();
}

async function snapshotsOf(journal: LevelJournal, sessionId: string): Promise<Snapshot[]> {
  const found: Snapshot[] = [];
  for await (const snapshot of journal.snapshots(sessionStream(sessionId))) found.push(snapshot);
  return found;
}

/** The newest snapshot says something that its events do not. */
const forge = (sessionId: string) =>
  tampering(async (journal) => {
    const [newest] = await snapshotsOf(journal, sessionId);
    if (newest === undefined) throw new Error('there is no snapshot');
    const state = sessionLaw.decode(newest.state);
    const text = sessionLaw.encode({ ...state, profile: { ...state.profile, name: 'forged' } });
    await journal.putSnapshot(sessionStream(sessionId), { ...newest, state: text, stateHash: sha256(text) });
  });

/** Each has two snapshots that an older law made, of which this one can read nothing. */
const age = (...sessionIds: readonly string[]) =>
  tampering(async (journal) => {
    for (const sessionId of sessionIds) {
      const stream = sessionStream(sessionId);
      const { seq = 0 } = (await journal.head(stream)) ?? {};
      for (const at of [2, seq]) {
        const { chain = '' } = await journal.readFrom(stream, at - 1, { limit: 1 });
        const old = { lawVersion: 1, state: '{}', stateHash: sha256('{}') };
        await journal.putSnapshot(stream, { seq: at, chain, at: 7, ...old });
      }
    }
  });

const damageRecord = (sessionId: string, seq: number) =>
  tampering((journal) =>
    journal.inspect((db) => db.put(keys.event(sessionStream(sessionId), seq), 'nothing\nof it')),
  );

const versionsIn = async () => JSON.parse(await readFile(join(location, 'HOLDFAST.json'), 'utf8')).versions;

describe('a store with nothing against it', () => {
  test('loads as a whole, and is told with its counts and how far the look has come', async () => {
    await filled();
    const progress: number[] = [];
    const report = await doctor({ location, agents, onProgress: ({ sessions }) => progress.push(sessions) });
    expect(report).toMatchObject({
      ...{ sessions: 3, loads: 3, differing: 0, failing: 0, differs: [], cannot: [], missingAgents: [] },
      ...{ upcasts: [], damaged: 0, lost: 0, snapshots: { outdated: 0 }, versions: { raises: false } },
    });
    expect(report.snapshots.kept).toBeGreaterThan(0);
    expect(report.events).toBeGreaterThan(30);
    expect(progress).toEqual([1, 2, 3]);
    expect((await doctor({ location, agents: ['waiting'] })).missingAgents).toEqual([]);
  });

  test('names the agents that open runs wait for, where they are not registered', async () => {
    await filled();
    const { missingAgents, loads } = await doctor({ location });
    expect(missingAgents).toEqual([{ agent: 'waiting', runs: 1, sessionIds: ['b'] }]);
    expect(loads).toBe(3);
  });

  test('is looked through as a backup too, of which nothing changes', async () => {
    await filled();
    const backupDirectory = join(base, 'backups');
    const system = await start({ backupDirectory });
    const { backupId } = await system.client.backups.create({});
    await system.close();
    const report = await doctor({ backup: join(backupDirectory, backupId), agents });
    expect(report).toMatchObject({ sessions: 3, loads: 3, versions: { raises: false } });
  });

  test('is not raised by looking, and a place without a store stays one', async () => {
    await tampering(async () => {});
    expect((await doctor({ location })).versions).toMatchObject({ found: null, raises: true });
    expect(await versionsIn()).toBeUndefined();
    const nowhere = join(base, 'nowhere');
    expect(await codeOf(doctor({ location: nowhere }))).toBe('JOURNAL_OPEN_FAILED');
    await expect(readFile(join(nowhere, 'HOLDFAST.json'))).rejects.toThrow('ENOENT');
    await expect(doctor({})).rejects.toThrow(TypeError);
    await expect(doctor({ location, backup: 'x' })).rejects.toThrow(TypeError);
  });
});

describe('what is wrong with a session is told', () => {
  test('it differs: the replay leads to another state than a snapshot of the same law, with both hashes', async () => {
    await filled();
    await forge('a');
    const { differs, differing, loads, cannot } = await doctor({ location, agents });
    expect([differing, loads, cannot]).toEqual([1, 2, []]);
    const [found] = differs;
    expect(found).toMatchObject({ sessionId: 'a', code: 'LAW_CHANGED', quarantined: false });
    expect(found?.expected).not.toBe(found?.found);
  });

  test('it cannot be replayed though it loads, or cannot be loaded at all: at which event', async () => {
    await filled();
    await damageRecord('a', 3);
    await age('c');
    await damageRecord('c', 2);
    const { cannot, failing, loads } = await doctor({ location, agents });
    expect([failing, loads]).toEqual([2, 1]);
    const told = cannot.map(({ sessionId, way, code, seq }) => [sessionId, way, code, seq]);
    expect(told).toContainEqual(['a', 'replay', 'JOURNAL_CORRUPT', 3]);
    expect(told).not.toContainEqual(expect.arrayContaining(['a', 'load']));
    expect(told).toContainEqual(['c', 'load', 'JOURNAL_CORRUPT', 2]);
  });

  test('its lists end at their limit, its counts do not', async () => {
    await filled();
    for (const sessionId of ['a', 'b', 'c']) await damageRecord(sessionId, 2);
    const { cannot, failing } = await doctor({ location, agents, limit: 1 });
    expect([cannot.length, failing]).toEqual([1, 3]);
  });
});

describe('a start with preflight', () => {
  test('that refuses says what it found, serves nothing, and leaves the versions as they are', async () => {
    await filled();
    await forge('a');
    await tampering((journal) => journal.kv.batch([{ key: 'store/versions', value: undefined }]));
    const error = await errorOf(start({ preflight: 'refuse', agents: {} }));
    expect(error).toMatchObject({
      code: 'PREFLIGHT_FAILED',
      details: { sessions: 3, differs: 1, cannot: 0, missingAgents: 1 },
    });
    expect(error.details.problem).toMatch(/a: LAW_CHANGED at event \d+; waiting: 1 open runs/);
    expect((await doctor({ location, agents })).versions.found).toBeNull();
  });

  test('that reports tells of it and serves, and one that finds nothing serves', async () => {
    await filled();
    const heard: unknown[] = [];
    const onTelemetry: SystemOptions['onTelemetry'] = ({ name, data }) =>
      name === 'preflight.finished' && heard.push(data);
    await (await start({ preflight: 'refuse', onTelemetry })).close();
    await forge('a');
    await (await start({ preflight: 'report', onTelemetry })).close();
    expect(heard).toMatchObject([
      { sessions: 3, loads: 3, differs: 0, cannot: 0, missingAgents: 0, first: [] },
      { sessions: 3, loads: 2, differs: 1, first: [expect.stringContaining('LAW_CHANGED')] },
    ]);
  });

  test('does not refuse what is quarantined already', async () => {
    await filled();
    await age('c');
    await damageRecord('c', 2);
    expect(await codeOf(start({ preflight: 'refuse' }))).toBe('PREFLIGHT_FAILED');
    const system = await start();
    await system.client.storage.scrub({});
    await system.close();
    const { cannot } = await doctor({ location, agents });
    expect(cannot.map(({ sessionId, quarantined }) => [sessionId, quarantined])).toContainEqual(['c', true]);
    await (await start({ preflight: 'refuse' })).close();
  });

  test('a store that says nothing of its versions is raised, or refused where it is to stay as it is', async () => {
    await filled();
    await tampering(async (journal) => {
      await journal.kv.batch([{ key: 'store/versions', value: undefined }]);
      await journal.raise({ record: 1, laws: { session: 1 }, events: {}, library: '0.0.1' });
    });
    const error = await errorOf(start({ upgrade: 'refuse' }));
    expect(error).toMatchObject({ code: 'UPGRADE_NEEDED', details: { from: 'record 1, law session 1' } });
    await (await start()).close();
    expect((await versionsIn()).laws).toEqual(ownVersions.laws);
    await (await start({ upgrade: 'refuse' })).close();
  });
});

describe('a migration', () => {
  const renewed = async () => (await doctor({ location, agents })).snapshots;

  test('makes the snapshots of an older law anew from the events, keeps a backup, and does nothing twice', async () => {
    await filled();
    await age('a', 'c');
    const { kept, outdated } = await renewed();
    expect(outdated).toBe(4);
    const planned = await migrateStore({ location, dryRun: true });
    expect(planned).toMatchObject({ dryRun: true, snapshots: { session: { rewritten: outdated } } });
    expect((await renewed()).outdated).toBe(outdated);
    const done = await migrateStore({ location, backupTo: join(base, 'backups') });
    expect(done).toMatchObject({ failing: 0, snapshots: { session: { rewritten: outdated } } });
    expect(await renewed()).toEqual({ kept, outdated: 0 });
    expect((await doctor({ backup: done.backup ?? '', agents })).snapshots.outdated).toBe(outdated);
    const again = await migrateStore({ location });
    expect(again).toMatchObject({ snapshots: { session: { rewritten: 0, current: kept } } });
    expect(again.versions.raised).toBe(false);
    await (await start({ preflight: 'refuse' })).close();
  });

  test('keeps its backup outside of the store, or changes nothing', async () => {
    await filled();
    await age('a');
    const { outdated } = await renewed();
    const inside = migrateStore({ location, backupTo: join(location, 'backups') });
    await expect(inside).rejects.toMatchObject({ code: 'INVALID_CONFIG', message: /backupTo/ });
    expect((await renewed()).outdated).toBe(outdated);
  });

  test('that was stopped between two streams goes on from there', async () => {
    await filled();
    await age('a', 'b', 'c');
    const { outdated } = await renewed();
    const stop = new AbortController();
    const onProgress = ({ streams }: { streams: number }) => streams === 1 && stop.abort(new Error('killed'));
    await expect(migrateStore({ location, signal: stop.signal, onProgress })).rejects.toThrow('killed');
    const left = (await renewed()).outdated;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(outdated);
    expect(await migrateStore({ location })).toMatchObject({ snapshots: { session: { rewritten: left } } });
    expect((await renewed()).outdated).toBe(0);
  });

  test('that cannot make one anew says which, and does not raise the versions', async () => {
    await filled();
    await age('c');
    await damageRecord('c', 2);
    await tampering((journal) => journal.kv.batch([{ key: 'store/versions', value: undefined }]));
    const report = await migrateStore({ location });
    expect(report).toMatchObject({ failing: 2, versions: { from: null, raised: false } });
    expect(report.cannot[0]).toMatchObject({ stream: 'session/c', code: 'JOURNAL_CORRUPT', seq: 2 });
  });
});
