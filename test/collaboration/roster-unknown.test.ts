// Work that is given out while the disk fails: what may have begun stays with whoever got it.
import { expect, test } from 'vitest';
import { createSystem } from '../../src/system.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { type DiskFault, simulatedDisk } from '../../src/testing/simulated-disk.ts';
import { codeOf, whileTimePasses } from '../support/outcome.ts';

test.each<DiskFault>(['error-before', 'error-after'])(
  'a task of which nobody knows whether it began is in the hands of one member (%s)',
  async (fault) => {
    let writes = Number.NaN;
    const disk = simulatedDisk({
      plan: ({ operation }) => (operation === 'batch' && ++writes === 2 ? fault : undefined),
    });
    const clock = manualClock();
    await using system = await createSystem({ store: disk.open, clock, scrubEveryMs: 0 });
    const { sessions, roster, tasks } = system.client;
    for (const sessionId of ['desk', 'ann']) await sessions.create({ sessionId });
    await roster.join({ sessionId: 'ann', role: 'cook' });
    await tasks.create({ sessionId: 'desk', taskId: 'one', title: 'One' });
    // The first is the assignment, the second the task's beginning.
    writes = 0;
    const given = roster.assign({ sessionId: 'desk', taskId: 'one', role: 'cook' });
    expect(await whileTimePasses(clock, codeOf(given))).toBe('OUTCOME_UNKNOWN');
    const { work } = await roster.get({ sessionId: 'ann' });
    expect(work?.task).toMatchObject({ sessionId: 'desk', taskId: 'one' });
    await roster.work({ sessionId: 'ann' });
    expect(await tasks.get({ sessionId: 'desk', taskId: 'one' })).toMatchObject({
      ...{ status: 'in_progress', owner: 'ann' },
    });
    await roster.complete({ sessionId: 'ann', result: 'done' });
    expect((await tasks.get({ sessionId: 'desk', taskId: 'one' })).status).toBe('completed');
  },
);
