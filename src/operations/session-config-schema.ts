// The numbers of a session as a schema; their meaning stands at SessionConfig.
import { z } from 'zod';
import { checkpointOccasions, type SessionConfig } from '../domain/session/session-config.ts';

const duration = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).nullable();
const count = z.number().int().min(1).max(1_000_000);

const fields = {
  idleAfterMs: duration,
  dormantAfterMs: duration,
  endAfterQuietMs: duration,
  endAfterMs: duration,
  expiresAt: duration,
  messageWindow: z.number().int().min(1).max(10_000),
  messageWindowBytes: z.number().int().min(1).max(4_194_304),
  maxFiles: count.max(10_000),
  maxIndexedFiles: count.max(10_000),
  maxMemoryKeys: count.max(10_000),
  maxMemoryBytes: z.number().int().min(1).max(4_194_304),
  maxAgents: count.max(1_000),
  agentShutdownMs: z.number().int().min(0).max(3_600_000),
  tokenBudget: z.number().int().min(1),
  tokenReserve: z.number().min(0).max(0.9),
  checkpointEveryEvents: count.nullable(),
  checkpointEveryMs: z.union([duration, z.literal('adaptive')]),
  checkpointOn: z
    .array(z.enum(checkpointOccasions))
    .max(checkpointOccasions.length)
    .transform((occasions) => Object.freeze([...new Set(occasions)])),
  checkpointsKept: count.max(1_000),
} satisfies Record<keyof SessionConfig, z.ZodType>;

/** Some of the numbers; the others stay as they are, also those that are given as undefined. */
export const configChanges = z.strictObject(fields).partial().transform(withoutUndefined);

function withoutUndefined(given: Partial<SessionConfig>): Partial<SessionConfig> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
