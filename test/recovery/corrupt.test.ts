// The short form of the corrupt campaign: each kind of damage once, to a store that was closed and to one that was killed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CorruptCampaign, damages, endings } from '../torture/corrupt/campaign.ts';

const worker = fileURLToPath(new URL('../../.build/test/torture/corrupt-worker.js', import.meta.url));

let base: string;
let campaign: CorruptCampaign;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'holdfast-corrupt-'));
  campaign = new CorruptCampaign({ base, worker, sessions: 4, messages: 5 });
  await campaign.prepare();
}, 60_000);

afterAll(async () => {
  campaign.close();
  await rm(base, { recursive: true });
});

const cases = damages
  .flatMap((damage) => endings.map((ending) => ({ name: damage.name, damage, ending })))
  .map((each, index) => ({ ...each, seed: 1_000 + index }));

test.each(cases)(
  '$name, $ending: nothing wrong, nothing lost without a word, the rest serves',
  async ({ damage, ending, seed }) => {
    const { broken, intact, named } = await campaign.run(damage, ending, seed);
    expect(broken, `seed ${seed}`).toEqual([]);
    expect(intact.length + named.length).toBe(4);
  },
);
