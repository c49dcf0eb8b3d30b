// The disk harness: a full disk, no descriptors, a read-only or deleted directory, a second opener, all of them real.
import {
  belowTheMark,
  deletedDirectory,
  fullDisk,
  killWhileFull,
  noDescriptors,
  play,
  readOnly,
  type Scenario,
  secondOpener,
  withReserve,
} from './disk/scenarios.ts';
import { Volume } from './disk/volume.ts';
import type { Harness, TortureResult } from './harness.ts';

const short: Readonly<Record<string, Scenario>> = {
  'full disk': fullDisk,
  'kill while full': killWhileFull,
  'below the mark': belowTheMark,
  'no descriptors': noDescriptors,
  'read-only': readOnly,
  'deleted directory': deletedDirectory,
  'second opener': secondOpener,
};

const diskScenarios: Readonly<Record<string, Scenario>> = { ...short, 'with reserve': withReserve };

export const diskHarness: Harness = {
  name: 'disk',
  summary:
    'a real full disk, EMFILE, read-only and deleted directories, a second opener under 8 clients (5 rounds)',
  async run({ cycles, short: isShort, progress }) {
    const refusal = Volume.refusal();
    if (refusal !== undefined) {
      console.error(`The disk harness needs a small file system of its own, and ${refusal}`);
      process.exit(2);
    }
    const rounds = cycles ?? (isShort ? 1 : 5);
    const scenarios = Object.entries(isShort ? short : diskScenarios);
    const rows: (readonly [string, string | number])[] = [];
    const broken: string[] = [];
    for (let round = 0; round < rounds; round++)
      for (const [index, [name, scenario]] of scenarios.entries()) {
        progress(round * scenarios.length + index, rounds * scenarios.length, name);
        const outcome = await play(scenario);
        const prefix = rounds === 1 ? name : `${round + 1}: ${name}`;
        for (const [label, value] of outcome.rows) rows.push([`${prefix}: ${label}`, value]);
        for (const problem of outcome.problems) broken.push(`${prefix}: ${problem}`);
      }
    return { rows, broken } satisfies TortureResult;
  },
};
