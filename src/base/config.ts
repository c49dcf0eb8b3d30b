// The configuration of a system: one schema with every default, checked once, every fault named with its place.
import { z } from 'zod';
import { faultsOfPolicy } from './agent-policy.ts';
import { durabilities } from './durability.ts';
import { HoldfastError, textOf } from './errors.ts';
import { idPattern } from './ids.ts';
import { faultsOfPermits } from './permit-faults.ts';
import { isWithin } from './places.ts';
import { promotionPolicy } from './promotion-policy.ts';
import { faultsOfTasks } from './task-faults.ts';
import { faultsOfWorkerAgent } from './worker-agent.ts';

const positive = z.number().int().min(1);
const count = z.number().int().min(0);

const schema = z.strictObject({
  /** The directory of the store: new, empty, or made by Holdfast. */
  location: z.string().min(1).optional(),
  /** What becomes of a store that is found damaged: repaired on a copy and reported, or refused and left as it is. */
  repair: z.enum(['auto', 'refuse']).default('auto'),
  /** What becomes of a store that an earlier version wrote: raised to this one, or refused and left as it is. */
  upgrade: z.enum(['auto', 'refuse']).default('auto'),
  /** Every stored session is loaded and replayed before anything is served: what was found is reported, or ends the start. */
  preflight: z.enum(['off', 'report', 'refuse']).default('off'),
  /** `strict` enforces the numbers of the systems that came before; see docs/semantics.md. */
  limits: z.enum(['default', 'strict']).default('default'),
  /** What the answers of new sessions wait for. */
  durability: z.enum(durabilities).default('fsync'),
  /** Sessions that may be open at once; null for no limit. */
  maxSessions: positive.nullable().optional(),
  /** Sessions that may have actors at once; the others are in memory without, or stored. */
  maxActiveSessions: positive.default(10_000),
  /** Quiet for so long, a session loses its actors, in milliseconds; null for never. */
  passivateAfterMs: positive.nullable().default(60_000),
  /** Bytes of sessions without actors that stay in memory. */
  residentBytes: z.number().int().min(0).default(67_108_864),
  /** Bytes of cached files and analyses, of all sessions together. */
  analysisBytes: z.number().int().min(0).default(33_554_432),
  /** How long a session may take to end, its agents included, in milliseconds; then it is ended by force. */
  shutdownMs: positive.default(15_000),
  /** How often a session may be started again within a period of its uptime; once more, and it is quarantined. */
  sessionRestarts: z
    .strictObject({
      maxRestarts: count.default(10),
      /** In milliseconds. */
      periodMs: positive.default(60_000),
    })
    .optional(),
  /** Traces errors that nobody catches to the agent whose code they come from; makes every await in the process dearer. */
  captureStrayErrors: z.boolean().default(false),
  /** Threads that agents with `isolation: 'worker'` may have at once; null for four a core, and at least eight. */
  maxWorkers: positive.nullable().default(null),
  /** Names what blocks the event loop of the process; true for the defaults of its numbers, in milliseconds. */
  watchdog: z
    .union([
      z.boolean(),
      z.strictObject({
        /** So long without a turn of the event loop is a stall. */
        stallMs: z.number().int().min(20).default(250),
        /** So long a stall ends the process; null for never. */
        exitAfterMs: positive.nullable().default(null),
      }),
    ])
    .default(false),
  /** How often the process notes that it lives, in milliseconds; 0 for never. */
  heartbeatMs: z.number().int().min(0).default(10_000),
  /** A process that noted nothing for so long, in milliseconds, is taken for hung. */
  heartbeatTimeoutMs: positive.default(30_000),
  /** An error that nobody catches ends the process, as it always does, once snapshots of the sessions in memory are kept. */
  emergencySnapshot: z.boolean().default(false),
  /** Commands of one session that may wait for their answers. */
  mailboxSize: positive.optional(),
  /** How long a call may take, in milliseconds; null for ever. */
  operationTimeoutMs: positive.nullable().optional(),
  /** Files of sessions must lie below this directory; null takes any relative or absolute name. */
  fileRoot: z.string().min(1).nullable().default(null),
  /** With fewer bytes free on the disk no new session is taken; 0 for no such mark. */
  minFreeBytes: z.number().int().min(0).default(104_857_600),
  /** Bytes beside the store that are given back when the disk is full, so that what must be written still fits; 0 for none. */
  reserveBytes: z.number().int().min(0).default(16_777_216),
  /** Values of at least so many characters are compressed on the disk; null for none. */
  compressAbove: z.number().int().min(0).nullable().default(null),
  /** How often all that is stored is read and checked, in milliseconds; 0 for never. */
  scrubEveryMs: z.number().int().min(0).default(86_400_000),
  /** How fast that goes. */
  scrubBytesPerSecond: positive.default(4_194_304),
  /** Where backups are kept; beside the store, under its name and `-backups`, where it is not given. */
  backupDirectory: z.string().min(1).optional(),
  /** How often a backup is made by itself, in milliseconds; null for never. */
  backupEveryMs: z.number().int().min(1_000).nullable().default(null),
  /** How much of the store a backup reads in a second, at most. */
  backupBytesPerSecond: positive.default(67_108_864),
  /** How many hours, days, weeks and months keep one backup each. */
  backupRetention: z
    .strictObject({
      hourly: count.default(24),
      daily: count.default(7),
      weekly: count.default(4),
      monthly: count.default(12),
    })
    .optional(),
});

