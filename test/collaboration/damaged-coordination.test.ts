// The roster or the locks cannot be read: who asks for them hears it, and all else is served.
import { expect, test } from 'vitest';
import { keys } from '../../src/journal/keys.ts';
import { createSystem, type System } from '../../src/system.ts';
import { faultyLevel, manualClock } from '../../src/testing/index.ts';
import { codeOf } from '../support/outcome.ts';

test.each(['roster/main', 'locks/main'])('with %s damaged the system starts, and says so', async (stream) => {
  const disk = faultyLevel();
  const told: unknown[] = [];
  const open = (): Promise<System> =>
    createSystem({
      ...{ store: disk.open, clock: manualClock() },
      onTelemetry: ({ name, data }) => name === 'coordination.failed' && told.push(data.problem),
    });
  const before = await open();
  await before.client.sessions.create({ sessionId: 's' });
  await before.client.roster.join({ sessionId: 's', role: 'writer' });
  await before.client.locks.acquire({ sessionId: 's', name: 'desk' });
  await before.close();
  await disk.data.put(keys.head(stream), 'rot');
  await using system = await open();
  expect(new Set(told)).toEqual(
    new Set([`The record head of ${stream} is damaged: it does not match its checksum`]),
  );
  const asked = [
    system.client.roster.join({ sessionId: 's', role: 'reader' }),
    system.client.locks.acquire({ sessionId: 's', name: 'chair' }),
  ];
  const codes = await Promise.all(asked.map(codeOf));
  expect(codes.filter((code) => code === 'JOURNAL_CORRUPT').length).toBe(1);
  await system.client.messages.send({ sessionId: 's', role: 'user', content: 'hello' });
});
