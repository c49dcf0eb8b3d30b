// A member whose session was paused rests, also when the process died before the roster was told; and is there again when it goes on.
import { expect, test } from 'vitest';
import { createTestSystem } from '../../src/testing/index.ts';
import { quiet } from '../support/outcome.ts';

test('who was paused, or went on, as the process died stands on the roster as he is', async () => {
  await using system = await createTestSystem();
  const one = { sessionId: 'a' };
  await system.client.sessions.create(one);
  await system.client.roster.join({ ...one, role: 'cook' });
  for (const [change, status] of [
    ['pause', 'resting'],
    ['resume', 'idle'],
  ] as const) {
    const held = system.disk.holdWrites(1);
    await system.client.sessions[change](one);
    await held.arrived;
    const restarting = system.restart('kill');
    held.release();
    await restarting;
    await quiet();
    expect((await system.client.roster.get(one)).status).toBe(status);
  }
});
