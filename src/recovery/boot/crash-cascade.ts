// Did the process before this one crash, and why? Five layers look at evidence, each on its own: what one finds hides
// nothing that another finds. Pure.
import {
  type CrashReason,
  crashReasons,
  type KnownProcess,
} from '../../domain/recovery/recovery-vocabulary.ts';

export interface CrashPolicy {
  /** A heart that did not beat for so long has stopped. */
  readonly heartbeatTimeoutMs: number;
  /** Less free space than this is a full disk. */
  readonly minFreeBytes: number;
  /** Quiet for so long without an end in order, a store was left behind. */
  readonly orphanAfterMs: number;
}

export const crashPolicy: CrashPolicy = {
  heartbeatTimeoutMs: 30_000,
  minFreeBytes: 100 * 1024 * 1024,
  orphanAfterMs: 3_600_000,
};

/** A moment as a process saw it: on the wall, and on the clock that nobody sets. */
export interface Moment {
  readonly at: number;
  /** Milliseconds of the machine's own clock; comparable between processes of one boot, and of no other. */
  readonly monotonicMs: number;
  readonly bootId: string;
}

export interface CrashEvidence {
  /** `clean` is set last thing of an end in order. */
  readonly shutdown: 'new' | 'clean' | 'unclean';
  /** Who is asking; `stalledMs` is how long its own event loop stood still since the beat could have been seen. */
  readonly observer: Moment & { readonly stalledMs: number };
  readonly process?: {
    readonly owner: KnownProcess;
    /** Whoever has the owner's pid now, if anybody has. */
    readonly living: KnownProcess | undefined;
  };
  readonly lastBeat?: Moment;
  readonly integrity?: {
    readonly lost: number;
    readonly damaged: number;
    readonly repaired: boolean;
    readonly logFindings: number;
  };
  readonly disk?: { readonly freeBytes: number };
  readonly lastActivityAt?: number;
}

export interface CrashVerdict {
  /** True when the process before did not end in order, or its store is not what it was. */
  readonly crashed: boolean;
  readonly reasons: readonly CrashReason[];
  /** Of these the one that asks for the most. */
  readonly primary: CrashReason | null;
}

/**
 * How long ago a beat was, in milliseconds. Within one boot of the machine it is counted on the clock that nobody sets, less
 * what the observer slept itself; across a reboot only the wall is left, which may have been set meanwhile.
 */
export function ageOfBeat(
  beat: Moment,
  observer: CrashEvidence['observer'],
): { readonly ageMs: number; readonly by: 'monotonic' | 'wall' } {
  const sameBoot = beat.bootId !== '' && beat.bootId === observer.bootId;
  if (!sameBoot) return { ageMs: Math.max(0, observer.at - beat.at), by: 'wall' };
  const ageMs = observer.monotonicMs - beat.monotonicMs - observer.stalledMs;
  return { ageMs: Math.max(0, ageMs), by: 'monotonic' };
}

type Layer = (evidence: CrashEvidence, policy: CrashPolicy) => CrashReason | undefined;

/** The first three of them and the last have nothing to say of a process that ended in order. */
const layers: readonly Layer[] = [ofProcess, ofHeartbeat, ofIntegrity, ofDisk, ofOrphans];

export function judgeCrash(evidence: CrashEvidence, policy: CrashPolicy = crashPolicy): CrashVerdict {
  const found = new Set(layers.flatMap((layer) => layer(evidence, policy) ?? []));
  const isUnclean = evidence.shutdown === 'unclean';
  if (isUnclean && found.size === 0) found.add('unknown');
  const reasons = crashReasons.filter((reason) => found.has(reason));
  const crashed = isUnclean || found.has('state_corrupted');
  return { crashed, reasons, primary: reasons[0] ?? null };
}

function ofProcess({ shutdown, observer, ...evidence }: CrashEvidence, policy: CrashPolicy) {
  const { process: known } = evidence;
  if (shutdown !== 'unclean' || known === undefined) return undefined;
  const { owner, living } = known;
  if (owner.bootId !== '' && observer.bootId !== '' && owner.bootId !== observer.bootId)
    return 'machine_restarted';
  if (!isSameProcess(owner, living)) return 'process_died';
  const { lastBeat } = evidence;
  const isStale = lastBeat !== undefined && ageOfBeat(lastBeat, observer).ageMs > policy.heartbeatTimeoutMs;
  return isStale ? 'process_hung' : undefined;
}

function ofHeartbeat({ shutdown, lastBeat, observer }: CrashEvidence, { heartbeatTimeoutMs }: CrashPolicy) {
  if (shutdown !== 'unclean' || lastBeat === undefined) return undefined;
  return ageOfBeat(lastBeat, observer).ageMs > heartbeatTimeoutMs ? 'heartbeat_timeout' : undefined;
}

/** What is damaged is damaged, however the process ended. */
function ofIntegrity({ integrity }: CrashEvidence) {
  if (integrity === undefined) return undefined;
  const { lost, damaged, repaired, logFindings } = integrity;
  return lost > 0 || damaged > 0 || repaired || logFindings > 0 ? 'state_corrupted' : undefined;
}

function ofDisk({ disk }: CrashEvidence, { minFreeBytes }: CrashPolicy) {
  return disk !== undefined && disk.freeBytes < minFreeBytes ? 'disk_full' : undefined;
}

/** It needs neither a beat nor a checkpoint: the last sign of life will do. */
function ofOrphans({ shutdown, observer, lastActivityAt }: CrashEvidence, { orphanAfterMs }: CrashPolicy) {
  if (shutdown !== 'unclean' || lastActivityAt === undefined) return undefined;
  return observer.at - lastActivityAt > orphanAfterMs ? 'orphaned' : undefined;
}

/** A pid alone says little: it is given to others again. */
const isSameProcess = (a: KnownProcess, b: KnownProcess | undefined): boolean =>
  b !== undefined && a.pid === b.pid && a.startedAt === b.startedAt && a.bootId === b.bootId;
