// The table at the end, and whether every promise was kept.
import type { Comparison } from './comparison.ts';
import { plannedKills } from './kill-plan.ts';
import type { ReadBack } from './read-back.ts';
import type { Replayed } from './replay.ts';

export interface Verdict {
  readonly rows: readonly (readonly [label: string, value: string | number])[];
  /** One sentence for each promise that was not kept. */
  readonly broken: readonly string[];
  readonly remarks: readonly string[];
}

/** So many kills that found commands in flight make a demonstration; the smallest inputs may end before. */
const enoughKills = 10;

export function verdictOf(replayed: Replayed, readBack: ReadBack, comparison: Comparison): Verdict {
  const { ledger, kills, bootKills, inFlight, serveMs } = replayed;
  const acknowledged = [...ledger.acknowledgedOf().values()];
  const { lost, doubled, altered, outOfOrder } = comparison;
  const sent = [...ledger.acknowledgedOf().keys()].map(({ transcript }) => transcript.messages.length);
  const rows: Verdict['rows'] = [
    ['sessions', readBack.size],
    ['messages', sum(sent)],
    ['acknowledged', sum(acknowledged.map((count) => Math.max(0, count - 1)))],
    ['read back', comparison.readBack],
    ['lost', lost],
    ['doubled', doubled],
    ['altered', altered],
    ['out of order', outOfOrder],
    ['kills', kills],
    ['kills during boot', bootKills],
    ['commands in flight at the kills', `${sum(inFlight)} (${inFlight.join(', ')})`],
    ['answered again from the record', ledger.repeated],
    ['time to serve after a kill', `median ${ms(median(serveMs))}, max ${ms(Math.max(0, ...serveMs))}`],
  ];
  const hits = inFlight.filter((count) => count > 0).length;
  const broken = [
    ...comparison.findings,
    ...ledger.refusals.map(({ key, code, message }) => `${key} was refused: ${code}: ${message}`),
    ...(hits === 0 ? ['no kill found a command in flight, so nothing was shown'] : []),
  ];
  const remark = `Only ${hits} of ${plannedKills} planned kills found commands in flight: the input is small.`;
  return { rows, broken, remarks: hits < enoughKills && broken.length === 0 ? [remark] : [] };
}

export function printVerdict({ rows, broken, remarks }: Verdict): void {
  const width = Math.max(...rows.map(([label]) => label.length));
  for (const [label, value] of rows) console.log(`  ${label.padEnd(width)}  ${value}`);
  for (const remark of remarks) console.log(remark);
  for (const finding of broken.slice(0, 10)) console.log(`BROKEN: ${finding}`);
  if (broken.length > 10) console.log(`BROKEN: and ${broken.length - 10} more`);
  if (broken.length === 0) console.log('Every acknowledged message is there: once, in order, unaltered.');
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const ms = (duration: number): string => `${Math.round(duration)} ms`;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
