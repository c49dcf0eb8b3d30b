// npm run bench -- scale: what operations, memory and a start cost as there are more sessions and longer conversations.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeMachine, thisMachine } from './machine.ts';
import { number, range } from './report.ts';
import { measureScale } from './scale-measurement.ts';
import { readScaleOptions } from './scale-options.ts';
import { plotScale } from './scale-plot.ts';
import { flatEnough, flatness, growth, type ScaleSeries } from './scale-series.ts';
import type { Say } from './workshop.ts';

export async function runScale(args: readonly string[], say: Say): Promise<number> {
  const options = readScaleOptions(args);
  const machine = thisMachine();
  console.log(
    `${describeMachine(machine)}; ${options.rounds} alternating rounds, median [lowest to highest]`,
  );
  if (options.quick) console.log('A smoke run: its figures say nothing.');
  const series: ScaleSeries[] = [];
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-scale-'));
  try {
    const onSeries = (one: ScaleSeries): void => {
      series.push(one);
      console.log(describe(one));
    };
    await measureScale({ options, directory, say, onSeries });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  console.log(summary(series));
  const told = series.map((each) => ({ ...each, growth: growth(each), flatness: flatness(each) }));
  if (options.json !== undefined)
    await writeFile(options.json, `${JSON.stringify({ machine, options, series: told }, null, 2)}\n`);
  if (options.svg !== undefined) await writeFile(options.svg, plotScale(series));
  return 0;
}

function describe(series: ScaleSeries): string {
  const { id, name, by, unit, durability, points, note } = series;
  const grown = growth(series);
  const lines = points.map(({ size, cost, cpu }, i) => {
    const times = grown[i]?.ratio;
    const beside = cpu === undefined ? '' : `, ${number(cpu.median)} cpu`;
    return `  ${String(size).padStart(7)} ${by}  ${range(cost)} ${unit}${beside}; x ${times === undefined ? '' : range(times)}`;
  });
  return [`\n${name} (${id}); durability: ${durability}${note === '' ? '' : `; ${note}`}`, ...lines].join(
    '\n',
  );
}

function summary(series: readonly ScaleSeries[]): string {
  const lines = series.map((each) => {
    const times = flatness(each);
    const verdict = times <= flatEnough ? 'flat' : 'grows';
    const cpu = each.points[0]?.cpu === undefined ? '' : number(flatness(each, 'cpu'));
    return `${each.id.padEnd(20)} ${number(times).padEnd(8)} ${cpu.padEnd(8)} ${each.judged ? verdict : 'not judged'}`;
  });
  return [
    '',
    `Largest cost over that at the smallest size, and the same of CPU time; flat is a cost up to ${flatEnough}:`,
    ...lines,
  ].join('\n');
}
