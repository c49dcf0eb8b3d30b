// What is erased is in no file of a real store any more: not in LevelDB's tables and logs, not in the witness beside them.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystem, type System } from 'holdfast';
import { afterEach, beforeEach, expect, test } from 'vitest';

const one = { sessionId: 's' };
// Of characters that do not compress, and each in one place: in a table it stands as it is.
const secrets = ['q7Zk0vXw3RtB9mLp', 'Yd2fHu8sJc5aNe1o', 'G6iKq4zVx9bWr7Ts'] as const;
const [named, said, kept] = secrets;

let location = '';

beforeEach(async () => {
  location = await mkdtemp(join(tmpdir(), 'holdfast-erasure-'));
});
afterEach(() => rm(location, { recursive: true }));

async function filesWith(text: string): Promise<readonly string[]> {
  const entries = await readdir(location, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const holds = await Promise.all(files.map(async (file) => (await readFile(file)).includes(text)));
  return files.filter((_, index) => holds[index]);
}

const open = (): Promise<System> => createSystem({ location, scrubEveryMs: 0 });

async function fill(system: System): Promise<number> {
  const { client } = system;
  await client.sessions.create({ ...one, name: named });
  const { seq } = await client.messages.send({ ...one, role: 'user', content: said });
  await client.memory.set({ ...one, key: 'k', value: kept });
  for (let i = 0; i < 40; i++) await client.messages.send({ ...one, role: 'user', content: `m${i}` });
  await client.sessions.hibernate(one);
  return seq;
}

test('of an erased message no file holds a byte, whether it was in a log or in tables', async () => {
  for (const reopens of [false, true]) {
    let system = await open();
    const seq = await fill(system);
    if (reopens) {
      await system.close();
      system = await open();
    }
    expect((await filesWith(said)).length).toBeGreaterThan(0);
    expect(await system.client.messages.erase({ ...one, seq })).toMatchObject({ erased: 1, purged: true });
    expect(await filesWith(said)).toEqual([]);
    await system.close();
    expect(await filesWith(said)).toEqual([]);
    await rm(location, { recursive: true });
  }
  await createSystem({ location }).then((system) => system.close());
});

test('of an erased session no file holds a byte: name, content, snapshots and saved copy', async () => {
  let system = await open();
  await fill(system);
  await system.client.sessions.save(one);
  await system.close();
  system = await open();
  for (const secret of secrets) expect((await filesWith(secret)).length).toBeGreaterThan(0);
  expect(await system.client.sessions.erase(one)).toMatchObject({ purged: true, savedCopy: true });
  for (const secret of secrets) expect(await filesWith(secret)).toEqual([]);
  expect(await system.client.sessions.verify(one)).toMatchObject({ valid: true });
  await system.close();
  system = await open();
  expect(system.client).toBeDefined();
  expect(await system.client.sessions.verify(one)).toMatchObject({ valid: true });
  await system.close();
  for (const secret of secrets) expect(await filesWith(secret)).toEqual([]);
});
