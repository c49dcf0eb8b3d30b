// npm run bench -- [--rounds N] [--sessions N] [--messages N] [--json FILE]
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Row } from './measure.ts';
import { measureAll } from './rows.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    sessions: { type: 'string', default: '2000' },
    messages: { type: 'string', default: '20000' },
    json: { type: 'string' },
  },
});

const options = {
  rounds: Number(values.rounds),
  sessions: Number(values.sessions),
  messages: Number(values.messages),
};
if (Object.values(options).some((value) => !Number.isInteger(value) || value < 1)) {
  console.error('--rounds, --sessions and --messages take whole numbers above 0');
  process.exit(2);
}
const rows: Row[] = [];
console.log(
  `Node ${process.version}, ${cpus().length} cores; ${options.rounds} alternating rounds, median [lowest to highest]`,
);
await measureAll(options, (row) => {
  rows.push(row);
  print(row);
});
if (values.json !== undefined)
  await writeFile(values.json, `${JSON.stringify({ options, rows }, null, 2)}\n`);

function print({ name, unit, product, floorName, floor, ratio }: Row): void {
  console.log(`\n${name}`);
  console.log(
    `  holdfast  ${figure(product.median)} ${unit}  [${figure(product.lowest)} to ${figure(product.highest)}]`,
  );
  console.log(
    `  floor     ${figure(floor.median)} ${unit}  [${figure(floor.lowest)} to ${figure(floor.highest)}]  ${floorName}`,
  );
  console.log(
    `  ratio     ${ratio.median.toFixed(2)}  [${ratio.lowest.toFixed(2)} to ${ratio.highest.toFixed(2)}]`,
  );
}

function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
