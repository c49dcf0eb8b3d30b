// Every operation of the registry in good use, and every code with which a client can be refused. Both tables are held
// complete: an operation or a code that is added fails here until it has its line.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ErrorCode, errorCatalogue } from '../../src/base/error-catalogue.ts';
import { attempt } from '../../src/base/errors.ts';
import { type OperationName, operations } from '../../src/operations/registry.ts';
import type { AgentDefinitions } from '../../src/session/agents/agent-definitions.ts';
import { everyWrite } from '../../src/testing/faulty-level.ts';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/test-system.ts';
import { coordinationRefusals, coordinationUses } from '../support/coordination-uses.ts';
import { handoffRefusals, handoffUses } from '../support/handoff-uses.ts';
import { mailUses } from '../support/mail-uses.ts';
import { memoryUses, proposed } from '../support/memory-uses.ts';
import { errorOf, quiet } from '../support/outcome.ts';
import { permitUses } from '../support/permit-uses.ts';
import { taskUses } from '../support/task-uses.ts';
import { treeUses } from '../support/tree-uses.ts';

const sessionId = 's';
const one = { sessionId };
const message = { sessionId, role: 'user', content: 'hello' } as const;

let root = '';
let open: TestSystem | undefined;

const agents: AgentDefinitions = {
  echo: ({ input }) => input,
  idler: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
};

async function started(options: TestSystemOptions = {}): Promise<TestSystem> {
  open = await createTestSystem({
    agents,
    passivateAfterMs: null,
    backupDirectory: join(root, 'backups'),
    permits: { model: { inFlight: 1, maxWaiting: 1, tokensPerMinute: 10 } },
    tasks: { gates: { slow: () => new Promise(() => {}) } },
    ...options,
  });
  await open.client.sessions.create({ sessionId });
  await open.client.messages.send(message);
  return open;
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-root-'));
});
afterEach(async () => {
  await open?.close();
  open = undefined;
  await rm(root, { recursive: true });
});

/** A space of which the session is a member, with one key at version 3. */
async function spaced({
  client,
}: TestSystem): Promise<{ readonly spaceId: string; readonly sessionId: string }> {
  const policies = [{ key: 'm', policy: 'manual' as const }];
  await client.spaces.create({ spaceId: 'plan', policies });
  const member = { spaceId: 'plan', sessionId };
  await client.spaces.join(member);
  await client.spaces.set({ ...member, key: 'k', value: ['a'] });
  return member;
}

const memberOf = ({ spaceId }: { readonly spaceId: string }) => ({ spaceId, sessionId });

/** A conflict of the session with itself, under the key m. */
async function contested(
  test: TestSystem,
): Promise<{ readonly conflictId: string; readonly spaceId: string; readonly sessionId: string }> {
  const member = await spaced(test);
  const { version } = await test.client.spaces.set({ ...member, key: 'm', value: 1 });
  await test.client.spaces.set({ ...member, key: 'm', value: 2 });
  const late = await test.client.spaces.set({ ...member, key: 'm', value: 3, baseVersion: version });
  return { ...member, conflictId: late.conflictId ?? '' };
}