/** What has to be of a kind, and cannot be told more of. One of a wrong kind would fail much later, far from here. */
const ports = {
  onTelemetry: functionPort().optional(),
  inspect: z.custom(isInspect, 'give a function or an object with next()').optional(),
  countTokens: functionPort().optional(),
  clock: z.custom(isClock, 'give an object with now() and schedule()').optional(),
  newId: functionPort().optional(),
  store: functionPort().optional(),
  agents: z.custom(isObject, 'give an object').superRefine(eachAgent).optional(),
  processManagers: definitions('react').optional(),
  tasks: z.custom(isObject, 'give an object').superRefine(eachTaskOption).optional(),
  encryptionKeys: z.array(z.custom(isEncryptionKey, 'give { id, key }'), 'give a list').optional(),
  codecs: z.array(z.custom(isCodec, 'give { name, matches, encode, decode }'), 'give a list').optional(),
  heartbeats: z.custom(isHeartbeats, 'give an object with read() and write()').optional(),
  recovery: z.custom(isObject, 'give an object').superRefine(eachRecoveryPort).optional(),
  permits: z.custom(isObject, 'give an object').superRefine(eachPermit).optional(),
  mergePolicies: z.custom(isObject, 'give an object').superRefine(eachMergePolicy).optional(),
  memories: promotionPolicy.optional(),
  summarisers: z.custom(isObject, 'give an object').superRefine(eachSummariser).optional(),
  conflicts: z.custom(isObject, 'give an object').optional(),
};

export type SystemConfigInput = z.input<typeof schema>;

/** Options that may stay without a value. */
type Unset = 'location' | 'backupDirectory' | 'backupRetention' | 'sessionRestarts';

export interface SystemConfig
  extends Required<Omit<z.output<typeof schema>, Unset | keyof typeof presets.default>>,
    Pick<z.output<typeof schema>, Exclude<Unset, 'location'>> {
  readonly location: string | undefined;
  readonly maxSessions: number | null;
  readonly mailboxSize: number;
  readonly operationTimeoutMs: number | null;
}

const presets = {
  default: { maxSessions: null, mailboxSize: 1_024, operationTimeoutMs: null },
  strict: { maxSessions: 100, mailboxSize: 10, operationTimeoutMs: 30_000 },
} as const;

/** The names of all options. */
export const optionNames: readonly string[] = [
  ...Object.keys(schema.shape),
  ...Object.keys(ports),
  'session',
];

