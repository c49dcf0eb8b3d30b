// The peers alone: npm run build:programs && node --expose-gc .build/test/bench/peers/main.js [--rounds N] [--messages N] [--quick]
import { parseArgs } from 'node:util';
import type { Measured } from '../measure.ts';
import { measurePeers } from './index.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    messages: { type: 'string', default: '20000' },
    quick: { type: 'boolean', default: false },
  },
});

const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(2));
const range = ({ median, lowest, highest }: Measured): string =>
  `${figure(median)} [${figure(lowest)} to ${figure(highest)}]`;

const startedAt = performance.now();
await measurePeers(
  { rounds: Number(values.rounds), messages: Number(values.messages), quick: values.quick },
  (row) => {
    const limit = row.must === undefined ? '' : `  must >= ${row.must}, aim ${row.aim}`;
    console.log(`\n${row.name}`);
    console.log(`  holdfast  ${range(row.product)} ${row.unit}  ${row.productDurability}`);
    console.log(`  peer      ${range(row.peer)} ${row.unit}  ${row.peerName}: ${row.peerDurability}`);
    console.log(`  ratio     ${range(row.ratio)}${limit}`);
    if (row.note !== undefined) console.log(`  ${row.note}`);
  },
  (line) => console.log(`\n${line}`),
);
console.log(`\n${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