/** How each operation is used well, and what it answers then. */
const goodUse: Record<OperationName, (test: TestSystem) => Promise<[answer: unknown, expected: object]>> = {
  ...taskUses,
  ...memoryUses,
  ...permitUses,
  ...treeUses,
  ...mailUses,
  ...handoffUses,
  ...coordinationUses,
  'sessions.create': async ({ client }) => [
    await client.sessions.create({ name: 'n' }),
    { sessionId: 'id-1', seq: 2 },
  ],
  'sessions.get': async ({ client }) => [
    await client.sessions.get(one),
    { sessionId, status: 'active', messages: 1 },
  ],
  'sessions.list': async ({ client }) => [
    await client.sessions.list({}),
    { items: [{ sessionId }], total: 1 },
  ],
  'sessions.count': async ({ client }) => [
    await client.sessions.count({}),
    { byStatus: { active: 1, idle: 0, quarantined: 0 }, open: 1, total: 1 },
  ],
  'spaces.create': async ({ client }) => [
    await client.spaces.create({ name: 'n' }),
    { spaceId: 'id-1', created: true, seq: 1 },
  ],
  'spaces.open': async ({ client }) => [
    await client.spaces.open({ ...one, scope: 'user', owner: 'ann' }),
    { created: true, seq: 1, durability: 'fsync' },
  ],
  'spaces.destroy': async (test) => {
    const { spaceId } = await spaced(test);
    return [await test.client.spaces.destroy({ spaceId }), { seq: 4 }];
  },
  'spaces.info': async (test) => {
    const { spaceId } = await spaced(test);
    return [await test.client.spaces.info({ spaceId }), { spaceId, keys: 1, members: 1, version: 3, seq: 3 }];
  },
  'spaces.list': async (test) => {
    const { spaceId } = await spaced(test);
    return [await test.client.spaces.list(), { items: [{ spaceId, scope: 'named', keys: 1, members: 1 }] }];
  },
  'spaces.join': async ({ client }) => {
    await client.spaces.create({ spaceId: 'plan' });
    return [await client.spaces.join({ spaceId: 'plan', sessionId }), { seq: 2 }];
  },
  'spaces.leave': async (test) => [await test.client.spaces.leave(await spaced(test)), { seq: 4 }],
  'spaces.members': async (test) => {
    const { spaceId } = await spaced(test);
    return [await test.client.spaces.members({ spaceId }), { items: [{ sessionId }], total: 1 }];
  },
  'spaces.get': async (test) => [
    await test.client.spaces.get({ ...(await spaced(test)), key: 'k' }),
    { key: 'k', value: ['a'], version: 3, by: sessionId },
  ],
  'spaces.entries': async (test) => [
    await test.client.spaces.entries({ ...(await spaced(test)), prefix: 'k' }),
    { items: [{ key: 'k', version: 3 }], total: 1 },
  ],
  'spaces.set': async (test) => [
    await test.client.spaces.set({ ...(await spaced(test)), key: 'l', value: 1 }),
    { version: 4, outcome: 'written' },
  ],
  'spaces.delete': async (test) => [
    await test.client.spaces.delete({ ...(await spaced(test)), key: 'k' }),
    { version: 0, outcome: 'written' },
  ],
  'spaces.patch': async (test) => [
    await test.client.spaces.patch({ ...(await spaced(test)), key: 'p', patch: { a: 1 } }),
    { version: 4, outcome: 'written' },
  ],
  'spaces.increment': async (test) => [
    await test.client.spaces.increment({ ...(await spaced(test)), key: 'n' }),
    { version: 4, value: 1 },
  ],
  'spaces.add': async (test) => [
    await test.client.spaces.add({ ...(await spaced(test)), key: 'k', values: ['b'] }),
    { version: 4, outcome: 'written' },
  ],
  'spaces.remove': async (test) => [
    await test.client.spaces.remove({ ...(await spaced(test)), key: 'k', values: ['a'] }),
    { version: 4, outcome: 'written' },
  ],
  'spaces.append': async (test) => [
    await test.client.spaces.append({ ...(await spaced(test)), key: 'k', values: ['b'] }),
    { version: 4, outcome: 'written' },
  ],
  'spaces.compareAndSwap': async (test) => [
    await test.client.spaces.compareAndSwap({ ...(await spaced(test)), key: 'k', version: 3, value: 1 }),
    { version: 4, outcome: 'written' },
  ],
  'spaces.transact': async (test) => [
    await test.client.spaces.transact({ ...(await spaced(test)), writes: [{ op: 'delete', key: 'k' }] }),
    { version: 4, writes: [{ key: 'k', version: 0, outcome: 'written' }] },
  ],
  'spaces.history': async (test) => [
    await test.client.spaces.history({ ...(await spaced(test)), key: 'k' }),
    [{ key: 'k', version: 3, value: ['a'], op: 'set', by: sessionId }],
  ],
  'spaces.rollback': async (test) => {
    const member = await spaced(test);
    await test.client.spaces.delete({ ...member, key: 'k' });
    return [await test.client.spaces.rollback({ ...member, version: 3 }), { version: 5, keys: 1 }];
  },
  'spaces.conflicts': async (test) => [
    await test.client.spaces.conflicts(memberOf(await contested(test))),
    [{ conflictId: 'c6', key: 'm', mine: { value: 3 }, theirs: { value: 2 } }],
  ],
  'spaces.settle': async (test) => [
    await test.client.spaces.settle({ ...(await contested(test)), take: 'mine' }),
    { version: 7, outcome: 'mine' },
  ],
  'spaces.verify': async (test) => {
    const { spaceId } = await spaced(test);
    return [await test.client.spaces.verify({ spaceId }), { ok: true, keys: 1, versions: 1 }];
  },
  'messages.erase': async ({ client }) => [
    await client.messages.erase({ ...one, seq: 3 }),
    { seq: 4, erased: 1, purged: true, savedCopy: false },
  ],
  'sessions.erase': async ({ client }) => [
    await client.sessions.erase(one),
    { seq: 4, erased: 2, purged: true, savedCopy: false },
  ],
  'storage.status': async ({ client }) => [
    await client.storage.status(),
    { health: 'healthy', writes: 'all', problem: null, freeBytes: null, epoch: 1, lastScrub: null },
  ],
  'storage.cache': async ({ client }) => [
    await client.storage.cache(),
    { sessions: 0, bytes: 0, limitBytes: 67_108_864, hits: 0, misses: 0, hitRate: null, evictions: 0 },
  ],
  'storage.scrub': async ({ client }) => [
    await client.storage.scrub(),
    { streams: 2, records: 4, damaged: 0, findings: [] },
  ],
  'projections.list': async ({ client }) => [
    // A list is up to date when it is asked; this says how far it has come.
    await client.sessions.count().then(() => client.projections.list()),
    [{ name: 'sessions', rows: 1 }],
  ],
  'projections.rebuild': async ({ client }) => [
    await client.projections.rebuild({ name: 'sessions' }),
    { name: 'sessions', rows: 1, lag: 0, rebuilding: false },
  ],
  'sessions.configure': async ({ client }) => [
    await client.sessions.configure({ ...one, name: 'n' }),
    { seq: 4 },
  ],
  'sessions.pause': async ({ client }) => [await client.sessions.pause(one), { seq: 5, status: 'paused' }],
  'sessions.resume': async ({ client }) => {
    await client.sessions.pause(one);
    return [await client.sessions.resume(one), { seq: 6, status: 'active' }];
  },
  'sessions.hibernate': async ({ client }) => [
    await client.sessions.hibernate(one),
    { seq: 5, status: 'dormant' },
  ],
  'sessions.wake': async ({ client }) => {
    await client.sessions.hibernate(one);
    return [await client.sessions.wake(one), { seq: 6, status: 'active' }];
  },
  'sessions.terminate': async ({ client }) => [
    await client.sessions.terminate(one),
    { seq: 6, status: 'terminated' },
  ],
  'sessions.archive': async ({ client }) => {
    await client.sessions.terminate(one);
    return [await client.sessions.archive(one), { seq: 7, status: 'archived' }];
  },
  'sessions.delete': async ({ client }) => {
    await client.sessions.terminate(one);
    return [await client.sessions.delete(one), { seq: 8, status: 'deleted' }];
  },
  'sessions.save': async ({ client, clock }) => [
    await client.sessions.save(one),
    { sessionId, savedAt: clock.now(), seq: 3, messages: 1 },
  ],
  'sessions.restore': async ({ client }) => {
    await client.sessions.save(one);
    return [await client.sessions.restore(one), { sessionId, seq: 7, messages: 1 }];
  },
  'checkpoints.create': async ({ client }) => [
    await client.checkpoints.create({ ...one, name: 'n', metadata: { k: 1 } }),
    { seq: 4, checkpointId: 'c4', version: 3, stateHash: expect.stringMatching(/^[\w-]{43}$/) },
  ],
  'checkpoints.list': async ({ client }) => {
    await client.checkpoints.create({ ...one, name: 'n' });
    return [await client.checkpoints.list(one), { items: [{ checkpointId: 'c4', name: 'n', version: 3 }] }];
  },
  'checkpoints.get': async ({ client }) => {
    const { checkpointId } = await client.checkpoints.create(one);
    const hash = expect.stringMatching(/^[\w-]{43}$/);
    return [await client.checkpoints.get({ ...one, checkpointId }), { reason: 'manual', seq: 4, hash }];
  },
  'checkpoints.delete': async ({ client }) => {
    const { checkpointId } = await client.checkpoints.create(one);
    return [await client.checkpoints.delete({ ...one, checkpointId }), { seq: 5, checkpointId }];
  },
  'checkpoints.verify': async ({ client }) => {
    const { checkpointId } = await client.checkpoints.create(one);
    return [await client.checkpoints.verify({ ...one, checkpointId }), { valid: true, version: 3, seq: 4 }];
  },
  'sessions.rollback': async ({ client }) => [
    await client.sessions.rollback({ ...one, seq: 3 }),
    { seq: 5, status: 'active', version: 3, undo: 'c4' },
  ],
  'sessions.verify': async ({ client }) => [
    await client.sessions.verify(one),
    { sessionId, valid: true, events: 3, firstSeq: 1, seq: 3, problems: [] },
  ],
  'sessions.fork': async ({ client }) => [
    await client.sessions.fork({ ...one, newSessionId: 'fork' }),
    { sessionId: 'fork', seq: 4, from: { sessionId, seq: 3 }, agentsLeft: 0 },
  ],
  'sessions.forks': async ({ client }) => {
    await client.sessions.fork({ ...one, newSessionId: 'fork' });
    return [
      await client.sessions.forks(one),
      { items: [{ sessionId: 'fork', from: { sessionId, seq: 3 } }] },
    ];
  },
  'sessions.lineage': async ({ client }) => {
    await client.sessions.fork({ ...one, newSessionId: 'fork' });
    const lineage = await client.sessions.lineage({ sessionId: 'fork' });
    return [lineage, { ancestors: [{ sessionId, seq: 3, standing: 'held' }], merges: [] }];
  },
  'sessions.compare': async ({ client }) => {
    await client.sessions.fork({ ...one, newSessionId: 'fork' });
    await client.memory.set({ sessionId: 'fork', key: 'found', value: 1 });
    const compared = await client.sessions.compare({ ...one, otherSessionId: 'fork' });
    return [compared, { ancestor: { sessionId, version: 3 }, items: [{ kind: 'onlyThere', key: 'found' }] }];
  },
  'sessions.merge': async ({ client }) => {
    await client.sessions.fork({ ...one, newSessionId: 'fork' });
    await client.memory.set({ sessionId: 'fork', key: 'found', value: 1 });
    const merged = await client.sessions.merge({ ...one, fromSessionId: 'fork' });
    return [merged, { seq: 5, version: 5, merged: { context: 1 }, conflicts: [], tasks: 0 }];
  },
  'sessions.anchors': async ({ client }) => [
    await client.sessions.anchors(),
    { items: [{ stream: 'session/s', sessionId, seq: 3 }], damaged: [] },
  ],
  'sessions.verifyAnchors': async ({ client }) => {
    const { items } = await client.sessions.anchors();
    return [await client.sessions.verifyAnchors({ anchors: items }), [{ seq: 3, verdict: 'holds' }]];
  },
  'sessions.listSaved': async ({ client }) => {
    await client.sessions.save(one);
    return [await client.sessions.listSaved({}), [{ sessionId, messages: 1 }]];
  },
  'sessions.deleteSaved': async ({ client }) => {
    await client.sessions.save(one);
    return [await client.sessions.deleteSaved(one), { sessionId }];
  },
  'sessions.buildContext': async ({ client }) => [
    await client.sessions.buildContext(one),
    { sessionId, conversation: [{ role: 'user', content: 'hello' }], files: [], degraded: [] },
  ],
  'sessions.entries': async ({ client }) => [
    await client.sessions.entries(one),
    { items: [{ entry: 1, type: 'message', seq: 3, size: 5 }] },
  ],
  'messages.send': async ({ client }) => [
    await client.messages.send(message),
    { seq: 4, entry: 2, messages: 2 },
  ],
  'messages.list': async ({ client }) => [
    await client.messages.list(one),
    { items: [{ seq: 3, entry: 1, role: 'user', content: 'hello', pinned: false }] },
  ],
  'messages.get': async ({ client }) => [
    await client.messages.get({ ...one, seq: 3 }),
    { seq: 3, content: 'hello' },
  ],
  'messages.clear': async ({ client }) => [await client.messages.clear(one), { seq: 4, messages: 1 }],
  'messages.pin': async ({ client }) => [await client.messages.pin({ ...one, seq: 3 }), { seq: 4 }],
  'messages.unpin': async ({ client }) => {
    await client.messages.pin({ ...one, seq: 3 });
    return [await client.messages.unpin({ ...one, seq: 3 }), { seq: 5 }];
  },
  'files.add': async ({ client }) => [await client.files.add({ ...one, path: 'a.ts' }), { seq: 4, entry: 2 }],
  'files.remove': async ({ client }) => {
    await client.files.add({ ...one, path: 'a.ts' });
    return [await client.files.remove({ ...one, path: 'a.ts' }), { seq: 5 }];
  },
  'files.list': async ({ client, clock }) => {
    await client.files.add({ ...one, path: 'a.ts' });
    return [await client.files.list(one), [{ path: 'a.ts', addedAt: clock.now() }]];
  },
  'files.index': async ({ client }) => [
    await client.files.index({ ...one, path: 'a.ts', metadata: { lines: 3 } }),
    { seq: 4 },
  ],
  'files.listIndex': async ({ client, clock }) => {
    await client.files.index({ ...one, path: 'a.ts', metadata: { lines: 3 } });
    await client.files.index({ ...one, path: 'a.ts', metadata: { language: 'ts' } });
    const expected = { path: 'a.ts', metadata: { lines: 3, language: 'ts' }, lastAccessedAt: clock.now() };
    return [await client.files.listIndex(one), [expected]];
  },
  'memory.set': async ({ client }) => [await client.memory.set({ ...one, key: 'k', value: [1] }), { seq: 4 }],
  'memory.get': async ({ client }) => {
    await client.memory.set({ ...one, key: 'k', value: [1] });
    return [await client.memory.get({ ...one, key: 'k' }), { key: 'k', value: [1] }];
  },
  'memory.delete': async ({ client }) => {
    await client.memory.set({ ...one, key: 'k', value: [1] });
    return [await client.memory.delete({ ...one, key: 'k' }), { seq: 5 }];
  },
  'memory.keys': async ({ client }) => {
    for (const key of ['a', 'b', 'a']) await client.memory.set({ ...one, key, value: 1 });
    return [await client.memory.keys(one), ['a', 'b']];
  },
  'recovery.recover': async ({ client }) => [
    await client.recovery.recover(one),
    { sessionId, status: 'complete', recovered: true, tier: 'hot', dropped: [], validation: { ok: true } },
  ],
  'recovery.recoverAll': async ({ client }) => [
    await client.recovery.recoverAll({}),
    { attempted: 0, complete: 0, failed: 0, notRecovered: [] },
  ],
  'recovery.validate': async ({ client }) => [
    await client.recovery.validate({ ...one, level: 'forensic' }),
    { level: 'forensic', ok: true, findings: [] },
  ],
  'recovery.receipts': async ({ client }) => {
    await client.recovery.recover(one);
    return [
      await client.recovery.receipts(one),
      { items: [{ sessionId, reason: 'requested', status: 'complete' }], notKept: [] },
    ];
  },
  'recovery.boots': async ({ client }) => [
    await client.recovery.boots({}),
    { items: [{ epoch: 1, shutdown: 'new', crashed: false, reasons: [] }], total: 1, keptSince: null },
  ],
  'recovery.stats': async ({ client }) => [
    await client.recovery.stats({}),
    { attempts: 0, successRate: null, meanMs: null },
  ],
  'recovery.parked': async ({ client }) => [
    await client.recovery.parked(one),
    { sessionId, events: [], blocked: false },
  ],
  'recovery.park': async ({ client }) => [
    await client.recovery.park({ ...one, seq: 3, action: 'skip', reason: 'wrong' }),
    { sessionId, event: 3, parked: [3] },
  ],
  'recovery.unpark': async ({ client }) => {
    await client.recovery.park({ ...one, seq: 3, action: 'skip', reason: 'wrong' });
    return [await client.recovery.unpark({ ...one, seq: 3 }), { sessionId, event: 3, parked: [] }];
  },
  'sessions.retry': async ({ client }) => [await client.sessions.retry(one), { condition: null }],
  'sessions.conditions': async (test) => {
    const held = test.disk.holdWrites();
    test.crash(sessionId);
    await quiet();
    const conditions = await test.client.sessions.conditions({});
    held.release();
    return [
      conditions,
      [
        {
          ...one,
          condition: 'recovering',
          error: { name: 'Error', message: 'a fault in the actor' },
          restarts: 0,
        },
      ],
    ];
  },
  'agents.start': async ({ client }) => [
    await client.agents.start({ ...one, agent: 'echo', input: 1 }),
    { seq: 4, runId: 'id-1' },
  ],
  'agents.report': async ({ client }) => {
    const { runId } = await client.agents.start({ ...one, agent: 'idler' });
    await client.agents.report({ ...one, runId, tokens: 100, cost: 1 });
    return [await client.agents.report({ ...one, runId, tokens: 20 }), { tokens: 120, cost: 1 }];
  },
  'agents.signal': async ({ client }) => {
    const { runId } = await client.agents.start({ ...one, agent: 'idler' });
    return [await client.agents.signal({ ...one, name: 'go', payload: 1 }), { runId, taken: false }];
  },
  'agents.stream': async ({ client }) => {
    const { runId } = await client.agents.start({ ...one, agent: 'echo', input: 1 });
    await client.agents.wait({ ...one, runId });
    return [
      await client.agents.stream({ ...one, runId }),
      { chunks: [], missed: 0, ended: true, cursor: '1.0' },
    ];
  },
  'agents.waits': async ({ client }) => {
    await client.agents.start({ ...one, agent: 'idler' });
    return [await client.agents.waits(one), []];
  },
  'agents.stop': async ({ client }) => {
    const { runId } = await client.agents.start({ ...one, agent: 'idler' });
    return [await client.agents.stop({ ...one, runId }), { seq: 5, status: 'stopped' }];
  },
  'agents.get': async ({ client }) => {
    const { runId } = await client.agents.start({ ...one, agent: 'idler', input: { a: 1 }, role: 'r' });
    return [
      await client.agents.get({ ...one, runId }),
      {
        runId,
        agent: 'idler',
        role: 'r',
        status: 'running',
        isRunning: true,
        input: { a: 1 },
        incarnation: 1,
      },
    ];
  },
  'agents.wait': async ({ client }) => {
    const { runId } = await client.agents.start({ ...one, agent: 'echo', input: ['x'] });
    return [
      await client.agents.wait({ ...one, runId }),
      { status: 'completed', result: ['x'], isRunning: false },
    ];
  },
  'agents.list': async ({ client }) => {
    await client.agents.start({ ...one, agent: 'idler', role: 'r' });
    await client.agents.start({ ...one, agent: 'idler' });
    return [await client.agents.list({ ...one, role: 'r' }), [{ runId: 'id-1' }]];
  },
  'events.publish': async ({ client }) => [
    await client.events.publish({ ...one, type: 'llm.responded', data: { content: 'x' } }),
    { seq: 4 },
  ],
  'sessions.export': async ({ client }) => [
    await client.sessions.export(one),
    { text: expect.stringContaining('"holdfast":"capsule"') },
  ],
  'sessions.upload': async ({ client }) => [
    await client.sessions.upload({ text: 'abc' }),
    { uploadId: 'id-1', characters: 3 },
  ],
  'sessions.import': async ({ client }) => {
    const { text } = await client.sessions.export(one);
    return [await client.sessions.import({ text, as: 'copy' }), { sessionId: 'copy', as: 'restored' }];
  },
  'backups.create': async ({ client }) => [
    await client.backups.create({ note: 'n' }),
    { status: 'verified', note: 'n', events: 4, streams: 2 },
  ],
  'backups.list': async ({ client }) => {
    const { backupId } = await client.backups.create();
    return [await client.backups.list(), [{ backupId }]];
  },
  'backups.verify': async ({ client }) => {
    const { backupId } = await client.backups.create();
    return [await client.backups.verify({ backupId }), { backupId, status: 'verified' }];
  },
  'backups.delete': async ({ client }) => {
    const { backupId } = await client.backups.create();
    return [await client.backups.delete({ backupId }), { backupId }];
  },
  'events.list': async ({ client }) => [
    await client.events.list({ ...one, limit: 1 }),
    { items: [{ sessionId, seq: 1, type: 'session.statusChanged', cursor: '1' }], cursor: '1' },
  ],
};

