// Who hears that the outcome is unknown is told to look: what is read then is what the disk holds, not what was known before.
import { expect, test } from 'vitest';
import { nthWrite } from '../../src/testing/faulty-level.ts';
import { createTestSystem } from '../../src/testing/test-system.ts';
import { codeOf } from '../support/outcome.ts';

const one = { sessionId: 's' };

test.each(['before', 'after'] as const)(
  'a write that fails %s it was kept is seen as it is at once',
  async (when) => {
    const system = await createTestSystem();
    const { client, disk } = system;
    await client.sessions.create(one);
    const created = await client.sessions.get(one);
    const sent = client.messages.send({ ...one, role: 'user', content: 'perhaps' });
    disk.failWrites(nthWrite(disk.writes + 1, when));
    expect(await codeOf(sent)).toBe('OUTCOME_UNKNOWN');
    const kept = when === 'after' ? 1 : 0;
    const [session, messages] = await Promise.all([client.sessions.get(one), client.messages.list(one)]);
    expect(messages.items.length).toBe(kept);
    expect(session.seq).toBe(created.seq + kept);
    await system.close();
  },
);
