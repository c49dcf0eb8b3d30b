// The proof of a session: every record from the first to the head, read one after the other, and every snapshot and checkpoint
// on the way held against the replay. Nobody is woken, and nothing in memory is believed.
import { type ErrorCode, HoldfastError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { CheckpointData } from '../domain/checkpoints.ts';
import { sessionLaw, sessionStream } from '../domain/session-law.ts';
import type { SessionState } from '../domain/session-state.ts';
import { MissingPayloads, payloadMissing } from '../entity/missing-payloads.ts';
import { type Folded, fold, startOf } from '../entity/state-at.ts';
import type { Head, Journal, Snapshot, StoredEvent } from '../journal/journal.ts';
import { isOfReplay } from '../journal/replay-guard.ts';
import type { IntegrityProblem, IntegrityVerdict } from '../operations/integrity-views.ts';

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
  /** The seq of the last event that was proven. */
  readonly through: number;
  readonly broken: IntegrityProblem | undefined;
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
  let through = head.firstSeq - 1;
  const missing = new MissingPayloads();
  const visit = (event: StoredEvent, before: SessionState, after: SessionState): void => {
    through = event.seq;
    missing.see(event);
    if (wanted.has(event.seq)) found.set(event.seq, hashOf(after));
    const data = event.type === 'checkpoint.created' ? (event.data as CheckpointData | undefined) : undefined;
    if (data !== undefined && (only === undefined || only === data.checkpointId))
      checkpoints.push({ seq: event.seq, data, found: hashOf(before) });
  };
  const end = await orBroken(async () => {
    const start = await startOrSnapshot(journal, head);
    return fold({ law: sessionLaw, journal, head, signal, visit }, start, head.seq);
  });
  return {
    ...{ head, checkpoints, through, erasures: missing.erasures },
    snapshots: snapshots.map((met) => (isOfReplay(met, parked) ? withFound(met, found.get(met.seq)) : met)),
    parked: [...(parked?.keys() ?? [])],
    state: 'state' in end ? end.state : undefined,
    broken: 'state' in end ? unexplained(missing) : { ...end, seq: Math.max(end.seq, through + 1) },
  };
}

function unexplained({ first }: MissingPayloads): IntegrityProblem | undefined {
  return first === undefined ? undefined : { code: 'JOURNAL_CORRUPT', seq: first, problem: payloadMissing };
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

/** Where the first events say too little because what came before was trimmed, the oldest snapshot is where it begins. */
async function startOrSnapshot(journal: Journal, head: Head): Promise<Folded<SessionState>> {
  const start = startOf(sessionLaw, head);
  if (head.firstSeq === 1) return start;
  const { events } = await journal.readFrom(head.stream, start.seq, { limit: 1 });
  if (events.every((event) => sessionLaw.evolve(start.state, event) !== undefined)) return start;
  let oldest: Snapshot | undefined;
  for await (const snapshot of journal.snapshots(head.stream))
    if (
      snapshot.lawVersion === sessionLaw.version &&
      isOfReplay(snapshot, journal.guard?.parked(head.stream))
    )
      oldest = snapshot;
  if (oldest === undefined)
    throw new HoldfastError('HISTORY_TRIMMED', { stream: head.stream, firstSeq: head.firstSeq });
  await assertLeadsTo(journal, head, oldest);
  return { ...oldest, state: sessionLaw.decode(oldest.state) };
}

/** The records between the first and the snapshot: proven as a chain, though no state can be made of them. */
async function assertLeadsTo(journal: Journal, { stream, firstSeq }: Head, to: Snapshot): Promise<void> {
  let chain: string | undefined;
  for (let seq = firstSeq - 1; seq < to.seq; ) {
    const limit = Math.min(256, to.seq - seq);
    const page = await journal.readFrom(stream, seq, chain === undefined ? { limit } : { limit, chain });
    seq = page.events.at(-1)?.seq ?? to.seq;
    chain = page.chain;
  }
  if (chain === undefined || chain === to.chain) return;
  const problem = 'it is not the record that the snapshot was made of';
  throw new HoldfastError('JOURNAL_CORRUPT', { stream, seq: to.seq, problem });
}

const findings: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['JOURNAL_CORRUPT', 'HISTORY_TRIMMED', 'VERSION_TOO_NEW', 'UPCAST_FAILED'] as const),
]);

/** What the records themselves say is wrong is a finding; anything else is a failure to look. */
async function orBroken<T>(look: () => Promise<T>): Promise<T | IntegrityProblem> {
  try {
    return await look();
  } catch (error) {
    if (!HoldfastError.is(error) || !findings.has(error.code)) throw error;
    const { code, message, details } = error;
    return { code, problem: message, seq: Number(details.seq ?? 0) };
  }
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
