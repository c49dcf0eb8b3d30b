// What recovery is made of, and lives as long as the system does: logs of receipts, and what the start has found.
import type { StoreFindings } from '../recovery/boot/boot-evidence.ts';
import type { BootLog } from '../recovery/boot/boot-log.ts';
import type { ReceiptLog } from '../recovery/receipts/receipt-log.ts';
import type { RecoveryOptions } from '../recovery/recovery-strategy.ts';
import type { SessionRecoveries } from '../recovery/session-recoveries.ts';
import type { ReplayParts } from '../session/handlers/handler-context.ts';

/** What outlives the services and is made once the journal is open. */
export interface RecoveryParts {
  readonly boots: BootLog;
  readonly receiptLog: ReceiptLog;
  readonly recoveries: SessionRecoveries;
  readonly findings: StoreFindings;
  readonly options: RecoveryOptions;
  readonly replay: ReplayParts;
}
