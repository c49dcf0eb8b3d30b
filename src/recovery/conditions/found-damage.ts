// What the opening of the store found wanting gets a receipt that names it, for each session that it is of: none is silently
// shorter than it was.
import type { Telemetry } from '../../base/telemetry.ts';
import type { SeqRange } from '../../domain/recovery/recovery-vocabulary.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { StoreReport } from '../../journal/store/store-report.ts';
import type { ReceiptLog } from '../receipts/receipt-log.ts';
import type { SessionRecoveries } from '../session-recoveries.ts';
import type { Conditions } from './conditions.ts';

const prefix = sessionStream('');

interface Found {
  readonly sessionId: string;
  readonly reason: 'history_lost' | 'history_damaged';
  readonly problem: string;
  readonly headSeq: number;
  readonly dropped: readonly SeqRange[];
}

interface Receipts {
  readonly recoveries: Pick<SessionRecoveries, 'found'>;
  readonly receiptLog: Pick<ReceiptLog, 'whenIdle'>;
}

/** Resolves when all of them are written, or could not be. */
export async function recordFound(
  report: Pick<StoreReport, 'lost' | 'damaged'>,
  conditions: Pick<Conditions, 'find'>,
  { recoveries, receiptLog }: Receipts,
  telemetry: Telemetry,
): Promise<void> {
  for (const { sessionId, reason, problem, headSeq, dropped } of foundIn(report)) {
    // One that was found before and not looked at yet has its receipt.
    if (conditions.find(sessionId)?.condition === 'quarantined') continue;
    recoveries.found(sessionId, reason, { headSeq, dropped }, problem);
    telemetry('session.quarantined', { sessionId, reason, restarts: 0, problem });
  }
  await receiptLog.whenIdle();
}

function foundIn({ lost, damaged }: Pick<StoreReport, 'lost' | 'damaged'>): readonly Found[] {
  return [
    ...lost.map(({ stream, found, witnessed }) => ({
      ...{ stream, reason: 'history_lost' as const, headSeq: found },
      problem: `the events from ${found + 1} to ${witnessed} were durable once and are gone`,
      dropped: [{ from: found + 1, to: witnessed }],
    })),
    ...damaged.map(({ stream, seq, problem }) => ({
      ...{ stream, reason: 'history_damaged' as const, problem, headSeq: 0 },
      dropped: typeof seq === 'number' ? [{ from: seq, to: seq }] : [],
    })),
  ].flatMap(({ stream, ...found }) =>
    stream.startsWith(prefix) ? [{ sessionId: stream.slice(prefix.length), ...found }] : [],
  );
}
