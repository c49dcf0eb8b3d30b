// Damage that is found while the store is open: the database is repaired, and the sessions that have lost something are quarantined
// at once, not at the next start.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { placesByIndex } from '../../src/journal/store/table-blocks.ts';
import { createSystem } from '../../src/system.ts';
import { codeOf } from '../support/outcome.ts';

test('a scrub of a damaged table quarantines what is lost, and all others go on', async () => {
  const location = await mkdtemp(join(tmpdir(), 'holdfast-found-'));
  onTestFinished(() => rm(location, { recursive: true }));
  const ids = Array.from({ length: 30 }, (_, n) => `s${100 + n}`);
  for (let opening = 0; opening < 2; opening++) {
    const system = await createSystem({ location });
    for (const sessionId of ids) {
      if (opening === 0) await system.client.sessions.create({ sessionId });
      await system.client.messages.send({ sessionId, role: 'user', content: `${sessionId} `.repeat(60) });
    }
    await system.close();
  }
  await damageLastBlocks(join(location, 'store'));
  const named = new Set<string>();
  const onTelemetry = ({ name, data }: { readonly name: string; readonly data: object }): void => {
    if ((name === 'journal.lost' || name === 'journal.damaged') && 'stream' in data)
      named.add(String(data.stream).replace('session/', ''));
  };
  const system = await createSystem({ location, onTelemetry });
  onTestFinished(() => system.close());
  const { sessions, messages, storage } = system.client;
  expect(await sessions.conditions({})).toEqual([]);
  await storage.scrub({});
  const quarantined = async () =>
    (await sessions.conditions({ condition: 'quarantined' })).map(({ sessionId }) => sessionId);
  let found: readonly string[] = [];
  // Nobody asks for the sessions meanwhile: it is the repair that names them.
  for (let turn = 0; turn < 10_000 && (named.size === 0 || found.length < named.size); turn++) {
    await new Promise(setImmediate);
    found = await quarantined();
  }
  expect(named.size).toBeGreaterThan(0);
  expect(named.size).toBeLessThan(ids.length);
  expect([...found].sort()).toEqual([...named].sort());
  for (const sessionId of ids) {
    const sent = await codeOf(messages.send({ sessionId, role: 'user', content: 'after' }));
    expect(sent).toBe(named.has(sessionId) ? 'SESSION_QUARANTINED' : 'answered');
    if (!named.has(sessionId)) expect((await messages.list({ sessionId, limit: 50 })).items.length).toBe(3);
  }
});

/** Flips a bit in one block in the middle of the largest table. */
async function damageLastBlocks(folder: string): Promise<void> {
  const tables = (await readdir(folder)).filter((name) => name.endsWith('.ldb'));
  const read = await Promise.all(
    tables.map(async (name) => ({ name, bytes: await readFile(join(folder, name)) })),
  );
  const [largest] = read.sort((a, b) => b.bytes.length - a.bytes.length);
  if (largest === undefined) throw new Error('the store has no table');
  const places = placesByIndex(largest.bytes) ?? [];
  const { offset, size } = places[Math.floor(places.length / 3)] ?? { offset: 0, size: 2 };
  largest.bytes.writeUInt8(largest.bytes.readUInt8(offset + size - 6) ^ 4, offset + size - 6);
  await writeFile(join(folder, largest.name), largest.bytes);
}
