// Sessions that end the process that folds them: found in a process of their own, quarantined, and readable without what was found.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { openLevelJournal } from '../../src/journal/open-level-journal.ts';
import { ReplayNotes } from '../../src/recovery/trial/replay-notes.ts';
import { createSystem, type System, type SystemOptions } from '../../src/system.ts';
import { codeOf } from '../support/outcome.ts';
import { poisonOf } from '../support/poisoned-law-child.ts';

const preload = fileURLToPath(new URL('../../.build/test/support/poisoned-law-child.js', import.meta.url));
const trials = { stallMs: 300, memoryMb: 96 };

let location: string;
const telemetry: string[] = [];

beforeEach(async () => {
  location = await mkdtemp(join(tmpdir(), 'holdfast-poison-'));
  telemetry.length = 0;
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await rm(location, { recursive: true });
});

const open = (options: Partial<SystemOptions> = {}): Promise<System> =>
  createSystem({
    ...{ location, heartbeatMs: 0, recovery: { trials }, ...options },
    onTelemetry: ({ name }) => telemetry.push(name),
  });

/** The version with the bug: here, and in the processes in which sessions are tried. */
function deployBug(): void {
  vi.stubEnv('NODE_OPTIONS', `--import ${preload}`);
  const { evolve } = sessionLaw;
  vi.spyOn(sessionLaw, 'evolve').mockImplementation((state, event) => {
    poisonOf(event);
    return evolve(state, event);
  });
}

async function write(...sessions: readonly (readonly [sessionId: string, contents: readonly string[]])[]) {
  await using system = await open();
  for (const [sessionId, contents] of sessions) {
    await system.client.sessions.create({ sessionId });
    for (const content of contents) await system.client.messages.send({ sessionId, role: 'user', content });
  }
}

const contentsOf = async ({ client }: System, sessionId: string): Promise<unknown[]> =>
  (await client.messages.list({ sessionId })).items.map(({ content }) => content);

/** Processes are started: on a machine that does a dozen other things that takes its time. */
const timeout = 120_000;

test('an event at which the law throws is parked, the session is readable, and writes again when it is told to', {
  timeout,
}, async () => {
  await write(['hurt', ['a', 'poison:throw', 'b', 'poison:throw again', 'c']], ['well', ['x']]);
  deployBug();
  const system = await open();
  const { sessions, messages, recovery } = system.client;
  const send = () => messages.send({ sessionId: 'hurt', role: 'user', content: 'd' });
  expect(await codeOf(send())).toBe('SESSION_QUARANTINED');
  expect(await contentsOf(system, 'hurt')).toEqual(['a', 'b', 'c']);
  expect(await sessions.get({ sessionId: 'hurt' })).toMatchObject({
    condition: { condition: 'quarantined', reason: 'poisoned', error: { code: 'SESSION_POISONED' } },
  });
  const { events } = await recovery.parked({ sessionId: 'hurt' });
  expect(events).toMatchObject([
    { seq: 4, action: 'skip', by: null, reason: expect.stringContaining('the law has a bug') },
    { seq: 6, action: 'skip' },
  ]);
  expect(await codeOf(send())).toBe('SESSION_QUARANTINED');
  await messages.send({ sessionId: 'well', role: 'user', content: 'y' });
  expect((await recovery.receipts({ sessionId: 'hurt' })).items.at(-1)).toMatchObject({
    ...{ reason: 'poisoned', status: 'failed', dataLost: true },
    dropped: [
      { from: 4, to: 4 },
      { from: 6, to: 6 },
    ],
  });
  expect(await codeOf(recovery.unpark({ sessionId: 'hurt', seq: 4 }))).toBe('PARKING_FAILED');
  await sessions.retry({ sessionId: 'hurt' });
  await send();
  expect(await contentsOf(system, 'hurt')).toEqual(['a', 'b', 'c', 'd']);
  await system.close();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await using repaired = await open();
  expect(await contentsOf(repaired, 'hurt')).toEqual(['a', 'b', 'c', 'd']);
  for (const seq of [4, 6]) await repaired.client.recovery.unpark({ sessionId: 'hurt', seq });
  expect(await contentsOf(repaired, 'hurt')).toHaveLength(6);
  expect(await repaired.client.sessions.verify({ sessionId: 'hurt' })).toMatchObject({ valid: true });
});

