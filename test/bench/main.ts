// npm run bench: the rows, or the scale, or the gate. A missed must ends with status 1 only with --assert.
import { readFile, writeFile } from 'node:fs/promises';
import { type BenchOptions, readOptions, UsageError, usage } from './bench-options.ts';
import { compareRows } from './comparison.ts';
import { runGate } from './gate.ts';
import { describeMachine, thisMachine } from './machine.ts';
import type { PeerRow } from './peer-row.ts';
import { describeAll, describeChanges, describePeer, describeRow, hasPeerMissed } from './report.ts';
import { hasMissed, type Row, type SkippedRow } from './row.ts';
import { measureRows, plansWith } from './rows.ts';
import { runScale } from './scale.ts';
import { type Say, Workshop } from './workshop.ts';

const say: Say = (line) => console.error(`… ${line}`);

const [command, ...rest] = process.argv.slice(2);
try {
  process.exitCode = await run(command ?? '', rest);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}

function run(name: string, args: readonly string[]): Promise<number> {
  if (name === 'scale') return runScale(args, say);
  if (name === 'gate') return runGate(args, say);
  return runRows(readOptions(process.argv.slice(2)));
}

async function runRows(options: BenchOptions): Promise<number> {
  const plans = plansWith(options.only);
  if (plans.length === 0 && !options.peers) throw new UsageError(`no row holds ${options.only}`);
  const former = options.compare === undefined ? undefined : await readRows(options.compare);
  const machine = thisMachine();
  console.log(
    `${describeMachine(machine)}; ${options.rounds} alternating rounds, median [lowest to highest]`,
  );
  if (options.quick) console.log('A smoke run: its figures say nothing.');
  const rows = await rowsOf(options);
  const peers = options.peers ? await peerRows(options) : [];
  console.log(describeAll(rows));
  if (former !== undefined) console.log(describeChanges(compareRows(former, measured(rows))));
  if (options.json !== undefined)
    await writeFile(options.json, `${JSON.stringify({ machine, options, rows, peers }, null, 2)}\n`);
  const missed = measured(rows).some(hasMissed) || peers.some(hasPeerMissed);
  return options.assert && missed ? 1 : 0;
}

async function rowsOf(options: BenchOptions): Promise<readonly (Row | SkippedRow)[]> {
  const rows: (Row | SkippedRow)[] = [];
  const shop = await Workshop.open(options, say);
  try {
    await measureRows(shop, plansWith(options.only), (row) => {
      rows.push(row);
      console.log(describeRow(row));
    });
  } finally {
    await shop.close();
  }
  return rows;
}

function measured(rows: readonly (Row | SkippedRow)[]): readonly Row[] {
  return rows.flatMap((row) => ('skipped' in row ? [] : [row]));
}

async function readRows(file: string): Promise<readonly Row[]> {
  const { rows } = JSON.parse(await readFile(file, 'utf8')) as { rows: readonly (Row | SkippedRow)[] };
  return measured(rows);
}

/** They have packages of their own, which need not be installed. */
async function peerRows({ rounds, messages, quick }: BenchOptions): Promise<readonly PeerRow[]> {
  const rows: PeerRow[] = [];
  const { measurePeers } = await loadPeers();
  await measurePeers(
    { rounds, messages, quick },
    (row) => {
      rows.push(row);
      console.log(describePeer(row));
    },
    say,
  );
  return rows;
}

/** What test/bench/peers/index.ts exports. */
type MeasurePeers = (
  options: Pick<BenchOptions, 'rounds' | 'messages' | 'quick'>,
  onRow: (row: PeerRow) => void,
  onProgress: Say,
) => Promise<void>;

async function loadPeers(): Promise<{ readonly measurePeers: MeasurePeers }> {
  try {
    return await import(new URL('./peers/index.js', import.meta.url).href);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error;
    throw new UsageError(`the peers cannot be loaded (npm install --prefix test/bench): ${error.message}`);
  }
}
