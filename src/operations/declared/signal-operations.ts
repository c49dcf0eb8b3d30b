// What agents wait for, and how it is answered, for the registry.
import { z } from 'zod';
import { idPattern, idRule } from '../../base/ids.ts';
import { type Operation, read, write } from '../operation.ts';
import { cursor, json, sessionId } from '../schema.ts';
import type { StreamedPage, WaitInfo } from '../views/signal-views.ts';
import type { Acknowledged } from '../views/views.ts';

const runId = z.string().regex(idPattern, idRule);

export const signalOperations = {
  'agents.signal': write<Acknowledged & { readonly runId: string; readonly taken: boolean }>()(
    'Sends a signal to a run: the first that waits for its name takes it, once; one that nobody waits for is kept.',
    z.strictObject({
      sessionId,
      runId: runId.optional(),
      name: z.string().min(1).max(200),
      payload: json.default(null),
    }),
  ),
  'agents.waits': read<readonly WaitInfo[]>()(
    'What the open runs of a session wait for: signals and timers, in the order in which they were begun.',
    z.strictObject({ sessionId, runId: runId.optional() }),
  ),
  'agents.stream': read<StreamedPage>()(
    'What a run streams: waits until there is something behind the cursor, or the run has ended.',
    z.strictObject({ sessionId, runId, cursor: cursor.optional() }),
  ),
} as const satisfies Record<string, Operation>;
