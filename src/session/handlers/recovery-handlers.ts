// Operations on recoveries: bring one session back or all that need it, and read what was written about it.
import { HoldfastError, toError } from '../../base/errors.ts';
import {
  mergeCounts,
  type RecoveryCounts,
  recoveryLaw,
  recoveryStream,
} from '../../domain/recovery/recovery-law.ts';
import {
  type RecoveryReceipt,
  type RecoveryStatus,
  recoveryStatuses,
} from '../../domain/recovery/recovery-vocabulary.ts';
import { readableEvents } from '../../entity/readable-events.ts';
import type { Head, Journal } from '../../journal/journal.ts';
import { KeptAnswers } from '../../journal/kept-answers.ts';
import type { Handlers } from '../../operations/bind.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type {
  BulkRecoveryInfo,
  ReceiptPage,
  RecoveryInfo,
  RecoveryStatistics,
} from '../../operations/views/recovery-views.ts';
import { pageOfBoots } from '../../recovery/boot/boot-page.ts';
import { validateSession } from '../../recovery/chain/validation.ts';
import { withDecisions } from './effect-decisions.ts';
import type { HandlerContext } from './handler-context.ts';
import { answeredRecovery, recover } from './session-recovery.ts';

export type RecoveryOperation =
  `recovery.${'recover' | 'recoverAll' | 'validate' | 'receipts' | 'boots' | 'stats'}`;

const prefix = `${recoveryLaw.kind}/`;
const mostShown = 1_000;
const readAtOnce = 256;

export function recoveryHandlers(context: HandlerContext): Handlers<RecoveryOperation> {
  const { journal } = context;
  // No session has such an id.
  const answers = new KeptAnswers(journal.kv, '.recovery');
  return {
    'recovery.recover': async (input, call) =>
      (await answeredRecovery(context, input.sessionId, call)) ?? recover(context, input, call),
    'recovery.recoverAll': (input, call) => answers.once(call, () => recoverAll(context, input)),
    'recovery.validate': ({ sessionId, level }) => validateSession(journal, sessionId, level),
    'recovery.receipts': (input) => listReceipts(journal, input),
    'recovery.boots': ({ limit, cursor }) => pageOfBoots(journal, limit, cursor),
    'recovery.stats': () => statistics(context),
  };
}

/** A few at a time: each is read as a whole, and the next begins when one has ended. */
async function recoverAll(
  context: HandlerContext,
  { concurrency }: ParsedInputOf<'recovery.recoverAll'>,
): Promise<BulkRecoveryInfo> {
  const { clock, telemetry } = context;
  const beganAt = clock.now();
  const waiting = context.conditions.list('quarantined').map(({ sessionId }) => sessionId);
  const total = waiting.length;
  const tally = { attempted: 0, complete: 0, waiting: 0, failed: 0 };
  const notRecovered: BulkRecoveryInfo['notRecovered'][number][] = [];
  const note = (sessionId: string, status: RecoveryStatus, problem: string): void => {
    if (notRecovered.length < mostShown) notRecovered.push({ sessionId, status, problem });
  };
  const work = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      const { status, recovered, problem } = await recoverOne(context, id);
      tally.attempted += 1;
      if (recovered) tally.complete += 1;
      else {
        tally[status === 'failed' ? 'failed' : 'waiting'] += 1;
        note(id, status, problem);
      }
      telemetry('recovery.progressed', { ...tally, total });
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, total) }, work));
  return { ...tally, tookMs: Math.max(0, clock.now() - beganAt), notRecovered };
}

async function recoverOne(
  context: HandlerContext,
  sessionId: string,
): Promise<Pick<RecoveryInfo, 'status' | 'recovered'> & { readonly problem: string }> {
  const input = { sessionId, completeness: 'complete', validation: 'minimal', accept: false } as const;
  try {
    const { status, recovered, attempts, through, headSeq } = await recover(context, input, {});
    const lacks = `the events from ${through + 1} to ${headSeq} cannot be proven`;
    const problem = status === 'failed' ? (attempts.at(-1)?.problem ?? 'nothing can be proven') : lacks;
    return { status, recovered, problem };
  } catch (error) {
    return { status: 'failed', recovered: false, problem: toError(error).message };
  }
}