/**
 * The whole configuration, or `INVALID_CONFIG` with all that is wrong, each fault with its place. `session` is the schema
 * of a session's numbers, which only operations know.
 */
export function parseConfig<Session>(
  input: unknown,
  session: z.ZodType<Session>,
): { readonly config: SystemConfig; readonly session: Session | undefined } {
  const result = schema.extend({ ...ports, session: session.optional() }).safeParse(input);
  const faults = [...faultsOf(result.error), ...faultsOfPlace(input), ...faultsOfHeart(result.data)];
  if (result.data === undefined || faults.length > 0)
    throw new HoldfastError('INVALID_CONFIG', { problem: faults.join('; '), faults });
  return { config: settled(withoutPorts(result.data)), session: result.data.session };
}

function withoutPorts(data: z.output<typeof schema>): z.output<typeof schema> {
  const own = Object.entries(data).filter(([name]) => Object.hasOwn(schema.shape, name));
  return Object.fromEntries(own) as z.output<typeof schema>;
}

/** What was not given is as the preset has it. */
function settled({ location, ...given }: z.output<typeof schema>): SystemConfig {
  const preset = presets[given.limits];
  const { maxSessions = preset.maxSessions, operationTimeoutMs = preset.operationTimeoutMs } = given;
  const { mailboxSize = preset.mailboxSize } = given;
  return Object.freeze({ ...given, location, maxSessions, mailboxSize, operationTimeoutMs });
}

function faultsOf(error: z.ZodError | undefined): readonly string[] {
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.') || 'options'}: ${message}`);
}

/** The sessions need a place, whatever else is wrong. */
function faultsOfPlace(input: unknown): readonly string[] {
  if (typeof input !== 'object' || input === null) return [];
  const { location, store } = input as Readonly<Record<string, unknown>>;
  const isMissing = location === undefined && store === undefined;
  if (isMissing) return ['location: give the directory in which the sessions are kept'];
  const { backupDirectory } = input as Readonly<Record<string, unknown>>;
  // What lies in the store goes with the store.
  const within = typeof location === 'string' && typeof backupDirectory === 'string';
  return within && isWithin(backupDirectory, location)
    ? ['backupDirectory: give a directory outside of the store']
    : [];
}

/** One that beats less often than it is looked for would seem dead between its beats. */
function faultsOfHeart(data: z.output<typeof schema> | undefined): readonly string[] {
  if (data === undefined || data.heartbeatMs < data.heartbeatTimeoutMs) return [];
  return ['heartbeatTimeoutMs: it must be longer than heartbeatMs'];
}

