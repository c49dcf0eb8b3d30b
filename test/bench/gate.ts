// npm run bench:gate: a few rows, quickly, as ratios to their floors, against test/bench/baseline.json. A row fails when three
// alternating repeats all show less than 0.7 of the stored ratio; --write stores what is seen.
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type BenchOptions, readOptions } from './bench-options.ts';
import {
  type Baseline,
  type GateVerdict,
  judgeAll,
  ratiosOfRepeats,
  repeats,
  roundsOfRepeat,
  worstOfStored,
} from './gate-verdict.ts';
import { summarize } from './measure.ts';
import { number } from './report.ts';
import type { Row, Side } from './row.ts';
import { measureRows, rowPlans } from './rows.ts';
import { type Say, Workshop } from './workshop.ts';

/** What waits for the disk is compared by wall time; what waits for nothing by CPU time, which no neighbour spoils. */
const gated: Readonly<Record<string, 'wall' | 'cpu'>> = {
  'send-256': 'wall',
  'send-256-keys': 'wall',
  'send-1': 'wall',
  'create-256': 'wall',
  'list-page': 'cpu',
  'publish-callbacks': 'cpu',
};

/** Seen from where the programs are compiled to. */
const file = new URL('../../../test/bench/baseline.json', import.meta.url);

export async function runGate(args: readonly string[], say: Say): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { write: { type: 'boolean' } } });
  const write = values.write ?? false;
  const seen = await ratiosOf(write ? repeats + 2 : repeats, say);
  if (write) {
    const stored = [...seen].map(([id, ratios]) => [id, Number(summarize(ratios).median.toPrecision(3))]);
    await writeFile(file, `${JSON.stringify(Object.fromEntries(stored), null, 2)}\n`);
  }
  const verdicts = judgeAll(JSON.parse(await readFile(file, 'utf8')) as Baseline, seen);
  console.log(
    `The floor's cost over the product's; slower is: every repeat below ${worstOfStored} of the stored.`,
  );
  for (const verdict of verdicts) console.log(describe(verdict));
  return verdicts.every(({ verdict }) => verdict === 'ok') ? 0 : 1;
}

async function ratiosOf(repeated: number, say: Say): Promise<ReadonlyMap<string, readonly number[]>> {
  const options: BenchOptions = {
    ...readOptions(['--quick', '--messages', '1500', '--sessions', '1000']),
    rounds: repeated * roundsOfRepeat,
  };
  const seen = new Map<string, readonly number[]>();
  const shop = await Workshop.open(options, say);
  try {
    const plans = rowPlans.filter(({ id }) => id in gated);
    await measureRows(shop, plans, (row) => {
      if (!('skipped' in row)) seen.set(row.id, ratiosBy(gated[row.id] ?? 'wall', row));
    });
  } finally {
    await shop.close();
  }
  return seen;
}

function ratiosBy(basis: 'wall' | 'cpu', { product, floor }: Row): readonly number[] {
  return ratiosOfRepeats(costs(basis, product), costs(basis, floor));
}

function costs(basis: 'wall' | 'cpu', { cost, details }: Side): readonly number[] {
  if (basis === 'wall') return cost.rounds;
  return Object.entries(details).find(([unit]) => unit.endsWith(' cpu'))?.[1].rounds ?? [];
}

function describe({ id, stored, seen, verdict }: GateVerdict): string {
  const told = stored === undefined ? 'nothing' : number(stored);
  return `${id.padEnd(20)} stored ${told.padEnd(9)} seen ${seen.map(number).join(', ').padEnd(28)} ${verdict}`;
}
