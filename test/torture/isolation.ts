// The isolation campaign: a tenth of a crowd of sessions is killed by all routes, and nobody else notices. The same run
// without kills stands beside it: both end with the same heap.
import type { Harness, TortureOptions, TortureResult } from './harness.ts';
import { inChild } from './in-child.ts';
import { Crowd, type CrowdOptions } from './isolation/crowd.ts';
import type { Ledger } from './isolation/ledger.ts';
import { routes } from './isolation/routes.ts';

const fullSessions = 10_000;
const shortSessions = 300;
const victimShare = 0.1;
/** The most by which the heap may differ from that of the run without kills. */
const heapShare = 0.02;
/** When all is closed no session is left to compare: so much a kill may leave, which covers code that only kills make hot. */
const bytesPerKill = 1_024;
const fewestCommands = 5;
/** Below this the heap of the process itself hides what sessions leave behind. */
const leastForHeap = 5_000;

export const isolationHarness: Harness = {
  name: 'isolation',
  summary:
    '1,000 of 10,000 sessions are killed by every route: the others miss nothing, those come back, no heap stays',
  run,
};

async function run({ cycles, short, seed, progress }: TortureOptions): Promise<TortureResult> {
  const sessions = cycles ?? (short ? shortSessions : fullSessions);
  // In a small crowd every route is still taken a few times.
  const victims = Math.min(Math.ceil(sessions / 2), Math.max(sessions * victimShare, routes.length * 2));
  const shared = { sessions, victims: Math.round(victims), seed };
  if (sessions < leastForHeap) {
    const ledger = await new Crowd({ ...shared, kills: true, measureHeap: false }, progress).run();
    return { rows: rowsOf(sessions, ledger), broken: brokenIn(ledger) };
  }
  const job: CrowdOptions = { ...shared, kills: true, measureHeap: true };
  const ledger = await inChild<Ledger>('isolation-worker', job, progress);
  const calm = await inChild<Ledger>('isolation-worker', { ...job, kills: false }, progress);
  return {
    rows: [
      ...rowsOf(sessions, ledger),
      ['heap with all sessions in memory', compared(ledger.heapQuiet, calm.heapQuiet)],
      ['heap when all is closed', leftBy(ledger, calm)],
    ],
    broken: [
      ...brokenIn(ledger),
      ...calm.broken.slice(0, 3).map((fault) => `without kills: ${fault}`),
      ...heapFault('with all sessions in memory', ledger.heapQuiet, calm.heapQuiet),
      ...closedFault(ledger, calm),
    ],
  };
}

function rowsOf(sessions: number, ledger: Ledger): TortureResult['rows'] {
  const { killed, kills, quarantined, asked, answered, fewest, heard, iterators, untouched } = ledger;
  return [
    ['sessions', sessions],
    ['left alone', untouched],
    ['kills', kills],
    ...routes.map(({ name }) => [`killed by ${name}`, killed[name] ?? 0] as const),
    ['crashes of sessions', ledger.crashes],
    ['crashes of agents', ledger.agentCrashes],
    ['agents abandoned', ledger.abandoned],
    ['faults of subscribers', ledger.subscriberFaults],
    ['faults of the inspector', ledger.inspectorFaults],
    ['quarantined, and brought back', quarantined],
    ['commands asked', asked],
    ['commands answered', answered],
    ['fewest commands of one left alone', fewest],
    ['events heard', heard],
    ['heard by iterators', iterators],
  ];
}

function brokenIn(ledger: Ledger): string[] {
  const { broken, killed, fewest, subscriberFaults, inspectorFaults, quarantined } = ledger;
  const untried = routes.filter(({ name }) => (killed[name] ?? 0) === 0);
  return [
    ...broken.slice(0, 10),
    ...(broken.length > 10 ? [`${broken.length - 10} more faults of this kind`] : []),
    ...untried.map(({ name }) => `nobody was killed by ${name}`),
    ...(fewest < fewestCommands ? [`one that was left alone had only ${fewest} commands`] : []),
    ...(subscriberFaults === 0 ? ['no subscriber threw'] : []),
    ...(inspectorFaults === 0 ? ['no inspector threw'] : []),
    ...(ledger.abandoned === 0 ? ['no agent was ended by force'] : []),
    ...(quarantined === 0 ? ['nobody was quarantined'] : []),
  ];
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MB`;

function compared(bytes: number, calm: number): string {
  const percent = (100 * (bytes - calm)) / calm;
  return `${megabytes(bytes)}, without kills ${megabytes(calm)}: ${percent.toFixed(2)} %`;
}

function leftBy({ heapClosed, kills }: Ledger, calm: Ledger): string {
  const bytes = ((heapClosed - calm.heapClosed) / kills).toFixed(0);
  return `${compared(heapClosed, calm.heapClosed)}, ${bytes} bytes for each kill`;
}

function closedFault(ledger: Ledger, calm: Ledger): string[] {
  const isSame = ledger.heapClosed - calm.heapClosed <= bytesPerKill * ledger.kills;
  return isSame ? [] : [`kills leave something when all is closed: ${leftBy(ledger, calm)}`];
}

function heapFault(when: string, bytes: number, calm: number): string[] {
  const isSame = Math.abs(bytes - calm) <= heapShare * calm;
  return isSame ? [] : [`the heap ${when} is not that of the run without kills: ${compared(bytes, calm)}`];
}