test('a session that the process before was folding when it was killed is tried elsewhere before it is folded again', {
  timeout,
}, async () => {
  await write(
    ['loops', ['a', 'poison:loop', 'b']],
    ['eats', ['a', 'poison:buffers', 'b']],
    ['innocent', ['a']],
  );
  const notes = ReplayNotes.open(location, () => {});
  for (const sessionId of ['loops', 'eats', 'innocent', 'gone']) notes.enter(sessionId);
  deployBug();
  await using system = await open();
  expect(await contentsOf(system, 'loops')).toEqual(['a', 'b']);
  expect(await contentsOf(system, 'eats')).toEqual(['a', 'b']);
  expect(await contentsOf(system, 'innocent')).toEqual(['a']);
  const poisoned = await system.client.sessions.conditions({ condition: 'quarantined' });
  expect(poisoned.map(({ sessionId, reason }) => [sessionId, reason]).sort()).toEqual([
    ['eats', 'poisoned'],
    ['loops', 'poisoned'],
  ]);
  await system.client.messages.send({ sessionId: 'innocent', role: 'user', content: 'b' });
});

test('a record of which the law of today makes nothing is found, whatever wrote it', {
  timeout,
}, async () => {
  await write(['hurt', ['a', 'b']]);
  const level = await openLevelJournal(location);
  const head = await level.head('session/hurt');
  if (head === undefined) throw new Error('it is stored');
  const { status, dueAt, summary } = head;
  const data = { to: 1, state: '{', reason: 'r', checkpointId: null, from: status };
  const place = { stream: 'session/hurt', seq: head.seq + 1, at: head.updatedAt };
  const event = { ...place, type: 'session.rolledBack', typeVersion: 1, data, meta: {} };
  const draft = { event, payload: JSON.stringify(data) };
  await level.append('session/hurt', head.version, [draft], { head: { status, dueAt, summary } });
  await level.close();
  await using system = await open();
  expect(await codeOf(system.client.messages.list({ sessionId: 'hurt' }))).toBe('SESSION_POISONED');
  expect(await contentsOf(system, 'hurt')).toEqual(['a', 'b']);
  expect(await system.client.recovery.parked({ sessionId: 'hurt' })).toMatchObject({
    events: [{ seq: event.seq, action: 'skip', reason: expect.stringContaining('JSON') }],
  });
  await system.client.sessions.retry({ sessionId: 'hurt' });
  await system.client.messages.send({ sessionId: 'hurt', role: 'user', content: 'c' });
  expect(await system.client.sessions.verify({ sessionId: 'hurt' })).toMatchObject({ valid: true });
});

test('a session whose very beginning cannot be folded stays closed until it can be', {
  timeout,
}, async () => {
  const one = { sessionId: 'lost' };
  await using(open(), async ({ client }) => {
    await client.sessions.create(one);
    await client.messages.send({ ...one, role: 'user', content: 'a' });
  });
  deployBug();
  vi.stubEnv('POISON_EVERY_EVENT', 'poison:throw');
  await using(open(), async ({ client }) => {
    for (let asked = 0; asked < 3; asked++)
      expect(await codeOf(client.messages.list(one))).toBe('SESSION_POISONED');
    expect(await client.recovery.parked(one)).toMatchObject({ events: [], blocked: true });
    expect(await codeOf(client.messages.send({ ...one, role: 'user', content: 'b' }))).toBe(
      'SESSION_QUARANTINED',
    );
    expect(telemetry.filter((name) => name === 'bisection.started')).toHaveLength(1);
  });
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await using(open(), async (repaired) => {
    expect(await contentsOf(repaired, 'lost')).toEqual(['a']);
    await repaired.client.sessions.retry(one);
    await repaired.client.messages.send({ ...one, role: 'user', content: 'b' });
  });
});

async function using(opening: Promise<System>, job: (system: System) => Promise<void>): Promise<void> {
  await using system = await opening;
  await job(system);
}
