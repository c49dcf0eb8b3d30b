// What is cleared after a removal is not synced: a loss of power may bring it back, and must not take what came after it.
import { expect, test } from 'vitest';
import type { Append, Head } from '../../src/journal/journal.ts';
import { LevelJournal } from '../../src/journal/level-journal.ts';
import { draft, headDraft } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { simulatedDisk } from '../../src/testing/simulated-disk.ts';

const stream = 'session/one';

const headOf = (append: Append): Head => {
  if (!append.ok) throw new Error('it was not appended');
  return append.head;
};

test('a stream that was removed and written again is there, whatever log files LevelDB begins meanwhile', async () => {
  const lost: string[] = [];
  for (let seed = 1; seed <= 60; seed++) {
    const disk = simulatedDisk({ seed });
    const journal = await LevelJournal.open({ open: disk.open });
    const first = headOf(await journal.append(stream, null, [draft(1, 1, stream)], { head: headDraft }));
    const gone = headOf(await journal.remove(stream, first.version));
    await journal.append(stream, gone.version, [draft(2, 2, stream)], { head: headDraft });
    const left = simulatedDisk({ image: disk.image.afterPowerLoss(0) });
    const reopened = await LevelJournal.open({ open: left.open });
    const { events } = await reopened.readFrom(stream, 1).catch((error: Error) => {
      lost.push(`seed ${seed}: ${error.message}`);
      return { events: [] };
    });
    if (events.length !== 1) lost.push(`seed ${seed}: ${events.length} events`);
  }
  expect(lost).toEqual([]);
});