async function listReceipts(
  journal: Journal,
  { sessionId, limit, cursor }: ParsedInputOf<'recovery.receipts'>,
): Promise<ReceiptPage> {
  const place = parseCursor(cursor);
  const items: RecoveryReceipt[] = [];
  const notKept: ReceiptPage['notKept'][number][] = [];
  const damaged = new Map<string, number>();
  const page = () => ({
    items,
    notKept,
    damaged: [...damaged].map(([id, n]) => ({ sessionId: id, receipts: n })),
  });
  let last = place;
  for await (const head of headsOf(journal, sessionId, place?.sessionId)) {
    const id = head.stream.slice(prefix.length);
    const isNew = place?.sessionId !== id;
    if (isNew && head.firstSeq > 1 && head.status !== 'deleted')
      notKept.push({ sessionId: id, receipts: head.firstSeq - 1 });
    const after = isNew ? head.firstSeq - 1 : place.seq;
    for await (const { seq, receipt } of receiptsIn(journal, head, after)) {
      if (receipt !== undefined) {
        if (items.length === limit)
          return { ...page(), ...(last && { cursor: `${last.sessionId}.${last.seq}` }) };
        items.push(await withDecisions(journal, receipt));
      } else damaged.set(id, (damaged.get(id) ?? 0) + 1);
      last = { sessionId: id, seq };
    }
  }
  return page();
}

/** Without the receipt where its record cannot be proven. */
async function* receiptsIn(
  journal: Journal,
  head: Head,
  from: number,
): AsyncGenerator<{ readonly seq: number; readonly receipt?: RecoveryReceipt }> {
  for (let after = Math.max(from, head.firstSeq - 1); after < head.seq; after += readAtOnce) {
    const through = Math.min(after + readAtOnce, head.seq);
    const events = await readableEvents(journal, head.stream, after, through);
    const found = new Map(events.map((event) => [event.seq, event]));
    for (let seq = after + 1; seq <= through; seq++) {
      const event = found.get(seq);
      if (event === undefined) yield { seq };
      else if (event.type === 'recovery.recorded' && event.data !== undefined)
        yield { seq, receipt: event.data as RecoveryReceipt };
    }
  }
}

/** The recovery streams, in the order of their sessions: one, or all from a session on. */
async function* headsOf(journal: Journal, sessionId?: string, from?: string): AsyncGenerator<Head> {
  if (sessionId !== undefined) {
    const head = await journal.head(recoveryStream(sessionId));
    if (head !== undefined) yield head;
    return;
  }
  const first = from === undefined ? undefined : await journal.head(recoveryStream(from));
  if (first !== undefined) yield first;
  for (let after = from && recoveryStream(from), more = true; more; ) {
    const page = await journal.list({ prefix, ...(after !== undefined && { after }) });
    yield* page.heads;
    after = page.next;
    more = after !== undefined;
  }
}

function parseCursor(
  cursor: string | undefined,
): { readonly sessionId: string; readonly seq: number } | undefined {
  if (cursor === undefined) return undefined;
  const [, sessionId, seq] = /^([A-Za-z0-9][A-Za-z0-9_-]{0,63})\.(\d{1,15})$/.exec(cursor) ?? [];
  if (sessionId === undefined) throw new HoldfastError('INVALID_CURSOR', { value: cursor });
  return { sessionId, seq: Number(seq) };
}

/** From the heads alone: each carries the counts of its stream. */
async function statistics({ journal, recovery }: HandlerContext): Promise<RecoveryStatistics> {
  let counts: RecoveryCounts = {};
  for await (const { status, summary } of headsOf(journal))
    if (status !== 'deleted') counts = mergeCounts(counts, (summary ?? {}) as unknown as RecoveryCounts);
  const { attempts = 0, failed = 0, restoredMs = 0, longestMs = 0 } = counts;
  const restored = attempts - failed;
  const byStatus = Object.fromEntries(recoveryStatuses.map((status) => [status, counts[status] ?? 0]));
  return {
    attempts,
    byStatus: byStatus as RecoveryStatistics['byStatus'],
    successRate: attempts === 0 ? null : restored / attempts,
    byReason: below(counts, 'reason.'),
    byTier: below(counts, 'tier.'),
    meanMs: restored === 0 ? null : restoredMs / restored,
    longestMs,
    droppedReceipts: recovery.receiptLog.dropped,
  };
}

function below(counts: RecoveryCounts, start: string): Readonly<Record<string, number>> {
  const found = Object.entries(counts).filter(([name]) => name.startsWith(start));
  return Object.fromEntries(found.map(([name, count]) => [name.slice(start.length), count]));
}
