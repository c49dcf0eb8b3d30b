// The numbers of one session: journaled with it when it is created, so that a replay never meets other ones.

/** Every duration in milliseconds, every size in bytes; null means never. */
export interface SessionConfig {
  /** Quiet for so long, an active session is `idle`. */
  readonly idleAfterMs: number | null;
  /** Quiet for so long, it is `dormant`: out of memory until a command wakes it. */
  readonly dormantAfterMs: number | null;
  /** Quiet for so long, it is ended with the reason `timeout`. */
  readonly endAfterQuietMs: number | null;
  /** So long after it was created, restored or rolled back, it is ended with the reason `timeout`. */
  readonly endAfterMs: number | null;
  /** At this time, in milliseconds since the epoch, it is ended with the reason `timeout`. */
  readonly expiresAt: number | null;
  /** How many of the newest messages stay at hand for a model; all of them stay in the journal. */
  readonly messageWindow: number;
  /** How many bytes of message content stay at hand. */
  readonly messageWindowBytes: number;
  /** Active files; beyond it the one added first is dropped from the list. */
  readonly maxFiles: number;
  /** Entries of the file index. */
  readonly maxIndexedFiles: number;
  /** Keys of the working context. */
  readonly maxMemoryKeys: number;
  /** Bytes of the working context, keys and values together. */
  readonly maxMemoryBytes: number;
  /** Agent runs that may be open at once. */
  readonly maxAgents: number;
  /** How long an agent may take to end once it was told to; then it is abandoned. */
  readonly agentShutdownMs: number;
  /** Tokens of a built context, of which `tokenReserve` is left free. */
  readonly tokenBudget: number;
  /** The part of the budget that is left free for the answer, from 0 to 1. */
  readonly tokenReserve: number;
  /** After so many events since the last a checkpoint is made, with the next command. */
  readonly checkpointEveryEvents: number | null;
  /** So long after the last a checkpoint is made, with the next command; `adaptive`: the sooner, the more happens. */
  readonly checkpointEveryMs: number | 'adaptive' | null;
  /** Before what a checkpoint is made. */
  readonly checkpointOn: readonly CheckpointOccasion[];
  /** Checkpoints that came by themselves: so many of the newest are kept. */
  readonly checkpointsKept: number;
}

export const checkpointOccasions = ['pause', 'hibernate', 'shutdown'] as const;
type CheckpointOccasion = (typeof checkpointOccasions)[number];

/** Nothing here ends a session or drops a message. */
export const defaultSessionConfig: SessionConfig = {
  idleAfterMs: 300_000,
  dormantAfterMs: 7_200_000,
  endAfterQuietMs: null,
  endAfterMs: null,
  expiresAt: null,
  messageWindow: 100,
  messageWindowBytes: 262_144,
  maxFiles: 1_000,
  maxIndexedFiles: 1_000,
  maxMemoryKeys: 1_000,
  maxMemoryBytes: 1_048_576,
  maxAgents: 100,
  agentShutdownMs: 5_000,
  tokenBudget: 100_000,
  tokenReserve: 0.1,
  checkpointEveryEvents: 1_000,
  checkpointEveryMs: null,
  checkpointOn: Object.freeze(['pause', 'hibernate'] as const),
  checkpointsKept: 50,
};

/** The numbers of the systems that came before, enforced: for those who move from them. */
export const strictSessionConfig: SessionConfig = {
  ...defaultSessionConfig,
  endAfterQuietMs: 1_800_000,
  endAfterMs: 3_600_000,
  maxFiles: 50,
  maxIndexedFiles: 50,
  maxMemoryKeys: 50,
  tokenBudget: 4_000,
  checkpointEveryMs: 300_000,
  checkpointsKept: 10,
};

/** What held in sessions that were created before there were these numbers. Never changed: replay depends on it. */
const absent = {
  checkpointEveryEvents: 1_000,
  checkpointEveryMs: null,
  checkpointOn: defaultSessionConfig.checkpointOn,
  checkpointsKept: 50,
} as const satisfies Partial<SessionConfig>;

/** The numbers as they are recorded, with those that an older version did not know. */
export function completeConfig(recorded: SessionConfig): SessionConfig {
  return recorded.checkpointsKept === undefined ? Object.freeze({ ...recorded, ...absent }) : recorded;
}
