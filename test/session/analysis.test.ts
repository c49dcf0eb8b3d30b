// Cached files and analyses: each session's own, with everybody's behind, of one content each, within bounds, and gone with the
// session.
import { afterEach, expect, test } from 'vitest';
import { AnalysisCache, everybody } from '../../src/session/handlers/analysis-cache.ts';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/test-system.ts';
import { codeOf } from '../support/outcome.ts';

const one = { sessionId: 's' };
const other = { sessionId: 't' };
const path = 'src/a.ts';

let open: TestSystem | undefined;

async function started(options: TestSystemOptions = {}): Promise<TestSystem> {
  open = await createTestSystem({ passivateAfterMs: null, ...options });
  for (const session of [one, other]) await open.client.sessions.create(session);
  return open;
}

afterEach(async () => {
  await open?.close();
  open = undefined;
});

test('a session sees its own file before that of all, and no other session sees it', async () => {
  const { analysis } = (await started()).client;
  await analysis.cacheFile({ ...one, scope: 'global', path, content: 'all' });
  await analysis.cacheFile({ ...one, path, content: 'own', metadata: { language: 'ts' } });
  expect(await analysis.getFile({ ...one, path })).toMatchObject({
    ...{ hit: true, content: 'own', isGlobal: false, metadata: { language: 'ts' } },
  });
  expect(await analysis.getFile({ ...other, path })).toMatchObject({ content: 'all', isGlobal: true });
  expect(await analysis.getFile({ ...other, path, withContent: false })).not.toHaveProperty('content');
  expect(await analysis.getFile({ ...other, path: 'b' })).toEqual({ hit: false });
  expect(await codeOf(analysis.getFile({ sessionId: 'none', path }))).toBe('SESSION_NOT_FOUND');
});

test('an analysis is of one content: with another in its place it is not found, and not kept', async () => {
  const { analysis } = (await started()).client;
  const { hash: before } = await analysis.cacheFile({ ...one, path, content: 'before' });
  const found = { ...one, path, type: 'lint' };
  expect(await analysis.store({ ...found, hash: before, result: [1] })).toEqual({ kept: true });
  expect(await analysis.get(found)).toMatchObject({ hit: true, hash: before, result: [1] });
  const { hash: after } = await analysis.cacheFile({ ...one, path, content: 'after' });
  expect(await analysis.get(found)).toEqual({ hit: false });
  expect((await analysis.stats(one)).session.entries).toBe(1);
  expect(await analysis.store({ ...found, hash: before, result: [2] })).toEqual({ kept: false });
  expect(await analysis.get({ ...found, hash: after })).toEqual({ hit: false });
  await analysis.store({ ...found, hash: after, result: [3] });
  expect(await analysis.invalidate({ ...one, path })).toEqual({ removed: 2 });
  expect(await analysis.get({ ...found, hash: after })).toEqual({ hit: false });
  expect(await codeOf(analysis.store({ ...found, type: ':own', hash: after, result: 1 }))).toBe(
    'INVALID_INPUT',
  );
});

test('a snapshot is one hash of what the session sees, whoever cached it, and tells what has changed', async () => {
  const { analysis } = (await started()).client;
  await analysis.cacheFile({ ...one, path: 'b', content: 'same' });
  await analysis.cacheFile({ ...one, scope: 'global', path: 'a', content: 'all' });
  await analysis.cacheFile({ ...other, path: 'b', content: 'same' });
  const before = await analysis.snapshot(one);
  expect(before.files.map((file) => file.path)).toEqual(['a', 'b']);
  expect((await analysis.snapshot(other)).snapshot).toBe(before.snapshot);
  await analysis.cacheFile({ ...one, path: 'b', content: 'new' });
  await analysis.cacheFile({ ...one, path: 'c', content: 'more' });
  await analysis.invalidate({ ...one, scope: 'global', path: 'a' });
  const after = await analysis.snapshot({ ...one, since: before.files });
  expect(after.snapshot).not.toBe(before.snapshot);
  expect(after.changes).toEqual({ added: ['c'], changed: ['b'], removed: ['a'] });
});

test('files are analysed once for each content and level, and what is not cached is named', async () => {
  const { analysis } = (await started()).client;
  const { hash } = await analysis.cacheFile({ ...one, path, content: "import 'x';\nexport class A {}\n" });
  const first = await analysis.run({ ...one, paths: [path, 'none.ts'] });
  expect(first).toMatchObject({
    ...{ level: 'full', missing: ['none.ts'] },
    files: [
      { path, hash, fromCache: false, analysis: { language: 'typescript', structure: [{ name: 'A' }] } },
    ],
  });
  expect((await analysis.run(one)).files[0]).toMatchObject({ fromCache: true });
  expect((await analysis.run({ ...one, level: 'syntax' })).files[0]).toMatchObject({ fromCache: false });
  await analysis.cacheFile({ ...one, path, content: 'export class B {}' });
  expect((await analysis.run(one)).files[0]).toMatchObject({
    ...{ fromCache: false, analysis: { structure: [{ name: 'B' }] } },
  });
});

test('nothing of a session stays once it is erased or deleted, and others keep theirs', async () => {
  const { client } = await started();
  const { analysis, sessions } = client;
  const sizes = async () => (await analysis.stats(other)).all.entries;
  for (const session of [one, other]) await analysis.cacheFile({ ...session, path, content: 'x' });
  await sessions.erase(one);
  expect(await analysis.getFile({ ...one, path })).toEqual({ hit: false });
  await analysis.cacheFile({ ...one, path, content: 'y' });
  expect(await sizes()).toBe(2);
  await sessions.terminate(one);
  await sessions.delete(one);
  expect(await sizes()).toBe(1);
  expect(await analysis.clear({ ...other, scope: 'all' })).toEqual({ removed: 1 });
  expect(await analysis.stats(other)).toMatchObject({ hits: 0, misses: 1, hitRate: 0 });
});

test('the least recently used go when it is full, and what is larger than all of it is not kept', () => {
  const cache = new AnalysisCache(1_000);
  for (const name of ['a', 'b', 'c']) cache.putFile('s', name, 'x'.repeat(60), null, 0);
  expect(cache.findFile('s', 'a')?.content).toHaveLength(60);
  cache.putFile(everybody, 'd', 'y', null, 0);
  expect(['a', 'b', 'c', 'd'].filter((name) => cache.findFile('s', name) !== undefined)).toEqual([
    ...['a', 'c', 'd'],
  ]);
  expect(cache.putFile('s', 'a', 'z'.repeat(1_000), null, 0).kept).toBe(false);
  expect(cache.findFile('s', 'a')).toBeUndefined();
  expect(cache.size.bytes).toBeLessThanOrEqual(1_000);
  expect(cache.counts.evictions).toBe(1);
  cache.clearAll();
  expect([cache.size, cache.scopes]).toEqual([{ entries: 0, bytes: 0 }, 0]);
});

test('with analysisBytes of 0 nothing is kept', async () => {
  const { analysis } = (await started({ analysisBytes: 0 })).client;
  expect(await analysis.cacheFile({ ...one, path, content: 'x' })).toMatchObject({ kept: false });
  expect(await analysis.getFile({ ...one, path })).toEqual({ hit: false });
});