function functionPort(): z.ZodType {
  return z.custom(isFunction, 'give a function');
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function isInspect(value: unknown): boolean {
  return isFunction(value) || isFunction(memberOf(value, 'next'));
}

function isClock(value: unknown): boolean {
  return isFunction(memberOf(value, 'now')) && isFunction(memberOf(value, 'schedule'));
}

function isEncryptionKey(value: unknown): boolean {
  return typeof memberOf(value, 'id') === 'string' && memberOf(value, 'key') instanceof Uint8Array;
}

function isCodec(value: unknown): boolean {
  const functions = ['matches', 'encode', 'decode'];
  return (
    typeof memberOf(value, 'name') === 'string' &&
    functions.every((name) => isFunction(memberOf(value, name)))
  );
}

function isHeartbeats(value: unknown): boolean {
  return isFunction(memberOf(value, 'read')) && isFunction(memberOf(value, 'write'));
}

/** The process in which sessions are tried: with less memory it would not start. */
const trials = z.strictObject({
  stallMs: z.number().int().min(1).max(3_600_000).optional(),
  memoryMb: z.number().int().min(64).max(1_048_576).optional(),
});
const trialsHint = 'give { stallMs, memoryMb }: whole numbers, from 1 and from 64';

/** How failures are answered: a function that names strategies, and one that repairs. */
function eachRecoveryPort(recovery: unknown, context: z.RefinementCtx): void {
  for (const [name, port] of Object.entries(recovery ?? {})) {
    const fault = (message: string): void => context.addIssue({ code: 'custom', path: [name], message });
    if (name === 'strategies') isFunction(port) || fault('give a function');
    else if (name === 'repair')
      isFunction(memberOf(port, 'recover')) || fault('give an object with recover()');
    else if (name === 'trials') trials.safeParse(port).success || fault(trialsHint);
    else fault('there is no such option');
  }
}

/** Gates are functions, roles lists of names, and both numbers at least 1. */
function eachTaskOption(options: unknown, context: z.RefinementCtx): void {
  for (const message of faultsOfTasks(options)) context.addIssue({ code: 'custom', message });
}

/** By key: what may be used under it. */
function eachPermit(permits: unknown, context: z.RefinementCtx): void {
  for (const message of faultsOfPermits(permits)) context.addIssue({ code: 'custom', message });
}

/** By name: functions that make one value of two. */
function eachMergePolicy(policies: unknown, context: z.RefinementCtx): void {
  for (const [name, policy] of Object.entries(policies ?? {})) {
    const fault = (message: string): void => context.addIssue({ code: 'custom', path: [name], message });
    if (!idPattern.test(name)) fault('it is not a name');
    if (!isFunction(policy)) fault('give a function');
  }
}

/** By name: functions, or the names of agents; either with a time of its own. */
function eachSummariser(summarisers: unknown, context: z.RefinementCtx): void {
  for (const [name, summariser] of Object.entries(summarisers ?? {})) {
    const fault = (message: string): void => context.addIssue({ code: 'custom', path: [name], message });
    const timeoutMs = memberOf(summariser, 'timeoutMs');
    const isMade =
      isFunction(memberOf(summariser, 'summarise')) || typeof memberOf(summariser, 'agent') === 'string';
    if (!idPattern.test(name) || name === 'extractive') fault('it is not a name, or that of the default');
    if (!isFunction(summariser) && !isMade) fault('give a function, { summarise } or { agent }');
    if (timeoutMs !== undefined && !positive.safeParse(timeoutMs).success)
      fault('timeoutMs: give a whole number from 1');
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** By name: asynchronous functions, what XState makes actors of, or modules for threads. */
function eachAgent(agents: unknown, context: z.RefinementCtx): void {
  for (const [name, definition] of Object.entries(agents ?? {})) {
    const fault = (message: string): void => context.addIssue({ code: 'custom', path: [name], message });
    const isPoliced = isObject(definition) && Object.hasOwn(Object(definition), 'run');
    const code = isPoliced ? memberOf(definition, 'run') : definition;
    const isLogic =
      isFunction(memberOf(code, 'transition')) && isFunction(memberOf(code, 'getInitialSnapshot'));
    if (!idPattern.test(name)) fault('it is not a name');
    if (isPoliced) faultsOfPolicy(definition).forEach(fault);
    if (memberOf(code, 'isolation') !== undefined) faultsOfWorkerAgent(code).forEach(fault);
    else if (!isFunction(code) && !isLogic) fault('give a function or XState actor logic');
  }
}

/** A list of objects, each with a name of its own, which names a stream, and with a function called `run`. */
function definitions(run: string): z.ZodType {
  return z.array(z.unknown(), 'give a list').superRefine((list, context) => {
    const names = new Set<unknown>();
    for (const [index, definition] of list.entries()) {
      const name = memberOf(definition, 'name');
      const fault = (message: string): void =>
        context.addIssue({ code: 'custom', path: [index], message: `${textOf(name)} ${message}` });
      if (typeof name !== 'string' || !idPattern.test(name)) fault('is not a name');
      else if (names.has(name)) fault('is taken twice');
      if (!isFunction(memberOf(definition, run))) fault(`has no function named ${run}`);
      names.add(name);
    }
  });
}
