// The receipts of one session, in a stream of its own: what a damaged session had to be told of cannot stand in it. The state
// keeps counts and the newest receipts; the stream has them all.
import { type Decision, type Law, type LawEvent, refuse } from '../law.ts';
import type { RecoveryReceipt, RecoveryTier } from './recovery-vocabulary.ts';

/** So many of the newest receipts are in the state. */
const keptReceipts = 20;

/** Counts over all receipts of a stream; every member is a sum, but for `longestMs`. */
export interface RecoveryCounts {
  readonly [name: string]: number;
}

export interface RecoveryState {
  readonly sessionId: string;
  readonly counts: RecoveryCounts;
  /** Newest last. */
  readonly receipts: readonly RecoveryReceipt[];
  readonly changedAt: number;
}

export interface RecordRecovery {
  readonly type: 'recovery.record';
  readonly receipt: RecoveryReceipt;
  /** What the caller is answered, kept where the call has a key. */
  readonly reply?: Readonly<Record<string, unknown>>;
}

export const recoveryLaw: Law<RecoveryState, RecordRecovery> = {
  kind: 'recovery',
  version: 1,
  eventVersions: {},
  initial: startOf,
  tombstone: startOf,
  decide: decideRecord,
  evolve: evolveRecovery,
  explain: ({ sessionId }, { type }) =>
    refuse('INVALID_TRANSITION', { sessionId, from: 'recovery', to: type, hint: 'its law has no such step' })
      .refusal,
  due: () => undefined,
  nextDeadline: () => null,
  summarize: ({ counts, receipts }) => ({
    status: receipts.at(-1)?.status ?? 'none',
    dueAt: null,
    summary: counts,
  }),
  encode: (state) => JSON.stringify(state),
  decode: (text) => JSON.parse(text) as RecoveryState,
};

export const recoveryStream = (sessionId: string): string => `${recoveryLaw.kind}/${sessionId}`;

function startOf(stream: string): RecoveryState {
  return { sessionId: stream.slice(stream.indexOf('/') + 1), counts: {}, receipts: [], changedAt: 0 };
}

/** One that is told twice, because it was not known whether the disk had it, is recorded once. */
function decideRecord({ changedAt, receipts }: RecoveryState, { receipt, reply }: RecordRecovery): Decision {
  const at = Math.max(receipt.completedAt, changedAt);
  const { recoveryId } = receipt;
  if (receipts.some((known) => known.recoveryId === recoveryId))
    return { events: [], reply: { recoveryId, ...reply } };
  return {
    events: [{ type: 'recovery.recorded', data: receipt, at }],
    reply: { recoveryId, ...reply },
  };
}

function evolveRecovery(state: RecoveryState, { type, data, at }: LawEvent): RecoveryState | undefined {
  if (type !== 'recovery.recorded') return undefined;
  const receipt = data as RecoveryReceipt | undefined;
  // Erased: that there was one is all that is known.
  if (receipt === undefined) return { ...state, changedAt: at };
  return {
    ...state,
    counts: countedIn(state.counts, receipt),
    receipts: [...state.receipts, receipt].slice(-keptReceipts),
    changedAt: at,
  };
}

function countedIn(counts: RecoveryCounts, receipt: RecoveryReceipt): RecoveryCounts {
  const { status, reason, tier, completedAt, detectedAt } = receipt;
  const tookMs = Math.max(0, completedAt - detectedAt);
  const restored = status === 'failed' ? 0 : tookMs;
  const plus = { attempts: 1, [status]: 1, [`reason.${reason}`]: 1, [`tier.${tier ?? 'none'}`]: 1 };
  return mergeCounts(counts, { ...plus, restoredMs: restored, longestMs: restored });
}

/** What two parts of the receipts add up to. */
export function mergeCounts(a: RecoveryCounts, b: RecoveryCounts): RecoveryCounts {
  const sum: Record<string, number> = { ...a };
  for (const [name, count] of Object.entries(b)) {
    const known = sum[name] ?? 0;
    sum[name] = name === 'longestMs' ? Math.max(known, count) : known + count;
  }
  return sum;
}

/** The tier that a replay amounts to: what had to be passed over, if anything. */
export const tierOfReplay = (passedOver: number): RecoveryTier => (passedOver === 0 ? 'hot' : 'warm');
