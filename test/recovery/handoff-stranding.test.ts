// No handoff is left behind: whatever dies or ends on the way, each is accepted and delivered, comes back, or expires.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { strandedAfter, strandingMoves } from '../support/handoff-stranding.ts';

test('every handoff has its end within its deadline and a retry, whatever dies and ends on the way', async () => {
  const property = fc.asyncProperty(strandingMoves, async (moves) => {
    expect(await strandedAfter(moves)).toEqual([]);
  });
  await fc.assert(property, { numRuns: 6 });
}, 60_000);