describe('an operation in good use answers what it promises', () => {
  test.each(Object.keys(operations) as OperationName[])('%s', async (name) => {
    const [answer, expected] = await goodUse[name](await started());
    expect(answer).toMatchObject(expected);
  });

  test('and says in a sentence what it does', () => {
    for (const { summary, kind } of Object.values(operations)) {
      expect(summary).toMatch(/^[A-Z].*\.$/);
      expect(['read', 'write']).toContain(kind);
    }
  });
});

type Refused = () => Promise<Promise<unknown>[]>;

const after =
  (call: (test: TestSystem) => Promise<unknown> | Promise<unknown>[], options?: TestSystemOptions): Refused =>
  async () =>
    [call(await started(options))].flat();

const ended = after(async ({ client }) => {
  await client.sessions.terminate(one);
  return client.messages.send(message);
});

/** How a client comes to be refused with each code. */
const refusals: Partial<Record<ErrorCode, Refused>> = {
  INVALID_INPUT: after(({ client }) => client.sessions.get({} as typeof one)),
  INVALID_ID: after(({ client }) => client.sessions.get({ sessionId: '../s' })),
  INVALID_ROLE: after(({ client }) => client.messages.send({ ...message, role: 'root' as 'user' })),
  INVALID_CURSOR: after(({ client }) => client.messages.list({ ...one, cursor: 'x' })),
  UNKNOWN_EVENT_TYPE: after(({ client }) => client.events.publish({ ...one, type: '*' })),
  MISSING_EVENT_FIELD: after(({ client }) => client.events.publish({ ...one, type: 'llm.responded' })),
  INVALID_EVENT_FIELD: after(({ client }) =>
    client.events.publish({ ...one, type: 'llm.responded', data: { content: 1 } }),
  ),
  NOT_JSON: after(({ client }) => client.memory.set({ ...one, key: 'k', value: Number.NaN })),
  TOO_DEEP: after(({ client }) => {
    let value: unknown = 1;
    for (let level = 0; level < 65; level++) value = [value];
    return client.memory.set({ ...one, key: 'k', value });
  }),
  TOO_LARGE: after(({ client }) => client.messages.send({ ...message, content: 'x'.repeat(2 ** 20 + 1) })),
  SESSION_NOT_FOUND: after(({ client }) => [
    client.sessions.get({ sessionId: 'none' }),
    client.messages.send({ ...message, sessionId: 'none' }),
    client.sessions.terminate({ sessionId: 'none' }),
    client.events.stream({ sessionId: 'none' }).next(),
    client.events.subscribe('none', () => {}, { mustExist: true }),
  ]),
  SESSION_EXISTS: after(({ client }) => client.sessions.create(one)),
  SESSION_NOT_ACTIVE: ended,
  INVALID_TRANSITION: after(({ client }) => client.sessions.archive(one)),
  SESSION_LIMIT: after(({ client }) => client.sessions.create({}), { maxSessions: 1 }),
  AT_CAPACITY: after(
    async ({ client }) => {
      await client.memory.set({ ...one, key: 'a', value: 1 });
      return client.memory.set({ ...one, key: 'b', value: 1 });
    },
    { session: { maxMemoryKeys: 1 } },
  ),
  KEY_NOT_FOUND: after(({ client }) => [
    client.memory.get({ ...one, key: 'none' }),
    client.memory.delete({ ...one, key: 'none' }),
  ]),
  INVALID_PATH: after(({ client }) => client.files.add({ ...one, path: '../a' })),
  FILE_NOT_FOUND: after(({ client }) => client.files.remove({ ...one, path: 'none' })),
  MESSAGE_NOT_FOUND: after(({ client }) => [
    client.messages.get({ ...one, seq: 1 }),
    client.messages.get({ ...one, seq: 99 }),
    client.messages.pin({ ...one, seq: 1 }),
  ]),
  CHECKPOINT_NOT_FOUND: after(({ client }) => [
    client.checkpoints.get({ ...one, checkpointId: 'none' }),
    client.checkpoints.delete({ ...one, checkpointId: 'none' }),
    client.checkpoints.verify({ ...one, checkpointId: 'none' }),
    client.sessions.rollback({ ...one, checkpointId: 'none' }),
  ]),
  NOT_ERASABLE: after(({ client }) => client.messages.erase({ ...one, seq: 1 })),
  ERASURE_BLOCKED: after(async ({ client }) => {
    await client.sessions.rollback({ ...one, seq: 3 });
    return client.messages.erase({ ...one, seq: 3 });
  }),
  EVENT_NOT_FOUND: after(async ({ client }) =>
    client.recovery.park({ ...one, seq: 999, action: 'skip', reason: 'wrong' }),
  ),
  NOT_PARKED: after(async ({ client }) => client.recovery.unpark({ ...one, seq: 3 })),
  PARKING_FAILED: after(async ({ client }) =>
    client.recovery.park({ ...one, seq: 1, action: 'skip', reason: 'wrong' }),
  ),
  AGENTS_AT_WORK: after(async ({ client }) => {
    await client.agents.start({ ...one, agent: 'idler' });
    return client.sessions.erase(one);
  }),
  OWNERSHIP_LOST: after(handoffRefusals.OWNERSHIP_LOST),
  OWNERSHIP_REQUIRED: after(handoffRefusals.OWNERSHIP_REQUIRED),
  HANDOFF_NOT_FOUND: after(handoffRefusals.HANDOFF_NOT_FOUND),
  HANDOFF_PENDING: after(handoffRefusals.HANDOFF_PENDING),
  HANDOFF_SETTLED: after(handoffRefusals.HANDOFF_SETTLED),
  HANDOFF_NOT_ADDRESSED: after(handoffRefusals.HANDOFF_NOT_ADDRESSED),
  HANDOFF_MISMATCH: after(handoffRefusals.HANDOFF_MISMATCH),
  SAVED_SESSION_NOT_FOUND: after(({ client }) => [
    client.sessions.restore(one),
    client.sessions.deleteSaved(one),
  ]),
  NOT_ON_ROSTER: after(coordinationRefusals.NOT_ON_ROSTER),
  NO_SUCH_ASSIGNMENT: after(coordinationRefusals.NO_SUCH_ASSIGNMENT),
  LOCK_HELD: after(coordinationRefusals.LOCK_HELD),
  LOCK_TOKEN_STALE: after(coordinationRefusals.LOCK_TOKEN_STALE),
  LOCK_LIMIT: after(coordinationRefusals.LOCK_LIMIT),
  DEADLOCK: after(coordinationRefusals.DEADLOCK),
  PROJECTION_NOT_FOUND: after(({ client }) => client.projections.rebuild({ name: 'none' })),
  MEMORY_NOT_FOUND: after(({ client }) => [
    client.memories.get({ ...one, memoryId: 'm1' }),
    client.memories.erase({ ...one, memoryId: 'none' }),
  ]),
  MEMORY_STATUS: after(async (test) => {
    await proposed(test);
    return test.client.memories.forget({ ...one, memoryId: 'm1' });
  }),
  SUMMARISER_NOT_REGISTERED: after(({ client }) => client.sessions.summary({ ...one, summariser: 'none' })),
  SPACE_NOT_FOUND: after(({ client }) => [
    client.spaces.info({ spaceId: 'none' }),
    client.spaces.set({ ...one, spaceId: 'none', key: 'k', value: 1 }),
    client.spaces.subscribe({ ...one, spaceId: 'none' }, () => {}),
  ]),
  SPACE_EXISTS: after(async (test) => test.client.spaces.create({ spaceId: (await spaced(test)).spaceId })),
  SPACE_FULL: after(async (test) => {
    const member = await spaced(test);
    const value = 'x'.repeat(260_000);
    const writes = (of: string) =>
      Array.from({ length: 3 }, (_, i) => ({ op: 'set' as const, key: `${of}${i}`, value }));
    for (let n = 0; n < 10; n++) await test.client.spaces.transact({ ...member, writes: writes(`${n}-`) });
    return test.client.spaces.transact({ ...member, writes: writes('last') });
  }),
  NOT_A_MEMBER: after(async (test) => {
    const member = await spaced(test);
    await test.client.spaces.leave(member);
    return test.client.spaces.get({ ...member, key: 'k' });
  }),
  VERSION_CONFLICT: after(async (test) =>
    test.client.spaces.compareAndSwap({ ...(await spaced(test)), key: 'k', version: 0, value: 1 }),
  ),
  VERSION_NOT_KEPT: after(async (test) =>
    test.client.spaces.rollback({ ...(await spaced(test)), key: 'k', version: 2 }),
  ),
  CONFLICT_NOT_FOUND: after(async (test) =>
    test.client.spaces.settle({ ...(await spaced(test)), conflictId: 'c1', take: 'theirs' }),
  ),
  POLICY_MISMATCH: after(async (test) => test.client.spaces.increment({ ...(await spaced(test)), key: 'k' })),
  MERGE_POLICY_UNKNOWN: after(({ client }) =>
    client.spaces.create({ policies: [{ key: 'k', policy: 'custom:none' }] }),
  ),
  MERGE_FAILED: after(
    async ({ client }) => {
      await client.spaces.create({ spaceId: 'plan', policies: [{ key: 'k', policy: 'custom:odd' }] });
      const member = { ...one, spaceId: 'plan' };
      await client.spaces.join(member);
      const { version } = await client.spaces.set({ ...member, key: 'k', value: 1 });
      await client.spaces.set({ ...member, key: 'k', value: 2 });
      return client.spaces.set({ ...member, key: 'k', value: 3, baseVersion: version });
    },
    {
      mergePolicies: {
        odd: () => {
          throw new Error('no idea');
        },
      },
    },
  ),
  OVERLOADED: after(
    ({ client }) => {
      const [, ...refused] = [client.messages.send(message), client.messages.send(message)];
      return refused;
    },
    { mailboxSize: 1 },
  ),
  OPERATION_TIMEOUT: after(
    ({ client, clock, disk }) => {
      const held = disk.holdWrites();
      const call = client.messages.send(message);
      void held.arrived.then(() => clock.advance(10)).then(() => held.release());
      return call;
    },
    { operationTimeoutMs: 10 },
  ),
  IDEMPOTENCY_KEY_REUSED: after(async ({ client }) => {
    await client.messages.send(message, { idempotencyKey: 'k' });
    return client.messages.clear(one, { idempotencyKey: 'k' });
  }),
  OUTCOME_UNKNOWN: after(({ client, disk }) => {
    disk.failWrites(everyWrite('before'));
    const call = client.messages.send(message);
    void call.catch(() => disk.heal());
    return call;
  }),
  NOT_COMMITTED: after(async (test) => {
    const held = test.disk.holdWrites();
    const [, behind] = [test.client.messages.send(message), errorOf(test.client.messages.send(message))];
    await held.arrived;
    test.crash(sessionId);
    await quiet();
    held.release();
    throw await behind;
  }),
  TASK_NOT_FOUND: after(({ client }) => [
    client.tasks.get({ ...one, taskId: 'none' }),
    client.tasks.start({ ...one, taskId: 'none' }),
    client.tasks.create({ ...one, title: 'T', dependencies: ['none'] }),
    client.tasks.claim({ ...one, taskId: 'none', owner: 'w' }),
  ]),
  NO_TASK_READY: after(({ client }) => client.tasks.claim({ ...one, owner: 'w' })),
  TASK_EXISTS: after(async ({ client }) => {
    await client.tasks.create({ ...one, taskId: 't', title: 'T' });
    return client.tasks.create({ ...one, taskId: 't', title: 'T' });
  }),
  TASK_CONFLICT: after(async ({ client }) => {
    await client.tasks.create({ ...one, taskId: 't', title: 'T' });
    return client.tasks.update({ ...one, taskId: 't', expectedVersion: 2, title: 'U' });
  }),
  TASK_CYCLE: after(async ({ client }) => {
    await client.tasks.create({ ...one, taskId: 't', title: 'T' });
    return client.tasks.addDependency({ ...one, taskId: 't', dependsOn: 't' });
  }),
  TASK_TRANSITION: after(async ({ client }) => {
    await client.tasks.create({ ...one, taskId: 't', title: 'T' });
    return client.tasks.complete({ ...one, taskId: 't' });
  }),
  TASK_NOT_READY: after(async ({ client }) => {
    const tasks = [
      { taskId: 'a', title: 'A' },
      { taskId: 'b', title: 'B', dependencies: ['a'] },
    ];
    await client.tasks.createMany({ ...one, tasks });
    return client.tasks.start({ ...one, taskId: 'b' });
  }),
  TASK_LEASE_LOST: after(async ({ client, clock }) => {
    await client.tasks.create({ ...one, taskId: 't', title: 'T' });
    const { epoch } = await client.tasks.claim({ ...one, taskId: 't', owner: 'w', leaseMs: 10 });
    await clock.advance(10);
    return client.tasks.complete({ ...one, taskId: 't', epoch });
  }),
  GATE_NOT_REGISTERED: after(({ client }) => client.tasks.create({ ...one, title: 'T', gates: ['none'] })),
  AGENT_NOT_REGISTERED: after(({ client }) => client.agents.start({ ...one, agent: 'nobody' })),
  AGENT_NOT_FOUND: after(({ client }) => client.agents.get({ ...one, runId: 'nobody' })),
  LETTER_NOT_FOUND: after(({ client }) => [
    client.mail.retry({ ...one, messageId: 'none' }),
    client.mail.discard({ ...one, messageId: 'none' }),
  ]),
  CHILD_SESSION_NOT_FOUND: after(({ client }) => client.trees.wait({ ...one, childId: 'none' })),
  PERMIT_UNKNOWN: after(({ client }) => [
    client.permits.acquire({ ...one, key: 'none' }),
    client.permits.get({ key: 'none' }),
  ]),
  PERMIT_TOO_LARGE: after(({ client }) => client.permits.acquire({ ...one, key: 'model', tokens: 11 })),
  PERMIT_QUEUE_FULL: after(async ({ client }) => {
    const ask = { ...one, key: 'model' };
    await client.permits.acquire(ask);
    client.permits.acquire(ask).catch(() => undefined);
    return client.permits.acquire(ask);
  }),
  PERMIT_TIMEOUT: after(async ({ client, clock }) => {
    await client.permits.acquire({ ...one, key: 'model' });
    const late = client.permits.acquire({ ...one, key: 'model', timeoutMs: 5 });
    void quiet().then(() => clock.advance(5));
    return late;
  }),
  AGENT_RUN_ENDED: after(async ({ client }) => {
    const { runId } = await client.agents.start({ ...one, agent: 'echo' });
    await client.agents.wait({ ...one, runId });
    return client.agents.signal({ ...one, runId, name: 'go' });
  }),
  SIGNAL_UNADDRESSED: after(({ client }) => client.agents.signal({ ...one, name: 'go' })),
  SESSION_QUARANTINED: after(async (test) => {
    for (let i = 0; i < 11; i++) {
      await quiet();
      test.crash(sessionId);
      await test.clock.advance(10_000);
    }
    return test.client.messages.send(message);
  }),
  CAPSULE_INVALID: after(({ client }) => client.sessions.import({ text: 'none' })),
  CAPSULE_REDACTED: after(async ({ client }) => {
    const { text } = await client.sessions.export({ ...one, redact: { payloads: 'all' } });
    return client.sessions.import({ text, as: 'copy' });
  }),
  NOT_JOURNALED: after(async ({ client }) => {
    await client.sessions.create({ sessionId: 'none', durability: 'none' });
    return client.sessions.export({ sessionId: 'none' });
  }),
  UPLOAD_NOT_FOUND: after(({ client }) => client.sessions.import({ uploadId: 'none' })),
  BACKUP_NOT_FOUND: after(({ client }) => {
    const backupId = '20260101T000000000Z-00000000';
    return [client.backups.verify({ backupId }), client.backups.delete({ backupId })];
  }),
  SYSTEM_NOT_SERVING: after(async (test) => {
    await test.close();
    return test.client.sessions.list({});
  }),
};

