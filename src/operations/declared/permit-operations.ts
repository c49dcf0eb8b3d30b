// Operations on permits, for the registry.
import { z } from 'zod';
import { type Operation, read, write } from '../operation.ts';
import { sessionId } from '../schema.ts';
import type { PermitDetails, PermitGranted, PermitInfo } from '../views/permit-views.ts';

const key = z.string().min(1).max(200);
const permitId = z.string().min(1).max(200);
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const cost = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const ms = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

export const permitOperations = {
  'permits.acquire': write<PermitGranted>()(
    'Waits for a permit of a key in turn with all that share it; whoever is given one releases it.',
    z.strictObject({
      sessionId,
      key,
      tokens: count.default(0),
      cost: cost.default(0),
      leaseMs: ms.optional(),
      timeoutMs: ms.optional(),
    }),
  ),
  'permits.release': write<{ readonly released: boolean }>()(
    'Gives a permit back, with what was used under it; `rateLimited` makes all that share the key wait.',
    z.strictObject({
      sessionId,
      permitId,
      tokens: count.optional(),
      cost: cost.optional(),
      rateLimited: z.strictObject({ retryAfterMs: count.optional() }).optional(),
    }),
  ),
  'permits.list': read<readonly PermitInfo[]>()(
    'The keys of permits, with how many are held and wait, and what was used of late.',
    z.strictObject({}),
  ),
  'permits.get': read<PermitDetails>()(
    'One key of permits, with who holds one and who waits.',
    z.strictObject({ key }),
  ),
} as const satisfies Record<string, Operation>;
