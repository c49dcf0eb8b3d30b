// The spaces harness: the law of shared context against its model by random lives, compare-and-swap in every order that a scheduler
// chooses, and many writers of one key on a real store, whose sum is exact and whose history fits into one order.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createSystem } from '../../src/system.ts';
import { liveAsModelled, spaceMoves } from '../support/space-model.ts';
import { raceOfSwaps, swapPlans } from '../support/space-races.ts';
import { type CounterCall, incrementBySwaps, judgeCounter } from '../support/space-writers.ts';
import { checkProperty } from './check-property.ts';
import type { Harness, TortureOptions } from './harness.ts';

const writers = 64;

export const spacesHarness: Harness = {
  name: 'spaces',
  summary:
    'shared context: lives against a model (3,000), swaps in any order (2,000), 64 writers x 1,000 updates of one key on a disk',
  async run(options) {
    const { cycles, short } = options;
    const lives = cycles ?? (short ? 500 : 3_000);
    const races = cycles ?? (short ? 200 : 2_000);
    const each = cycles ?? (short ? 20 : 1_000);
    const broken = [...(await live(options, lives)), ...(await race(options, races))];
    const { rows, broken: lost } = await write(options, each);
    const counts = [
      ['lives against the model', lives],
      ['interleavings of swaps', races],
    ] as const;
    return { rows: [...counts, ...rows], broken: [...broken, ...lost] };
  },
};

const live = (options: TortureOptions, total: number): Promise<readonly string[]> =>
  checkProperty(options, 'lives', total, (done) =>
    fc.property(spaceMoves, (moves) => {
      liveAsModelled(moves);
      done();
    }),
  );

const race = (options: TortureOptions, total: number): Promise<readonly string[]> =>
  checkProperty(options, 'interleavings', total, (done) =>
    fc.asyncProperty(swapPlans, fc.scheduler(), async (plan, scheduler) => {
      const { verdict, lost } = await raceOfSwaps(plan, scheduler);
      done();
      if (verdict !== 'linearizable' || lost > 0)
        throw new Error(`${verdict}, ${lost} answered writes are lost`);
    }),
  );

async function write(
  { progress }: TortureOptions,
  each: number,
): Promise<{
  readonly rows: readonly (readonly [string, string | number])[];
  readonly broken: readonly string[];
}> {
  const location = await mkdtemp(join(tmpdir(), 'holdfast-spaces-'));
  const total = writers * each;
  const calls: CounterCall[] = [];
  const beganAt = performance.now();
  try {
    const first = await createSystem({ location, scrubEveryMs: 0 });
    const { spaceId } = await first.client.spaces.create({ spaceId: 'plan' });
    const told = setInterval(() => progress(Math.min(calls.length, total - 1), total, 'updates'), 500);
    const run = incrementBySwaps({ client: first.client, spaceId, writers, each, timeoutMs: 600_000, calls });
    const { attempts, most } = await run.finally(() => clearInterval(told));
    const tookMs = Math.round(performance.now() - beganAt);
    await first.close();
    const second = await createSystem({ location, scrubEveryMs: 0 });
    const { value } = await second.client.spaces.get({ spaceId, sessionId: 'w0', key: 'n' });
    const { ok, versions } = await second.client.spaces.verify({ spaceId });
    await second.close();
    const verdict = judgeCounter(calls);
    const broken = [
      ...(value === total ? [] : [`the sum is ${String(value)}, not ${total}`]),
      ...(verdict === 'linearizable' ? [] : [`the history of the key is ${verdict}`]),
      ...(ok ? [] : ['kept versions differ from their hashes']),
    ];
    const perUpdate = (attempts / total).toFixed(2);
    const rows = [
      ['updates by compare-and-swap', total],
      ['attempts for each', perUpdate],
      ['most attempts for one', most],
      ['took', `${tookMs} ms`],
      ['sum behind a restart', Number(value)],
      ['history of the key', verdict],
      ['versions that hold', versions],
    ] as const;
    return { rows, broken };
  } finally {
    await rm(location, { recursive: true });
  }
}