/** Codes that no call of a client's in good order meets; each is tested where it arises. */
const elsewhere: readonly ErrorCode[] = [
  'ROSTER_FULL',
  'LOCK_TIMEOUT',
  'LOCK_QUEUE_FULL',
  'LOCK_WAIT_ENDED',
  'HANDOFF_NOT_DELIVERED',
  'ENTITY_GIVEN_UP',
  'CHECKPOINT_MISMATCH',
  'CODEC_UNKNOWN',
  'AGENT_EXITED',
  'PERMIT_EXPIRED',
  'STEPS_CHANGED',
  'EFFECT_UNKNOWN',
  'WAIT_EXPIRED',
  'CHILD_FAILED',
  'STEPS_NOT_HERE',
  'AGENT_OUT_OF_MEMORY',
  'HISTORY_LOST',
  'HISTORY_ERASED',
  'NOT_SETTLED',
  'SESSIONS_UNRELATED',
  'MERGE_CONFLICT',
  'JOURNAL_DAMAGED',
  'ENCRYPTION_KEY_MISSING',
  'ENCRYPTION_KEY_WRONG',
  'AGENT_RUN_EXISTS',
  'AGENT_TIMEOUT',
  'BUDGET_EXHAUSTED',
  'TREE_BUDGET_EXHAUSTED',
  'STALE_INCARNATION',
  'UNKNOWN_OPERATION',
  'INVALID_CONFIG',
  'SESSION_START_FAILED',
  'INVALID_FORMAT',
  'IDEMPOTENCY_KEY_EXPIRED',
  'JOURNAL_LOCKED',
  'JOURNAL_READ_ONLY',
  'JOURNAL_FOREIGN',
  'JOURNAL_FORMAT',
  'JOURNAL_OPEN_FAILED',
  'JOURNAL_CLOSED',
  'JOURNAL_UNAVAILABLE',
  'JOURNAL_GONE',
  'STORAGE_FULL',
  'STORAGE_LOW',
  'JOURNAL_CORRUPT',
  'HISTORY_TRIMMED',
  'VALUE_TOO_LARGE',
  'BATCH_TOO_LARGE',
  'KEY_TOO_LARGE',
  'LAW_CHANGED',
  'VERSION_TOO_NEW',
  'UPCAST_FAILED',
  'UPGRADE_NEEDED',
  'PREFLIGHT_FAILED',
  'BACKUP_DAMAGED',
  'BACKUP_FORMAT',
  'BACKUP_FAILED',
  'BACKUPS_OFF',
  'RESTORE_REFUSED',
  'SESSION_POISONED',
  'PARKED_ELSEWHERE',
  'KILLED',
  'SCOPE_CLOSED',
  'CHILD_EXISTS',
  'CHILD_NOT_FOUND',
  'CHILD_RUNNING',
  'TOO_MANY_RESTARTS',
  'SUPERVISOR_NOT_RUNNING',
];

