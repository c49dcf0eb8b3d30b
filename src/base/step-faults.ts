// What is wrong with the options of a step or of a child, which agents give past the operations that check their input: one that
// nobody understands would be journaled, or tried again for ever.
import { z } from 'zod';
import { budgetSchema } from './agent-policy.ts';

const ms = z.number().min(0).optional();

const stepSchema = z.strictObject({
  retries: z.union([z.number().int().min(0), z.literal(Number.POSITIVE_INFINITY)]).optional(),
  firstRetryMs: ms,
  longestRetryMs: ms,
  effect: z.boolean().optional(),
  onUnknown: z
    .union([z.enum(['fail', 'retry']), z.custom((value) => typeof value === 'function')], {
      error: "give 'fail', 'retry' or a function",
    })
    .optional(),
});

const childSchema = z.strictObject({
  role: z.string().min(1).max(200).nullish(),
  restart: z.enum(['permanent', 'transient', 'temporary']).nullish(),
  timeoutMs: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).nullish(),
  budget: budgetSchema.nullish(),
});

export interface OptionFault {
  readonly field: string;
  readonly problem: string;
}

export const faultOfStep = (options: unknown): OptionFault | undefined => faultIn(stepSchema, options);
export const faultOfChild = (options: unknown): OptionFault | undefined => faultIn(childSchema, options);

/** The first one, with its place. */
function faultIn(schema: z.ZodType, options: unknown): OptionFault | undefined {
  const [issue] = schema.safeParse(options).error?.issues ?? [];
  if (issue === undefined) return undefined;
  const field = issue.path.join('.') || 'options';
  return { field, problem: `${field}: ${issue.message}` };
}
