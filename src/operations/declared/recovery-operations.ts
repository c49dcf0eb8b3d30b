// Operations on recoveries, for the registry.
import { z } from 'zod';
import { recoveryTiers, validationLevels } from '../../domain/recovery/recovery-vocabulary.ts';
import { type Operation, read, write } from '../operation.ts';
import { cursor, pageLimit, sessionId } from '../schema.ts';
import type {
  BootPage,
  BulkRecoveryInfo,
  ReceiptPage,
  RecoveryInfo,
  RecoveryStatistics,
  ValidationInfo,
} from '../views/recovery-views.ts';

export const recoveryOperations = {
  'recovery.recover': write<RecoveryInfo>()(
    'Validates a session and brings it back by the best that can be proven; less than all of it only when that is accepted.',
    z.strictObject({
      sessionId,
      tier: z.enum(recoveryTiers).optional(),
      completeness: z.enum(['complete', 'partial', 'minimal']).default('complete'),
      validation: z.enum(validationLevels).default('standard'),
      accept: z.boolean().default(false),
    }),
  ),
  'recovery.recoverAll': write<BulkRecoveryInfo>()(
    'Recovers all quarantined sessions, a few at a time; what can be recovered in part only is left for somebody to accept.',
    z.strictObject({ concurrency: z.number().int().min(1).max(64).default(8) }),
  ),
  'recovery.validate': read<ValidationInfo>()(
    'Checks what is stored of a session, as thoroughly as is asked for.',
    z.strictObject({ sessionId, level: z.enum(validationLevels).default('standard') }),
  ),
  'recovery.receipts': read<ReceiptPage>()(
    'The receipts of one session, or of all, oldest first within each session; of each the newest 1,000 are kept.',
    z.strictObject({ sessionId: sessionId.optional(), limit: pageLimit, cursor: cursor.optional() }),
  ),
  'recovery.boots': read<BootPage>()(
    'The receipts of the starts of the system, newest first; the newest 1,000 are kept.',
    z.strictObject({ limit: z.number().int().min(1).max(100).default(10), cursor: cursor.optional() }),
  ),
  'recovery.stats': read<RecoveryStatistics>()(
    'How many recoveries there were, how they ended, and how long they took.',
    z.strictObject({}),
  ),
} as const satisfies Record<string, Operation>;
