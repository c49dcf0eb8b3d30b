// What is done and undone again leaves no entry anywhere: the short form of the leak campaign, which counts entries in the
// Maps and Sets of the process, and not bytes.
import { expect, onTestFinished, test } from 'vitest';
import { collectGarbage, entriesNaming, settledOutcomes } from '../support/entry-census.ts';
import { type CycleKind, cycleKinds, type Run } from '../torture/leak/cycles.ts';
import { Stage } from '../torture/leak/stage.ts';

async function opened(options: CycleKind['options'], prefix: string): Promise<Stage> {
  const stage = await Stage.open('memory', options, prefix);
  onTestFinished(async () => {
    await stage.system.close();
    stage.remove();
  });
  return stage;
}

/** The journal keeps the heads of the streams that were used last, and so many at most. */
const isHead = (entry: string): boolean => entry.endsWith(': tail,durable,waiting');

/** How many entries name something of each stage; what is named by nobody stands under the first. */
async function census(prefixes: readonly string[]): Promise<readonly number[]> {
  const marker = 'trace-of-';
  await collectGarbage();
  const entries = entriesNaming(marker).filter((entry) => !isHead(entry));
  const weak = entries.filter((entry) => !entry.includes(marker)).length;
  return prefixes.map(
    (prefix, i) => entries.filter((entry) => entry.includes(prefix)).length + (i === 0 ? weak : 0),
  );
}

test('a hundred cycles more of any kind leave no entry more in any Map or Set', async () => {
  const prefixes = cycleKinds.map((_, i) => `trace-of-${i}-`);
  const runs: Run[] = [];
  for (const [i, kind] of cycleKinds.entries())
    runs.push(await kind.prepare(await opened(kind.options, prefixes[i] ?? '')));
  for (const run of runs) await run(100);
  const before = await census(prefixes);
  for (const run of runs) await run(100);
  const after = await census(prefixes);
  const more = cycleKinds.map(({ name }, i) => [name, (after[i] ?? 0) - (before[i] ?? 0)]);
  expect(more).toEqual(cycleKinds.map(({ name, leavesEntry }) => [name, leavesEntry === true ? 100 : 0]));
}, 60_000);

test('sessions that expired under a limit do not hang on each other', async () => {
  const kind = cycleKinds.find(({ name }) => name === 'sessions that expire under a limit');
  const run = await kind?.prepare(await opened(kind.options, 'expired-'));
  const before = settledOutcomes();
  await run?.(400);
  expect(settledOutcomes() - before).toBeLessThan(150);
});

test('sessions that are not journaled leave nothing at all when they are ended with cleanup', async () => {
  const kind = cycleKinds.find(({ name }) => name === 'create and terminate, with cleanup, not journaled');
  const run = await kind?.prepare(await opened(kind.options, 'trace-of-none-'));
  await run?.(100);
  const [before] = await census(['trace-of-none-']);
  await run?.(300);
  expect(await census(['trace-of-none-'])).toEqual([before]);
});
