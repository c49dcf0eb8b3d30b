// A backup while agents go on writing, the store restored somewhere else, and one session carried to a third store as a file.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Client,
  createSystem,
  exportSession,
  importSession,
  restoreBackup,
  verifyCapsule,
} from 'holdfast';

const root = await mkdtemp(join(tmpdir(), 'holdfast-'));
const location = join(root, 'store');
const sessionId = 'desk';

async function contentOf(client: Client): Promise<readonly unknown[]> {
  const { items } = await client.messages.list({ sessionId, limit: 1000 });
  return items.map(({ content }) => content);
}

try {
  const system = await createSystem({ location, backupEveryMs: 60 * 60 * 1000 });
  const { client } = system;
  await client.sessions.create({ sessionId });
  const send = (n: number) => client.messages.send({ sessionId, role: 'user', content: `message ${n}` });
  for (let n = 1; n <= 20; n++) await send(n);

  // Nothing stops for it: what is answered from now on may be in it or not.
  const [backup] = await Promise.all([
    client.backups.create({ note: 'before the upgrade' }),
    send(21),
    send(22),
  ]);
  assert.equal(backup.status, 'verified');
  console.log(`${backup.events} events of ${backup.streams} streams in ${backup.storedBytes} bytes`);

  // A session as a file: whoever has it can check it, without a store.
  const file = join(root, 'desk.capsule');
  await exportSession(client, { sessionId, file });
  const { valid, replays, events } = await verifyCapsule(file);
  assert.ok(valid && replays);
  await system.close();

  // The whole store, as it was, in another place. Over a store that is there: `force: true`, and that is backed up first.
  const restored = join(root, 'restored');
  const report = await restoreBackup({ from: backup.path, to: restored });
  assert.equal(report.from.backupId, backup.backupId);
  await using second = await createSystem({ location: restored });
  const found = await contentOf(second.client);
  assert.ok(found.length >= 20);
  assert.deepEqual(
    found,
    Array.from(found, (_, i) => `message ${i + 1}`),
  );

  // The one session, elsewhere, with every event as it was.
  await using third = await createSystem({ location: join(root, 'other') });
  const { as, seq } = await importSession(third.client, { file });
  assert.deepEqual([as, seq], ['records', events]);
  assert.equal((await contentOf(third.client)).length, 22);
  console.log(`restored ${found.length} messages; ${events} events of ${sessionId} live on elsewhere`);
} finally {
  await rm(root, { recursive: true });
}
