// The corrupt campaign: whatever is done to the files of a store, no wrong value is shown, no loss goes unreported, and the
// sessions that are well serve on.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CorruptCampaign, damages, endings } from './corrupt/campaign.ts';
import { type Harness, seededRandom, type TortureOptions, type TortureResult } from './harness.ts';

const fullCases = 50;
const shortCases = 3;

export const corruptHarness: Harness = {
  name: 'corrupt',
  summary:
    '14 kinds of damage to a store, closed and killed: nothing wrong, nothing lost without a word (50 of each)',
  async run(options) {
    const base = mkdtempSync(join(tmpdir(), 'holdfast-corrupt-'));
    const cleanUp = (): void => rmSync(base, { recursive: true, force: true, maxRetries: 5 });
    process.once('exit', cleanUp);
    try {
      return await run(base, options);
    } finally {
      process.off('exit', cleanUp);
      cleanUp();
    }
  },
};

async function run(base: string, { cycles, short, seed, progress }: TortureOptions): Promise<TortureResult> {
  const count = cycles ?? (short ? shortCases : fullCases);
  const worker = fileURLToPath(new URL('./corrupt-worker.js', import.meta.url));
  const campaign = new CorruptCampaign({ base, worker, sessions: 20, messages: 15 });
  try {
    return await runAll(campaign, count, seed, progress);
  } finally {
    campaign.close();
  }
}

async function runAll(
  campaign: CorruptCampaign,
  count: number,
  seed: number,
  progress: TortureOptions['progress'],
): Promise<TortureResult> {
  await campaign.prepare();
  const seeds = seededRandom(seed);
  const total = count * damages.length * endings.length;
  let done = 0;
  for (const damage of damages) {
    for (const ending of endings) {
      for (let n = 0; n < count; n++) {
        await campaign.run(damage, ending, Math.floor(seeds() * 2 ** 32));
        done += 1;
        progress(done, total, damage.name);
      }
    }
  }
  const tallies = [...campaign.tallies];
  return {
    rows: tallies.map(([name, { cases, repaired, intact, named, ended, broken }]) => [
      name,
      `${cases} cases, ${repaired} repaired, ${ended} ended a process once, sessions: ${intact} whole, ${named} named; ${broken.length} broken`,
    ]),
    broken: tallies.flatMap(([, { broken }]) => broken.slice(0, 5)),
  };
}
