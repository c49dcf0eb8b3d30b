// Memories through kills: what was answered is there, once per key, and what was erased is in no file of a real store.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystem } from 'holdfast';
import { expect, test } from 'vitest';
import { createTestSystem } from '../../src/testing/test-system.ts';
import { quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };

test('whatever the moment of the kill, an answered proposal is there, once for its key, and judged once', async () => {
  await using test = await createTestSystem({ passivateAfterMs: null, memories: { judgeAfterMs: 5_000 } });
  await test.client.sessions.create(one);
  const answered = new Map<string, string>();
  const keys: string[] = [];
  for (let round = 0; round < 12; round++) {
    const { memories } = test.client;
    for (let i = 0; i < 3; i++) {
      const key = `k${round}-${i}`;
      keys.push(key);
      memories.propose({ ...one, content: key, importance: 1 }, { idempotencyKey: key }).then(
        ({ memoryId }) => void answered.set(key, memoryId),
        () => undefined,
      );
    }
    if (round % 3 === 1) memories.evaluate(one).catch(() => undefined);
    await quiet(round);
    await test.restart('kill');
    if (round % 4 === 3) await test.clock.advance(6_000);
  }
  for (const key of keys) {
    const again = await test.client.memories.propose(
      { ...one, content: key, importance: 1 },
      { idempotencyKey: key },
    );
    if (answered.has(key)) expect(again).toMatchObject({ repeated: true, memoryId: answered.get(key) });
    answered.set(key, again.memoryId);
  }
  await test.clock.advance(6_000);
  await quiet();
  const { items } = await test.client.memories.list({ ...one, limit: 1000 });
  const { counts, pending } = await test.client.memories.stats(one);
  expect(answered.size).toBe(keys.length);
  expect(items.map(({ content }) => content).sort()).toEqual([...keys].sort());
  expect({ pending, ...counts }).toMatchObject({ pending: 0, proposed: 36, promoted: 36, evicted: 0 });
});

test('what was erased is in no file, whether it waited or was kept, over a restart', async () => {
  const location = await mkdtemp(join(tmpdir(), 'holdfast-memories-'));
  const [waiting, kept] = ['q7Zk0vXw3RtB9mLp', 'Yd2fHu8sJc5aNe1o'];
  const filesWith = async (text: string): Promise<number> => {
    const entries = await readdir(location, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    const read = await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name))));
    return read.filter((bytes) => bytes.includes(text)).length;
  };
  try {
    let system = await createSystem({ location, scrubEveryMs: 0 });
    const { sessions, memories } = system.client;
    await sessions.create(one);
    const { memoryId } = await memories.propose({ ...one, content: kept });
    await memories.promote({ ...one, memoryId });
    await memories.share({ ...one, memoryId, scope: 'app' });
    await memories.propose({ ...one, content: waiting });
    await system.close();
    system = await createSystem({ location, scrubEveryMs: 0 });
    for (const text of [kept, waiting]) expect(await filesWith(text)).toBeGreaterThan(0);
    expect(await system.client.memories.erase({ ...one, memoryId })).toMatchObject({ purged: true });
    expect(await filesWith(kept)).toBe(0);
    expect(await system.client.memories.pending(one)).toMatchObject([{ content: waiting }]);
    expect(await system.client.sessions.erase(one)).toMatchObject({ purged: true });
    expect(await filesWith(waiting)).toBe(0);
    await system.close();
    system = await createSystem({ location, scrubEveryMs: 0 });
    expect(await system.client.memories.stats(one)).toMatchObject({ pending: 0, kept: 0 });
    await system.close();
    expect((await filesWith(kept)) + (await filesWith(waiting))).toBe(0);
  } finally {
    await rm(location, { recursive: true });
  }
});
