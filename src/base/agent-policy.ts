// The numbers of an agent's budget, and what stands beside its code: checked in one place, wherever they are given.
import { z } from 'zod';

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional();
const amount = z.number().min(0).max(Number.MAX_SAFE_INTEGER).optional();

/** Every number may be left out. */
export const budgetSchema = z.strictObject({
  maxRestarts: count,
  periodMs: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  tokens: count,
  cost: amount,
  totalTokens: count,
  totalCost: amount,
  restartsWithoutProgress: count,
  lifetimeRestarts: count,
  rateLimitWaits: count,
  onExhausted: z.enum(['quarantine', 'fail']).optional(),
});

const policySchema = z.strictObject({
  run: z.unknown(),
  budget: budgetSchema.optional(),
  classify: z.custom((value) => typeof value === 'function', 'give a function').optional(),
  onFatal: z.enum(['crash', 'fail']).optional(),
});

/** What is wrong with it beside its code, each fault with its place. */
export function faultsOfPolicy(definition: unknown): readonly string[] {
  const { error } = policySchema.safeParse(definition);
  return (error?.issues ?? []).map(({ path, message }) => [...path, message].join(': '));
}
