// A disk that cannot be read for a moment holds a task up for a moment, whatever else happens in its session.
import { expect, test } from 'vitest';
import { createSystem } from '../../src/system.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { simulatedDisk } from '../../src/testing/simulated-disk.ts';
import { quiet } from '../support/outcome.ts';

test('a task whose input cannot be read once is begun when it can be, though nothing changes in its session', async () => {
  let failing = false;
  const disk = simulatedDisk({
    plan({ operation }) {
      if (!failing || operation !== 'iterator') return undefined;
      failing = false;
      return 'error-before';
    },
  });
  const heldUp: unknown[] = [];
  const clock = manualClock();
  await using system = await createSystem({
    ...{ store: disk.open, clock, scrubEveryMs: 0, agents: { worker: async () => 'done' } },
    onTelemetry: ({ name, data }) => name === 'task.heldUp' && heldUp.push(data),
  });
  const { sessions, tasks } = system.client;
  await sessions.create({ sessionId: 'a' });
  failing = true;
  await tasks.create({ sessionId: 'a', taskId: 't', title: 'T', agent: 'worker' });
  await quiet(100);
  expect(heldUp).toMatchObject([{ taskId: 't', code: 'JOURNAL_UNAVAILABLE' }]);
  await clock.advance(10_000);
  await quiet(100);
  expect((await tasks.get({ sessionId: 'a', taskId: 't' })).status).toBe('completed');
});
