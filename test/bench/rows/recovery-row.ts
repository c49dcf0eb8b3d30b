// Recovery: a process with agents at work in all of its sessions is killed by SIGKILL; the next one takes all of them up, runs
// the agents once more, and writes a receipt for each.
import { fork } from 'node:child_process';
import { childFile } from '../forked.ts';
import type { Lap } from '../lap.ts';
import { summarize } from '../measure.ts';
import type { Recovered, RecoveryTask } from '../recovery-child.ts';
import { type Row, rowOf, timedSide } from '../row.ts';
import type { RowPlan } from '../row-plan.ts';
import type { Workshop } from '../workshop.ts';
import { startLaps } from './start-row.ts';

const mostSessions = 10_000;

export const recoveryRow: RowPlan = {
  id: 'recovery',
  name: 'after SIGKILL until every session was recovered and has its receipt',
  measure: measureRecovery,
};

async function measureRecovery(shop: Workshop, plan: RowPlan): Promise<Row> {
  const { rounds, stored } = shop.options;
  const sessions = Math.min(stored, mostSessions);
  const location = shop.directory('killed');
  shop.say(`killing a process with ${sessions} sessions at work`);
  await life<number>({ what: 'fill', location, sessions });
  const laps: Recovered[] = [];
  for (let round = 0; round < rounds; round++) {
    shop.say(`recovering ${sessions} sessions: ${round + 1} of ${rounds}`);
    laps.push(await life<Recovered>({ what: 'recover', location, sessions }));
  }
  const { floor } = await startLaps(location, sessions, rounds, 'floor');
  const lap = ({ recoveredMs }: Recovered): Lap => ({
    wallUs: recoveredMs * 1000,
    cpuUs: 0,
    gcs: 0,
    gcMs: 0,
  });
  const product = timedSide(
    'holdfast: agents at work again, receipts durable',
    'fsync',
    laps.map(lap),
    'wall ms',
  );
  const details = {
    'ms until it serves': summarize(laps.map(({ servedMs }) => servedMs)),
    'MB at most': summarize(laps.map(({ peakMb }) => peakMb)),
    receipts: summarize(laps.map(({ receipts }) => receipts)),
    '% recovered': summarize(laps.map(({ receipts }) => (100 * receipts) / sessions)),
    'times below 5 s until it serves': summarize(laps.map(({ servedMs }) => 5_000 / servedMs)),
    'times below 30 s until all are back': summarize(laps.map(({ recoveredMs }) => 30_000 / recoveredMs)),
    'ms for one of them': summarize(laps.map(({ recoveredMs }) => recoveredMs / sessions)),
  };
  return rowOf({
    ...{ id: plan.id, name: `${plan.name} (${sessions})`, unit: 'ms', judging: 'cost' },
    limit: { must: 30_000, aim: 15_000 },
    product: { ...product, details },
    floor: timedSide('LevelDB: scan of the same heads, SHA-256 of each', 'read only', floor, 'wall ms'),
    notes: ['woken at a bounded rate, 100 in a tenth of a second: 10,000 sessions take ten seconds at least'],
  });
}

/** Resolves when the process is dead, with what it said. */
function life<Answer>(task: RecoveryTask): Promise<Answer> {
  const child = fork(childFile('recovery-child'), [JSON.stringify(task)], { execArgv: ['--expose-gc'] });
  let answer: Answer | undefined;
  child.once('message', (said) => {
    answer = said as Answer;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      if (answer === undefined) reject(new Error(`recovery-child ended with status ${code} and no answer`));
      else resolve(answer);
    });
  });
}
