// The receipt of one start, put together from what was found before the store was opened and what was seen while the
// sessions were taken over. Pure.
import type { BootReceipt, DamagedEvents, LostEvents } from '../../domain/recovery/recovery-vocabulary.ts';
import type { CensusCounts } from './boot-census.ts';
import type { StoreFindings } from './boot-evidence.ts';
import type { CrashVerdict } from './crash-cascade.ts';

export interface BootFacts {
  /** When the start began, and when the sessions stood. */
  readonly beganAt: number;
  readonly at: number;
  readonly epoch: number;
  readonly findings: StoreFindings;
  readonly verdict: CrashVerdict;
  readonly lastBeatAt: number | null;
  readonly previousOwner: BootReceipt['previousOwner'];
  readonly feedPosition: string;
  readonly census: CensusCounts;
  readonly quarantined: number;
  readonly hasHeartbeat: boolean;
  readonly hasDisk: boolean;
}

const shown = 20;

export function bootReceipt(facts: BootFacts): BootReceipt {
  const { at, beganAt, epoch, findings, verdict, lastBeatAt, census, quarantined } = facts;
  const { shutdown } = findings;
  const { adopted, due, terminating, unstarted, timers, agents } = census;
  return {
    ...{ at, epoch, previousEpoch: epoch > 1 ? epoch - 1 : null },
    ...{ shutdown, ...verdict },
    previousOwner: facts.previousOwner,
    lastBeatAt,
    feedPosition: facts.feedPosition,
    store: storeOf(findings),
    sessions: { adopted, due, quarantined, terminating, orphaned: unstarted.length },
    timers,
    // An agent that was ended in order had its last word; one whose process died may have done more than it said.
    agents: { reRun: agents, unknown: shutdown === 'unclean' ? agents : 0 },
    lostMs: lostMs(facts),
    lastWords: null,
    tookMs: Math.max(0, at - beganAt),
    checks: checksOf(facts),
  };
}

function storeOf(findings: StoreFindings): BootReceipt['store'] {
  const { repaired, witness = 'none', logFindings = [], checkedStreams = 0 } = findings;
  const { lost = [], damaged = [], marker } = findings;
  return {
    repaired: repaired === undefined ? null : { ...repaired, reasons: repaired.reasons.slice(0, shown) },
    witness,
    ...(marker !== undefined && { marker }),
    logFindings: logFindings.length,
    checkedStreams,
    lostStreams: lost.length,
    damagedStreams: damaged.length,
    lost: lost
      .slice(0, shown)
      .map(({ stream, found, witnessed }): LostEvents => ({ stream, found, witnessed })),
    damaged: damaged
      .slice(0, shown)
      .map(({ stream, seq, problem }): DamagedEvents => ({ stream, seq, problem })),
  };
}

/** Nothing was lost to an end in order. */
function lostMs({ at, findings, lastBeatAt, census }: BootFacts): number | null {
  if (findings.shutdown !== 'unclean') return 0;
  const lastSign = Math.max(lastBeatAt ?? 0, census.newestAt);
  return lastSign === 0 ? null : Math.max(0, at - lastSign);
}

function checksOf({ findings, hasHeartbeat, hasDisk }: BootFacts): readonly string[] {
  const { witness, logFindings, lost } = findings;
  const done = [
    ['process', findings.previousOwner !== undefined],
    ['heartbeat', hasHeartbeat],
    ['witness', witness !== undefined && witness !== 'none'],
    ['log', logFindings !== undefined],
    ['history', lost !== undefined],
    ['disk', hasDisk],
    ['heads', true],
  ] as const;
  return done.filter(([, isDone]) => isDone).map(([check]) => check);
}
