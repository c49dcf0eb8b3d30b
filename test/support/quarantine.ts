// A session that fails until it is quarantined.
import type { TestSystem } from '../../src/testing/index.ts';
import { codeOf, quiet } from './outcome.ts';

export async function quarantined({ client, clock, crash }: TestSystem, sessionId: string): Promise<void> {
  for (let n = 0; n < 20; n++) {
    const { status } = await client.sessions.get({ sessionId });
    if (status === 'quarantined') return;
    try {
      crash(sessionId);
    } catch {
      // It is being started again, or is not in memory.
      void codeOf(client.sessions.wake({ sessionId }));
    }
    await clock.advance(500);
    await quiet();
  }
  throw new Error('it was not quarantined');
}