describe('a refusal has its code, says what it is about, and is an error of the house', () => {
  test.each(Object.entries(refusals))('%s', async (code, refused) => {
    for (const call of await refused()) {
      const outcome = await attempt(call);
      if (outcome.ok) throw new Error('it was answered');
      const { error } = outcome;
      expect(error.code).toBe(code);
      expect(error.retryable).toBe(errorCatalogue[code as ErrorCode].retryable);
      expect(error.message).not.toMatch(/\{[a-z]\w*\}/i);
      expect(error.message).not.toContain('unknown');
      expect(Object.keys(error.details).length).toBeGreaterThan(0);
    }
  });

  test('and no code is forgotten', () => {
    expect([...Object.keys(refusals), ...elsewhere].sort()).toEqual(Object.keys(errorCatalogue).sort());
  });
});

describe('files below a root', () => {
  async function rooted(): Promise<TestSystem> {
    await mkdir(join(root, 'files/sub'), { recursive: true });
    await mkdir(join(root, 'secret'));
    await writeFile(join(root, 'files/a.ts'), '');
    await writeFile(join(root, 'secret/key'), '');
    await symlink(join(root, 'secret'), join(root, 'files/door'));
    await symlink(join(root, 'files/a.ts'), join(root, 'files/alias.ts'));
    return started({ fileRoot: join(root, 'files') });
  }

  test.each([
    ['a.ts', 'a.ts'],
    ['./sub/../a.ts', 'a.ts'],
    ['not/there/yet.ts', 'not/there/yet.ts'],
    ['alias.ts', 'a.ts'],
  ])('%s is kept as %s', async (path, kept) => {
    const { client } = await rooted();
    await client.files.add({ ...one, path });
    expect((await client.files.list(one)).map((file) => file.path)).toEqual([kept]);
  });

  test.each([
    '..',
    '.',
    '../secret/key',
    'door/key',
    'door/not-there',
    '/etc/passwd',
    'sub/../../secret/key',
    'a\u0000b',
  ])('%j leads out of it and is refused', async (path) => {
    const { client } = await rooted();
    for (const call of [
      client.files.add({ ...one, path }),
      client.files.index({ ...one, path, metadata: {} }),
    ])
      expect((await errorOf(call)).code).toBe('INVALID_PATH');
    expect(await client.files.list(one)).toEqual([]);
  });

  test('are named from it when their path is given in full', async () => {
    const { client } = await rooted();
    await client.files.add({ ...one, path: join(root, 'files/sub/b.ts') });
    expect((await client.files.list(one)).map((file) => file.path)).toEqual(['sub/b.ts']);
  });
});
