// One recovery of a session, from the question whether anything is wrong to the receipt: look, validate, try, and write only
// what is whole or was accepted.
import { HoldfastError } from '../../base/errors.ts';
import { openRuns } from '../../domain/agent/agent-runs.ts';
import { foundEffects } from '../../domain/agent/found-effects.ts';
import { recordedError } from '../../domain/recorded-error.ts';
import { failureOf } from '../../domain/recovery/recovery-failures.ts';
import type {
  Completeness,
  RecoveredData,
  RecoveryReceipt,
  RecoveryStatus,
  SeqRange,
} from '../../domain/recovery/recovery-vocabulary.ts';
import {
  minimalSession,
  partialSession,
  withEntriesOf,
  withoutDropped,
} from '../../domain/session/recovery-session.ts';
import { sessionLaw, sessionStream } from '../../domain/session/session-law.ts';
import type { SessionStatus } from '../../domain/session/session-lifecycle.ts';
import { isAtWork, type SessionState, statusOf } from '../../domain/session/session-state.ts';
import type { Answer } from '../../entity/command-meta.ts';
import type { Head } from '../../journal/journal.ts';
import type { Call } from '../../operations/bind.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type { RecoveryInfo } from '../../operations/views/recovery-views.ts';
import { anchorAt } from '../../recovery/chain/chain-anchor.ts';
import { validateSession } from '../../recovery/chain/validation.ts';
import type { ReadableParkings } from '../../recovery/parked/readable-parkings.ts';
import { type RecoveryResult, recoverSession } from '../../recovery/recover-session.ts';
import type { HandlerContext } from './handler-context.ts';

type Input = ParsedInputOf<'recovery.recover'>;

/** A state as far as the caller wants it back. */
interface Offer {
  readonly completeness: Completeness;
  /** All that could be brought back, and what is taken of it. */
  readonly whole: SessionState;
  readonly cut: (state: SessionState) => SessionState;
  readonly through: number;
  readonly dropped: readonly SeqRange[];
  /** True when the records lead to all of it, up to the head. */
  readonly isProven: boolean;
}

export async function recover(context: HandlerContext, input: Input, call: Call): Promise<RecoveryInfo> {
  const { sessionId } = input;
  const detectedAt = context.manager.health.condition(sessionId)?.since ?? context.clock.now();
  const startedAt = context.clock.now();
  const head = await headOf(context, sessionId);
  const parkings = await damagedParkings(context, sessionId);
  const parked = parkings && parkedInfo(parkings);
  if (parkings !== undefined && input.accept)
    await context.recovery.replay.parked.recover(sessionId, parkings, call.by ?? null);
  const validation = await validateSession(context.journal, sessionId, input.validation);
  if (parked !== undefined && !input.accept) return unread(context, input, head, validation, parked);
  const result = await search(context, input, head);
  const lost = await lostOf(context, sessionId, head);
  const offer = offerOf(result, head, input.completeness, lost);
  const recoveryId = context.recovery.recoveries.nextId();
  const info: RecoveryInfo = {
    sessionId,
    status: offer?.completeness ?? 'failed',
    recovered: false,
    needsAcceptance: offer !== undefined && offer.completeness !== 'complete',
    tier: result.tier,
    attempts: result.attempts,
    headSeq: head.seq,
    through: offer?.through ?? 0,
    dropped: offer?.dropped ?? [],
    validation,
    savedAt: await savedAtOf(context, sessionId),
    recoveryId: null,
    ...(parked && { parked }),
  };
  const times = { detectedAt, startedAt };
  if (offer === undefined)
    return finish(context, { ...info, recoveryId }, result, { ...times, reRun: [] }, call);
  if (info.needsAcceptance && !input.accept) return info;
  // A caller that asks again has the answer of the first time, and nothing is done twice.
  if (info.needsAcceptance) await accept(context, info, offer, head, recoveryId, call);
  await context.manager.revive(sessionId, 'resume', () => context.manager.health.recovered(sessionId));
  const done = { ...info, recovered: true, needsAcceptance: false, recoveryId };
  return finish(context, done, result, { ...times, ...agentsOf(offer.cut(offer.whole)) }, call);
}

type ParkedInfo = NonNullable<RecoveryInfo['parked']>;

const parkedInfo = ({ state, unreadable }: ReadableParkings): ParkedInfo => ({
  kept: state.parked.map(({ seq }) => seq),
  unreadable,
});

async function damagedParkings(
  { recovery }: HandlerContext,
  sessionId: string,
): Promise<ReadableParkings | undefined> {
  const { parked } = recovery.replay;
  return parked.damageOf(sessionId) === undefined ? undefined : parked.readable(sessionId);
}

/** What is to be left out of its replay is not known: nothing of it is folded before somebody has accepted what can be read of that. */
async function unread(
  context: HandlerContext,
  { sessionId }: Input,
  { seq: headSeq }: Head,
  validation: RecoveryInfo['validation'],
  parked: ParkedInfo,
): Promise<RecoveryInfo> {
  return {
    ...{ sessionId, status: 'partial', recovered: false, needsAcceptance: true, tier: null, attempts: [] },
    ...{ headSeq, through: headSeq, dropped: [], validation, recoveryId: null, parked },
    savedAt: await savedAtOf(context, sessionId),
  };
}

/** The answer to this very call, when it was given before. */
export async function answeredRecovery(
  context: HandlerContext,
  sessionId: string,
  call: Call,
): Promise<RecoveryInfo | undefined> {
  const answered = await context.recovery.receiptLog.repeat(sessionId, call);
  return answered === undefined ? undefined : infoOf(answered);
}

async function headOf({ journal }: HandlerContext, sessionId: string): Promise<Head> {
  const head = await journal.head(sessionStream(sessionId));
  if (head === undefined || head.status === 'deleted')
    throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
  return head;
}

