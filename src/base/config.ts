// The configuration of a system: one schema with every default, checked once, every fault named with its place.
import { z } from 'zod';
import { HoldfastError } from './errors.ts';

const positive = z.number().int().min(1);

const schema = z.strictObject({
  /** The directory of the store: new, empty, or made by Holdfast. */
  location: z.string().min(1).optional(),
  /** `strict` enforces the numbers of the systems that came before; see docs/semantics.md. */
  limits: z.enum(['default', 'strict']).default('default'),
  /** Sessions that may be open at once; null for no limit. */
  maxSessions: positive.nullable().optional(),
  /** Commands of one session that may wait for their answers. */
  mailboxSize: positive.optional(),
  /** How long a call may take, in milliseconds; null for ever. */
  operationTimeoutMs: positive.nullable().optional(),
  /** Files of sessions must lie below this directory; null takes any relative or absolute name. */
  fileRoot: z.string().min(1).nullable().default(null),
});

export type SystemConfigInput = z.input<typeof schema>;

export interface SystemConfig {
  readonly location: string | undefined;
  readonly limits: 'default' | 'strict';
  readonly maxSessions: number | null;
  readonly mailboxSize: number;
  readonly operationTimeoutMs: number | null;
  readonly fileRoot: string | null;
}

const presets = {
  default: { maxSessions: null, mailboxSize: 1_024, operationTimeoutMs: null },
  strict: { maxSessions: 100, mailboxSize: 10, operationTimeoutMs: 30_000 },
} as const;

/** The whole configuration, or `INVALID_CONFIG` with all that is wrong. */
export function parseConfig(input: unknown): SystemConfig {
  const result = schema.safeParse(input);
  if (!result.success) {
    const faults = result.error.issues.map(
      ({ path, message }) => `${path.join('.') || 'options'}: ${message}`,
    );
    throw new HoldfastError('INVALID_CONFIG', { problem: faults.join('; '), faults });
  }
  const { location, limits, fileRoot, ...given } = result.data;
  const preset = presets[limits];
  return Object.freeze({
    location,
    limits,
    fileRoot,
    maxSessions: given.maxSessions === undefined ? preset.maxSessions : given.maxSessions,
    mailboxSize: given.mailboxSize ?? preset.mailboxSize,
    operationTimeoutMs:
      given.operationTimeoutMs === undefined ? preset.operationTimeoutMs : given.operationTimeoutMs,
  });
}
