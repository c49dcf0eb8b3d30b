// The schema of the numbers by which memories are promoted and kept.
import { z } from 'zod';

const fraction = z.number().min(0).max(1).optional();
const most = (limit: number): z.ZodType => z.number().int().min(1).max(limit).optional();

export const promotionPolicy = z.strictObject({
  importance: fraction,
  confidence: fraction,
  judgeAfterMs: most(Number.MAX_SAFE_INTEGER),
  batch: most(1_000),
  pending: most(100),
  kept: most(10_000),
  keptBytes: most(8 * 1024 * 1024),
});
