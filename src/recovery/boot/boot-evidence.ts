// What is known of the process before this one: what the opening of its store found, its last beat, and the space that is left.
// All of it becomes evidence.
import type { Clock } from '../../base/clock.ts';
import { monotonicMs, type ProcessIdentity, processIdentity } from '../../base/process-identity.ts';
import type { KnownProcess } from '../../domain/recovery/recovery-vocabulary.ts';
import type { StoreReport } from '../../journal/store/store-report.ts';
import type { CrashEvidence } from './crash-cascade.ts';
import type { Beat, HeartbeatStore } from './heartbeat-store.ts';

/** What the opening of a store reports; each member that is missing was not looked at. */
export type StoreFindings = Pick<StoreReport, 'shutdown'> & Partial<StoreReport>;

/** What the process before left of itself. */
export interface Traces {
  readonly beat: Beat | undefined;
  /** The process that is it still; never this one, which cannot have left the traces of another. */
  readonly living: KnownProcess | undefined;
}

/** Looked at before this process beats itself. */
export async function findTraces(
  report: StoreFindings,
  beats: HeartbeatStore,
  self: ProcessIdentity,
): Promise<Traces> {
  const beat = await beats.read().catch(() => undefined);
  const known = report.previousOwner ?? beat?.owner;
  // Who is here and has the store now is not who had it before, in the same process too.
  const living = known === undefined || known.pid === self.pid ? undefined : await processIdentity(known.pid);
  return { beat, living };
}

/** A directory says itself how it was left; of any other store the last beat tells. */
export function findingsOf(report: StoreFindings, { beat }: Traces, hasDirectory: boolean): StoreFindings {
  if (hasDirectory || beat === undefined) return report;
  return { ...report, shutdown: beat.graceful === true ? 'clean' : 'unclean' };
}

interface Observer {
  readonly clock: Clock;
  readonly monotonic: () => number;
  readonly identity: ProcessIdentity;
}

export interface EvidenceOf {
  readonly findings: StoreFindings;
  readonly traces: Traces;
  readonly observer: Observer;
  readonly freeBytes: number | undefined;
}

export function evidenceOf({ findings, traces, observer, freeBytes }: EvidenceOf): CrashEvidence {
  const { beat, living } = traces;
  const { shutdown, lost = [], damaged = [], repaired, logFindings = [] } = findings;
  const owner = findings.previousOwner ?? beat?.owner;
  const { clock, monotonic, identity } = observer;
  const moment = { at: clock.now(), monotonicMs: monotonic(), bootId: identity.bootId, stalledMs: 0 };
  return {
    shutdown,
    observer: moment,
    ...(owner !== undefined && { process: { owner, living } }),
    ...(beat !== undefined && { lastBeat: momentOf(beat), lastActivityAt: beat.at }),
    integrity: {
      lost: lost.length,
      damaged: damaged.length,
      repaired: repaired !== undefined,
      logFindings: logFindings.length,
    },
    ...(freeBytes !== undefined && { disk: { freeBytes } }),
  };
}

const momentOf = ({ at, monotonicMs: ms, owner }: Beat): NonNullable<CrashEvidence['lastBeat']> => ({
  at,
  monotonicMs: ms,
  bootId: owner.bootId,
});

/** What a second opener can say of the owner: how old its beat is, and whether it looks hung. */
export async function ownerDetails(
  beats: HeartbeatStore,
  identity: ProcessIdentity,
  timeoutMs: number,
  now: () => number,
): Promise<
  { readonly lastBeatAt: number; readonly beatAgeMs: number; readonly looksHung: boolean } | undefined
> {
  const beat = await beats.read().catch(() => undefined);
  if (beat === undefined) return undefined;
  const sameBoot = beat.owner.bootId !== '' && beat.owner.bootId === identity.bootId;
  const ageMs = Math.max(0, sameBoot ? monotonicMs() - beat.monotonicMs : now() - beat.at);
  return { lastBeatAt: beat.at, beatAgeMs: ageMs, looksHung: ageMs > timeoutMs };
}
