// The laws harness: every law beside its model and every race for what only one may have, one after the other, at their full counts.
import { checkedLaws } from '../support/laws.ts';
import type { Harness } from './harness.ts';

const atOnce = 100;

export const lawsHarness: Harness = {
  name: 'laws',
  summary:
    'every law beside its model (3,000 lives each), every race in any order (2,000 interleavings each)',
  async run({ cycles, short, seed, progress }) {
    const rows: (readonly [string, string])[] = [];
    const broken: string[] = [];
    for (const { name, runs, check } of checkedLaws) {
      const total = cycles ?? (short ? 100 : runs);
      const beganAt = performance.now();
      let done = 0;
      const problem = await check(total, seed, () => {
        done += 1;
        if (done % atOnce === 0 || done === total) progress(Math.min(done, total), total, name);
      });
      const tookS = ((performance.now() - beganAt) / 1_000).toFixed(1);
      rows.push([name, `${done} in ${tookS} s${problem === undefined ? '' : ', BROKEN'}`]);
      if (problem !== undefined) broken.push(`${name}: ${problem}`);
    }
    return { rows, broken };
  },
};
