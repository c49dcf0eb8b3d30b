// What became of sessions that needed more than a clean replay, as their supervision sees it: each gets a receipt. Whoever
// tells of it goes on at once.
import type { Clock } from '../base/clock.ts';
import { HoldfastError } from '../base/errors.ts';
import { type AgentRun, openRuns } from '../domain/agent/agent-runs.ts';
import { foundEffects } from '../domain/agent/found-effects.ts';
import { type RecordedError, recordedError } from '../domain/recorded-error.ts';
import { tierOfReplay } from '../domain/recovery/recovery-law.ts';
import type { LateTimer, RecoveryReason, RecoveryReceipt } from '../domain/recovery/recovery-vocabulary.ts';
import { lateDeadline } from '../domain/session/session-deadlines.ts';
import { type SessionState, statusOf } from '../domain/session/session-state.ts';
import type { Hydrated } from '../entity/hydrate.ts';
import type { ReceiptLog } from './receipts/receipt-log.ts';

export interface SessionRecoveriesOptions {
  readonly log: Pick<ReceiptLog, 'add'>;
  readonly clock: Clock;
  /** Counts the times that the store was opened: no two receipts have one id. */
  readonly epoch: number;
  /** True for an agent that this process knows: only those are run again. */
  readonly knowsAgent: (agent: string) => boolean;
  /** When this process began to serve; deadlines before it passed while nobody could keep them. */
  readonly bootedAt: number;
}

/** A start of a session's actors. */
export interface StartedSession {
  readonly sessionId: string;
  readonly incarnation: number;
  /** When the start began. */
  readonly beganAt: number;
}

interface Detected {
  readonly at: number;
  readonly error: RecordedError | null;
  readonly reason: RecoveryReason;
}

type Facts = Pick<
  RecoveryReceipt,
  'snapshotSeq' | 'headSeq' | 'replayed' | 'passedOver' | 'reRun' | 'unknown' | 'effects' | 'timers'
>;

const nothing: Facts = {
  snapshotSeq: 0,
  headSeq: 0,
  replayed: 0,
  passedOver: [],
  reRun: [],
  unknown: [],
  timers: [],
};

/** What a session is told to have crashed of is remembered until it was started again, for so many at most. */
const mostDetected = 10_000;

export class SessionRecoveries {
  readonly #options: SessionRecoveriesOptions;
  readonly #detected = new Map<string, Detected>();
  #count = 0;

  constructor(options: SessionRecoveriesOptions) {
    this.#options = options;
  }

  nextId(): string {
    this.#count += 1;
    return `${this.#options.epoch}-${this.#count}`;
  }

  /** Its actors failed: what is started next is a recovery. */
  crashed(sessionId: string, error: Error): void {
    if (this.#detected.size >= mostDetected) return;
    const at = this.#options.clock.now();
    this.#detected.set(sessionId, { at, error: recordedError(error), reason: 'actors_crashed' });
  }

  /** Somebody brings it back from quarantine. */
  reviving(sessionId: string): void {
    if (this.#detected.size >= mostDetected) return;
    this.#detected.set(sessionId, { at: this.#options.clock.now(), error: null, reason: 'revived' });
  }

  /** Its actors stand. `hydrated` is what they stand on; nothing needs telling of most. */
  started(start: StartedSession, hydrated: Hydrated<SessionState>): void {
    const { sessionId, beganAt } = start;
    const detected = this.#detected.get(sessionId);
    this.#detected.delete(sessionId);
    const { provenance, head } = hydrated;
    if (head === undefined || (detected === undefined && provenance === undefined)) return;
    const facts = this.#factsOf(hydrated);
    const reason = detected?.reason ?? reasonOf(facts);
    if (reason === undefined) return;
    this.#add(sessionId, reason, { at: detected?.at ?? beganAt, beganAt }, facts, {
      status: 'complete',
      tier: tierOfReplay(facts.passedOver.length),
      error: detected?.error ?? null,
    });
  }

