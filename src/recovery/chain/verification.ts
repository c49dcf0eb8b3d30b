// The proof of a session: every record from the first to the head, read one after the other, and every snapshot and checkpoint
// on the way held against the replay. Nobody is woken, and nothing in memory is believed.
import { HoldfastError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import type { CheckpointData } from '../../domain/session/checkpoints.ts';
import { sessionLaw, sessionStream } from '../../domain/session/session-law.ts';
import type { SessionState } from '../../domain/session/session-state.ts';
import { MissingPayloads, payloadMissing } from '../../entity/missing-payloads.ts';
import type { Head, Journal, Snapshot } from '../../journal/journal.ts';
import { isOfReplay } from '../../journal/replay-guard.ts';
import type {
  ChainGeneration,
  IntegrityProblem,
  IntegrityVerdict,
} from '../../operations/views/integrity-views.ts';
import { ChainProof, type ChainReading } from './chain-proof.ts';

/** A checkpoint on the way, and what its state hashes to now. */
export interface MetCheckpoint {
  readonly seq: number;
  readonly data: CheckpointData;
  readonly found: string;
}

/** A snapshot without its state, which may be large. */
export interface MetSnapshot extends Omit<Snapshot, 'state'> {
  readonly isWhole: boolean;
  /** What the state at its seq hashes to now; undefined where that was not reached. */
  readonly found?: string;
}

export interface Verification {
  readonly head: Head;
  readonly checkpoints: readonly MetCheckpoint[];
  readonly snapshots: readonly MetSnapshot[];
  /** The state at the head, and undefined when the way there is broken. */
  readonly state: SessionState | undefined;
  /** The events that are parked: what was made before they were, was made of another replay. */
  readonly parked: readonly number[];
  /** What was erased, by the events that record it. */
  readonly erasures: MissingPayloads['erasures'];
  /** What was read and proven, and what was given up when a generation began. */
  readonly chain: Pick<ChainProof, 'generations' | 'dropped' | 'proves'>;
  readonly problems: readonly IntegrityProblem[];
}

export interface VerificationOptions {
  readonly signal?: AbortSignal | undefined;
  /** The only checkpoint that is looked at; all of them, and the snapshots, by default. */
  readonly only?: string;
}

export async function verifyStream(
  journal: Journal,
  sessionId: string,
  { signal, only }: VerificationOptions = {},
): Promise<Verification> {
  const head = await journal.head(sessionStream(sessionId));
  if (head === undefined || head.firstSeq > head.seq)
    throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
  const parked = journal.guard?.parked(head.stream);
  const snapshots = only === undefined ? await snapshotsOf(journal, head.stream) : [];
  const wanted = new Set(snapshots.map(({ seq }) => seq));
  const checkpoints: MetCheckpoint[] = [];
  const found = new Map<number, string>();
  const missing = new MissingPayloads();
  const visit: ChainReading['visit'] = (event, before, after) => {
    missing.see(event);
    if (wanted.has(event.seq)) found.set(event.seq, hashOf(after));
    const data = event.type === 'checkpoint.created' ? (event.data as CheckpointData | undefined) : undefined;
    if (data !== undefined && (only === undefined || only === data.checkpointId))
      checkpoints.push({ seq: event.seq, data, found: hashOf(before) });
  };
  // No state can be made of these any more: a checkpoint among them is compared with nothing.
  const pass: ChainReading['pass'] = (event) => {
    missing.see(event);
    const data = event.type === 'checkpoint.created' ? (event.data as CheckpointData | undefined) : undefined;
    if (data !== undefined && (only === undefined || only === data.checkpointId))
      checkpoints.push({ seq: event.seq, data, found: '' });
  };
  const chain = await ChainProof.of({ journal, head, signal, visit, pass });
  const { state, problems } = chain;
  return {
    ...{ head, checkpoints, chain, state, erasures: missing.erasures },
    snapshots: snapshots.map((met) => (isOfReplay(met, parked) ? withFound(met, found.get(met.seq)) : met)),
    parked: [...(parked?.keys() ?? [])],
    problems: state === undefined ? problems : [...problems, ...unexplained(missing)],
  };
}

function unexplained({ first }: MissingPayloads): readonly IntegrityProblem[] {
  return first === undefined ? [] : [{ code: 'JOURNAL_CORRUPT', seq: first, problem: payloadMissing }];
}

const hashOf = (state: SessionState): string => sha256(sessionLaw.encode(state));

const withFound = (met: MetSnapshot, found: string | undefined): MetSnapshot =>
  found === undefined ? met : { ...met, found };

async function snapshotsOf(journal: Journal, stream: string): Promise<MetSnapshot[]> {
  const met: MetSnapshot[] = [];
  for await (const { state, ...snapshot } of journal.snapshots(stream))
    met.push({ ...snapshot, isWhole: sha256(state) === snapshot.stateHash });
  return met;
}

/** Whether two hashes say the same, where they can be compared at all. */
export function verdictOn(
  { stateHash, lawVersion }: { readonly stateHash: string; readonly lawVersion: number },
  found: string | undefined,
): IntegrityVerdict {
  if (found === undefined) return 'notCompared';
  if (found === stateHash) return 'holds';
  return lawVersion === sessionLaw.version ? 'differs' : 'notCompared';
}

export const eventsOf = (generations: readonly ChainGeneration[]): number =>
  generations.reduce((events, { firstSeq, through }) => events + through - firstSeq + 1, 0);
