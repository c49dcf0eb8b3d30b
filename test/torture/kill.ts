// The kill harness: a process that serves eight clients is killed again and again, and nothing acknowledged is lost.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Harness, TortureResult } from './harness.ts';
import { Campaign } from './kill/campaign.ts';
import { type Fault, faults } from './kill/judgement.ts';

export const killHarness: Harness = {
  name: 'kill',
  summary:
    'SIGKILL at random under 8 clients that ask again: nothing lost, doubled or missing (1,000 cycles)',
  async run(options) {
    const location = mkdtempSync(join(tmpdir(), 'holdfast-kill-'));
    const cleanUp = (): void => rmSync(location, { recursive: true, force: true, maxRetries: 5 });
    process.once('exit', cleanUp);
    try {
      const campaign = new Campaign(location, options);
      await campaign.run(options.cycles ?? (options.short ? 20 : 1_000));
      return { rows: rowsOf(campaign), broken: brokenIn(campaign) };
    } finally {
      process.off('exit', cleanUp);
      cleanUp();
    }
  },
};

function rowsOf(campaign: Campaign): TortureResult['rows'] {
  const { book, inFlight, serveMs, verdict } = campaign;
  return [
    ['cycles', campaign.cycles],
    ['kills', campaign.cycles],
    ['kills during boot', campaign.bootKills],
    ['commands acknowledged', book.acknowledged],
    ['refused: paused or dormant', book.refused],
    ['in flight at the kills', sum(inFlight)],
    ['in flight per kill', spread(inFlight)],
    ['retries answered from the record', book.repeated],
    ['sessions', book.sessions.length],
    ['events scanned', verdict?.bareScan.events ?? 0],
    ...faults.map((fault) => [fault, countOf(campaign, fault)] as const),
    ['time to serve after a kill, ms', spread(serveMs)],
  ];
}

/** The same number from both readers, else both. */
function countOf({ verdict }: Campaign, fault: Fault): string | number {
  if (verdict === undefined) return 'not judged';
  const [client, scan] = [verdict.throughClient.found[fault].length, verdict.bareScan.found[fault].length];
  return client === scan ? scan : `${client} through the Client, ${scan} in the scan`;
}

function brokenIn(campaign: Campaign): string[] {
  const { book, verdict, cycles, bootKills, inFlight, problems } = campaign;
  const broken = [...problems, ...some('unexpected answers', book.strange)];
  for (const [reader, judgement] of Object.entries(verdict ?? {}))
    for (const fault of faults) broken.push(...some(`${fault}, ${reader}`, judgement.found[fault]));
  if (bootKills * 10 < cycles) broken.push(`only ${bootKills} of ${cycles} kills came during boot`);
  if (sum(inFlight) === 0) broken.push('no kill found a command in flight');
  if (book.repeated === 0) broken.push('no retry was answered from the record');
  return broken;
}

/** One sentence for all of a kind, with the first few as examples. */
function some(what: string, found: readonly string[]): string[] {
  return found.length === 0 ? [] : [`${what}: ${found.length}, such as ${found.slice(0, 3).join('; ')}`];
}

function spread(numbers: readonly number[]): string {
  const sorted = numbers.map(Math.round).sort((a, b) => a - b);
  const at = (place: number): number => sorted[Math.floor((sorted.length - 1) * place)] ?? 0;
  return `min ${at(0)}, median ${at(0.5)}, max ${at(1)}`;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
