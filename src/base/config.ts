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
  /** Sessions that may have actors at once; the others are in memory without, or stored. */
  maxActiveSessions: positive.default(10_000),
  /** Quiet for so long, a session loses its actors, in milliseconds; null for never. */
  passivateAfterMs: positive.nullable().default(60_000),
  /** Bytes of sessions without actors that stay in memory. */
  residentBytes: z.number().int().min(0).default(67_108_864),
  /** How long a session may take to end, its agents included, in milliseconds; then it is ended by force. */
  shutdownMs: positive.default(15_000),
  /** Traces errors that nobody catches to the agent whose code they come from; makes every await in the process dearer. */
  captureStrayErrors: z.boolean().default(false),
  /** Commands of one session that may wait for their answers. */
  mailboxSize: positive.optional(),
  /** How long a call may take, in milliseconds; null for ever. */
  operationTimeoutMs: positive.nullable().optional(),
  /** Files of sessions must lie below this directory; null takes any relative or absolute name. */
  fileRoot: z.string().min(1).nullable().default(null),
});

export type SystemConfigInput = z.input<typeof schema>;

export interface SystemConfig
  extends Required<Omit<z.output<typeof schema>, 'location' | keyof typeof presets.default>> {
  readonly location: string | undefined;
  readonly maxSessions: number | null;
  readonly mailboxSize: number;
  readonly operationTimeoutMs: number | null;
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
  const { location, ...given } = result.data;
  const preset = presets[given.limits];
  return Object.freeze({
    ...given,
    location,
    maxSessions: given.maxSessions === undefined ? preset.maxSessions : given.maxSessions,
    mailboxSize: given.mailboxSize ?? preset.mailboxSize,
    operationTimeoutMs:
      given.operationTimeoutMs === undefined ? preset.operationTimeoutMs : given.operationTimeoutMs,
  });
}