  /** It was given up: it is quarantined, and nothing was recovered. */
  givenUp(sessionId: string, error: Error): void {
    const now = this.#options.clock.now();
    const detected = this.#detected.get(sessionId);
    this.#detected.delete(sessionId);
    const at = detected?.at ?? now;
    const failed = { status: 'failed', tier: null, error: recordedError(error) } as const;
    const { reason, dropped } = reasonOfEnd(error);
    this.#add(sessionId, detected?.reason ?? reason, { at, beganAt: at }, nothing, { ...failed, dropped });
  }

  /** What happened to its history while nobody looked, as the opening of the store found it. */
  found(
    sessionId: string,
    reason: 'history_lost' | 'history_damaged',
    found: Pick<RecoveryReceipt, 'headSeq' | 'dropped'>,
    problem: string,
  ): void {
    const at = this.#options.clock.now();
    const error = { name: 'Error', message: problem };
    const facts = { ...nothing, headSeq: found.headSeq };
    const failed = { status: 'failed', tier: null, error, dropped: found.dropped } as const;
    this.#add(sessionId, reason, { at, beganAt: at }, facts, failed);
  }

  #factsOf({ state, head, snapshotSeq, provenance }: Hydrated<SessionState>): Facts {
    const { replayed = 0, passedOver = [] } = provenance ?? {};
    // What was in memory all the time was not interrupted by anything but the fault of its actors.
    const again = statusOf(state) === 'active' ? this.#runsOf(state) : [];
    const effects = foundEffects(state.agents);
    return {
      snapshotSeq,
      headSeq: head?.seq ?? 0,
      replayed,
      passedOver,
      reRun: again.map(({ runId }) => runId),
      unknown: again.filter(({ status }) => status === 'running').map(({ runId }) => runId),
      ...(effects && { effects }),
      timers: this.#lateTimers(state),
    };
  }

  #runsOf({ agents }: SessionState): readonly AgentRun[] {
    if (agents.open.size === 0) return [];
    return openRuns(agents).filter(({ agent }) => this.#options.knowsAgent(agent));
  }

  #lateTimers(state: SessionState): readonly LateTimer[] {
    const { clock, bootedAt } = this.#options;
    const dueAt = lateDeadline(state, bootedAt);
    return dueAt === null ? [] : [{ dueAt, lateMs: Math.max(0, clock.now() - dueAt) }];
  }

  #add(
    sessionId: string,
    reason: RecoveryReason,
    { at, beganAt }: { readonly at: number; readonly beganAt: number },
    facts: Facts,
    outcome: Pick<RecoveryReceipt, 'status' | 'tier' | 'error'> & Partial<Pick<RecoveryReceipt, 'dropped'>>,
  ): void {
    const { dropped = [] } = outcome;
    this.#options.log.add({
      ...{ recoveryId: this.nextId(), sessionId, reason, ...outcome },
      ...{ detectedAt: at, startedAt: beganAt, completedAt: this.#options.clock.now() },
      ...{ ...facts, dropped, dataLost: dropped.length > 0, attempts: [] },
    });
  }
}

/** Undefined for a clean replay. */
function reasonOf({ passedOver, reRun, timers }: Facts): RecoveryReason | undefined {
  if (passedOver.length > 0) return 'snapshot_passed_over';
  return reRun.length > 0 || timers.length > 0 ? 'process_restarted' : undefined;
}

/** What cannot be proven is named, whoever found it. */
function reasonOfEnd(error: Error): Pick<RecoveryReceipt, 'reason' | 'dropped'> {
  if (HoldfastError.is(error, 'SESSION_POISONED')) {
    const parked = error.details.parked as readonly number[];
    return { reason: 'poisoned', dropped: parked.map((seq) => ({ from: seq, to: seq })) };
  }
  if (!HoldfastError.is(error, 'JOURNAL_CORRUPT')) return { reason: 'actors_crashed', dropped: [] };
  const { seq } = error.details;
  return { reason: 'history_damaged', dropped: typeof seq === 'number' ? [{ from: seq, to: seq }] : [] };
}