function search(context: HandlerContext, input: Input, head: Head): Promise<RecoveryResult> {
  const { sessionId, tier } = input;
  const { journal, clock, manager, recovery } = context;
  const failure = failureOf(sessionId, manager.health.condition(sessionId)?.error ?? null);
  return recoverSession(
    { sessionId, stream: head.stream, head, journal, failure, tier },
    recovery.options,
    clock,
  );
}

/** What was found, cut to what is wanted back. */
function offerOf(
  { found }: RecoveryResult,
  head: Head,
  wanted: Completeness,
  lost: readonly SeqRange[],
): Offer | undefined {
  if (found === undefined) return undefined;
  const { through } = found;
  const entries = Number((head.summary as { entries?: unknown } | null)?.entries ?? 0);
  const whole = withEntriesOf(sessionLaw.decode(found.state), Number.isFinite(entries) ? entries : 0);
  const dropped = [...(through < head.seq ? [{ from: through + 1, to: head.seq }] : []), ...lost];
  const isProven = found.completeness === 'complete' && dropped.length === 0;
  const offer = { whole, through, dropped, isProven };
  if (wanted === 'minimal' || found.completeness === 'minimal')
    return { ...offer, completeness: 'minimal', cut: (state) => minimalSession(state, head.seq) };
  if (wanted === 'partial') return { ...offer, completeness: 'partial', cut: partialSession };
  return { ...offer, completeness: isProven ? 'complete' : 'partial', cut: (state) => state };
}

/**
 * Events behind the head that were durable once: all that is there may be proven, and it is not all. Meanwhile nobody writes, so that
 * what stands there again was imported.
 */
async function lostOf(
  { manager, recovery }: HandlerContext,
  sessionId: string,
  { seq }: Head,
): Promise<readonly SeqRange[]> {
  if (manager.health.condition(sessionId)?.error?.code !== 'HISTORY_LOST') return [];
  const receipts = await recovery.receiptLog.newest(sessionId);
  const told = receipts.findLast(({ reason }) => reason === 'history_lost')?.dropped ?? [];
  // Without its receipt that something is lost is all that is known.
  if (told.length === 0) return [{ from: seq + 1, to: seq + 1 }];
  return told.filter(({ to }) => to > seq).map(({ from, to }) => ({ from: Math.max(from, seq + 1), to }));
}

/** From here on the session is what was accepted; what it had stays in its journal. */
async function accept(
  { manager, journal }: HandlerContext,
  { sessionId, tier }: RecoveryInfo,
  { completeness, whole, cut, through, dropped, isProven }: Offer,
  head: Head,
  recoveryId: string,
  { by, correlation }: Call,
): Promise<void> {
  const anchor = await anchorAt(journal, head, through);
  const dataOf = (found: SessionState): RecoveredData => {
    const state = withoutDropped(cut(found), through, head.seq);
    return {
      ...{ from: head.status as SessionStatus, to: statusOf(state), completeness },
      ...{ tier: tier ?? 'emergency', recoveryId, through, anchor, dropped },
      summary: sessionLaw.summarize(state).summary,
      state: sessionLaw.encode(state),
    };
  };
  const recovered = { state: whole, head, lastAt: head.updatedAt, snapshotSeq: 0, snapshotBytes: 0 };
  const meta = { ...(by !== undefined && { by }), ...(correlation !== undefined && { correlation }) };
  await manager.accept(sessionId, { recovered, isProven, dataOf }, meta);
}

async function finish(
  context: HandlerContext,
  info: RecoveryInfo,
  result: RecoveryResult,
  times: Pick<RecoveryReceipt, 'detectedAt' | 'startedAt' | 'reRun' | 'effects'>,
  call: Call,
): Promise<RecoveryInfo> {
  const { found } = result;
  const { sessionId, status, tier, attempts, headSeq, dropped, recoveryId } = info;
  const receipt: RecoveryReceipt = {
    ...{ recoveryId: recoveryId ?? '', sessionId, reason: 'requested', tier, status },
    ...{ ...times, completedAt: context.clock.now() },
    ...{ snapshotSeq: found?.snapshotSeq ?? 0, headSeq, replayed: found?.replayed ?? 0 },
    ...{ passedOver: found?.passedOver ?? [], dropped, unknown: [], timers: [] },
    ...{ dataLost: status !== 'complete', attempts, error: errorOf(status, result) },
  };
  const answer = await context.recovery.receiptLog.record(
    sessionId,
    { type: 'recovery.record', receipt, reply: { ...info } },
    call,
  );
  return infoOf(answer);
}

/** The receipt's own place says nothing of the session. */
function infoOf({ seq: _, durability: _durability, ...info }: Answer): RecoveryInfo {
  return info as unknown as RecoveryInfo;
}

function errorOf(status: RecoveryStatus, { attempts }: RecoveryResult): RecoveryReceipt['error'] {
  if (status !== 'failed') return null;
  return recordedError(new Error(attempts.at(-1)?.problem ?? 'nothing of it can be proven'));
}

function agentsOf(state: SessionState): Pick<RecoveryReceipt, 'reRun' | 'effects'> {
  const effects = foundEffects(state.agents);
  const reRun = isAtWork(state) ? openRuns(state.agents).map(({ runId }) => runId) : [];
  return { reRun, ...(effects && { effects }) };
}

async function savedAtOf({ journal }: HandlerContext, sessionId: string): Promise<number | null> {
  const saved = await journal.kv.get(`saved/${sessionId}`).catch(() => undefined);
  const savedAt = Date.parse(String((saved as { savedAt?: unknown } | undefined)?.savedAt ?? ''));
  return Number.isFinite(savedAt) ? savedAt : null;
}
