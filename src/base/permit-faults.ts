// What is wrong with the option `permits`, each fault with its place.
import { z } from 'zod';

const count = z.number().int().min(1);

const limits = {
  inFlight: count.optional(),
  perMinute: count.optional(),
  tokensPerMinute: count.optional(),
  costPerHour: z.number().positive().optional(),
};

const schema = z.record(
  z.string().min(1).max(200),
  z.strictObject({
    ...limits,
    perTree: z.strictObject(limits).optional(),
    maxWaiting: z.number().int().min(0).optional(),
    leaseMs: count.optional(),
  }),
);

export function faultsOfPermits(permits: unknown): readonly string[] {
  const { error } = schema.safeParse(permits);
  return (error?.issues ?? []).map(({ path, message }) => [path.join('.') || 'permits', message].join(': '));
}
