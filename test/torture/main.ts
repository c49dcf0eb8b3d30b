// npm run torture -- <harness> [--short] [--cycles N] [--seed N], or --list.
import { parseArgs } from 'node:util';
import { agentsHarness } from './agents.ts';
import { backupHarness } from './backup.ts';
import { collaborationCrashHarness } from './collaboration-crash.ts';
import { corruptHarness } from './corrupt.ts';
import { crashHarness } from './crash.ts';
import { diskHarness } from './disk.ts';
import { feedHarness } from './feed.ts';
import { handoffsHarness } from './handoffs.ts';
import type { Harness, TortureResult } from './harness.ts';
import { isolationHarness } from './isolation.ts';
import { killHarness } from './kill.ts';
import { lawsHarness } from './laws.ts';
import { leakHarness } from './leak.ts';
import { locksHarness } from './locks.ts';
import { memoriesHarness } from './memories.ts';
import { permitsHarness } from './permits.ts';
import { poisonHarness } from './poison.ts';
import { powerHarness } from './power.ts';
import { racesHarness } from './races.ts';
import { replayHarness } from './replay.ts';
import { spacesHarness } from './spaces.ts';
import { taskCrashHarness } from './task-crash.ts';
import { tasksHarness } from './tasks.ts';

const harnesses: readonly Harness[] = [
  killHarness,
  replayHarness,
  feedHarness,
  isolationHarness,
  leakHarness,
  racesHarness,
  corruptHarness,
  crashHarness,
  powerHarness,
  diskHarness,
  backupHarness,
  poisonHarness,
  tasksHarness,
  spacesHarness,
  memoriesHarness,
  handoffsHarness,
  locksHarness,
  agentsHarness,
  permitsHarness,
  lawsHarness,
  taskCrashHarness,
  collaborationCrashHarness,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    cycles: { type: 'string' },
    seed: { type: 'string' },
  },
});

if (values.list) {
  for (const { name, summary } of harnesses) console.log(`${name.padEnd(10)} ${summary}`);
} else {
  const status = await torture(positionals[0]);
  // What a broken promise left behind may hold the process: it ends once all is printed.
  process.stdout.write('', () => process.exit(status));
}

async function torture(name: string | undefined): Promise<number> {
  const harness = harnesses.find((candidate) => candidate.name === name);
  if (harness === undefined) {
    console.error(`Give the name of a harness: ${harnesses.map((candidate) => candidate.name).join(', ')}`);
    return 2;
  }
  const seed = wholeNumber('seed', values.seed) ?? Math.floor(Math.random() * 2 ** 31);
  const cycles = wholeNumber('cycles', values.cycles);
  const result = await harness.run({ cycles, short: values.short, seed, progress });
  if (result.skipped !== undefined) {
    console.error(`${harness.name} cannot run here: ${result.skipped}`);
    return 2;
  }
  print(harness.name, seed, result);
  return result.broken.length === 0 ? 0 : 1;
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  console.error(`--${option} takes a whole number, not ${text}`);
  process.exit(2);
}

function progress(done: number, total: number, note: string): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r${done}/${total} ${note}`.padEnd(70).slice(0, 70));
  if (done === total) process.stderr.write('\n');
}

function print(name: string, seed: number, { rows, broken }: TortureResult): void {
  console.log(`torture ${name}, seed ${seed}`);
  const width = Math.max(...rows.map(([label]) => label.length));
  for (const [label, value] of rows) console.log(`  ${label.padEnd(width)}  ${value}`);
  for (const promise of broken) console.log(`BROKEN: ${promise}`);
  console.log(broken.length === 0 ? 'All promises held.' : `Repeat with --seed ${seed}.`);
}
