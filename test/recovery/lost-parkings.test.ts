// A list of parked events that is gone from a store on a real disk: its witness knows of it, and its session is folded by nobody as if
// nothing had been parked.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { expect, onTestFinished, test } from 'vitest';
import { parkedStream } from '../../src/domain/recovery/parked-law.ts';
import { keys } from '../../src/journal/keys.ts';
import { createSystem } from '../../src/system.ts';
import { codeOf } from '../support/outcome.ts';

const one = { sessionId: 's' };
const message = { ...one, role: 'user', content: 'said' } as const;

test('a list of parked events that is gone is a condition of its session, at each start', async () => {
  const location = await mkdtemp(join(tmpdir(), 'holdfast-'));
  onTestFinished(() => rm(location, { recursive: true }));
  const before = await createSystem({ location });
  await before.client.sessions.create(one);
  const { seq } = await before.client.messages.send(message);
  await before.client.recovery.park({ ...one, seq, action: 'skip', reason: 'it is wrong' });
  await before.close();
  await removeFrom(location, keys.head(parkedStream('s')), keys.event(parkedStream('s'), 1));
  for (let start = 0; start < 2; start++) {
    await using system = await createSystem({ location });
    const { client } = system;
    expect(await client.sessions.conditions({})).toMatchObject([
      { ...one, condition: 'quarantined', reason: 'the end of its list of parked events is lost' },
    ]);
    expect(await codeOf(client.messages.send(message))).toBe('SESSION_QUARANTINED');
  }
});

async function removeFrom(location: string, ...gone: readonly string[]): Promise<void> {
  const db = new Level<string, string>(join(location, 'store'));
  await db.batch(gone.map((key) => ({ type: 'del', key })));
  await db.close();
}
