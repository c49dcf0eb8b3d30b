// What agents spend and may spend, for the registry.
import { z } from 'zod';
import { budgetSchema } from '../../base/agent-policy.ts';
import { idPattern, idRule } from '../../base/ids.ts';
import { type Operation, write } from '../operation.ts';
import { sessionId } from '../schema.ts';
import type { Acknowledged } from '../views/views.ts';

export const budget = budgetSchema;

export const budgetOperations = {
  'agents.report': write<Acknowledged & { readonly tokens: number; readonly cost: number }>()(
    'Adds what a run has spent to its account; answers with all that it has spent.',
    z.strictObject({
      sessionId,
      runId: z.string().regex(idPattern, idRule),
      tokens: z.number().int().min(0).max(1e12).default(0),
      cost: z.number().min(0).max(1e12).default(0),
    }),
  ),
} as const satisfies Record<string, Operation>;
