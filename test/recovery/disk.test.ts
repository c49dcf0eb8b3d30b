// The disk harness in its short form: a real full disk that heals, and a directory that is deleted while it is open.
import { describe, expect, test } from 'vitest';
import { deletedDirectory, fullDisk, play } from '../torture/disk/scenarios.ts';
import { Volume } from '../torture/disk/volume.ts';

const refusal = Volume.refusal();
if (refusal !== undefined) console.warn(`Tests on a real full disk are skipped: ${refusal}`);

describe.skipIf(refusal !== undefined).concurrent('a real disk', () => {
  test.each([
    ['a full disk is read, refuses writes with a code, and heals without a restart', fullDisk, 14],
    ['a deleted directory is found, read and not written', deletedDirectory, 8],
  ])('%s', async (_, scenario, megabytes) => {
    expect(await play(scenario, megabytes * 1024 * 1024)).toMatchObject({ problems: [] });
  });
});
