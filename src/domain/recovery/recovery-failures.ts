// The taxonomy of failures: eighteen kinds in six groups, how grave each is, and how it is answered. Data, so that a table
// can be replaced and a test can read it.
import type { RecoveryTier } from './recovery-vocabulary.ts';

type Severity = 'low' | 'medium' | 'high' | 'critical';

export interface FailureEntry {
  readonly group: 'process' | 'connection' | 'state' | 'resource' | 'agent' | 'task';
  readonly severity: Severity;
  /** The tier that its recovery begins with; null for what is no matter of a session's state. */
  readonly tier: RecoveryTier | null;
  /** Who answers it here, without being asked. */
  readonly answeredBy: string;
}

const entry = (
  group: FailureEntry['group'],
  severity: Severity,
  tier: RecoveryTier | null,
  answeredBy: string,
): FailureEntry => ({ group, severity, tier, answeredBy });

export const failureKinds = {
  'process.crashed': entry('process', 'high', 'hot', 'the next start, with a boot receipt'),
  'process.hung': entry('process', 'high', 'hot', 'the operator: the heartbeat tells, the lock holds'),
  'process.killed': entry('process', 'high', 'hot', 'the next start, with a boot receipt'),
  'connection.lost': entry('connection', 'medium', null, 'the client: it asks again from its cursor'),
  'connection.refused': entry('connection', 'medium', null, 'the client, with its idempotency key'),
  'connection.timedOut': entry('connection', 'low', null, 'the client, with its idempotency key'),
  'state.snapshotDamaged': entry('state', 'low', 'warm', 'hydration: an older snapshot, or the journal'),
  'state.recordDamaged': entry('state', 'high', 'cold', 'quarantine, until it is recovered'),
  'state.historyLost': entry('state', 'critical', 'cold', 'quarantine, until it is recovered'),
  'resource.diskFull': entry('resource', 'high', null, 'the journal: it refuses, and heals'),
  'resource.memory': entry('resource', 'high', 'hot', 'passivation; a kill is answered by the next start'),
  'resource.handles': entry('resource', 'medium', null, 'the journal: it reopens'),
  'agent.crashed': entry('agent', 'low', null, 'its supervisor: the next incarnation'),
  'agent.timedOut': entry('agent', 'medium', null, 'its supervisor: the next incarnation'),
  'agent.keepsFailing': entry('agent', 'high', 'hot', 'quarantine of its session'),
  'task.actorsCrashed': entry('task', 'medium', 'hot', 'its supervisor: started again from the journal'),
  'task.keepsFailing': entry('task', 'critical', 'emergency', 'quarantine: readable, no writes'),
  'task.lawChanged': entry('task', 'high', 'warm', 'the whole journal under the new law'),
} as const satisfies Record<string, FailureEntry>;

type FailureKind = keyof typeof failureKinds;

/** A failure as a strategy is chosen for it. */
export interface Failure {
  readonly sessionId: string;
  readonly kind: FailureKind;
  readonly severity: Severity;
  /** The code of the error behind it, if it has one. */
  readonly code?: string;
  readonly problem: string;
}

const kindOfCode: Readonly<Record<string, FailureKind>> = {
  JOURNAL_CORRUPT: 'state.recordDamaged',
  HISTORY_LOST: 'state.historyLost',
  LAW_CHANGED: 'task.lawChanged',
  AGENT_TIMEOUT: 'agent.timedOut',
};

/** The failure that a session has by the error that it was quarantined with, or that its recovery met. */
export function failureOf(
  sessionId: string,
  error: { readonly code?: string; readonly message: string } | null,
): Failure {
  const { code, message = 'it was asked for' } = error ?? {};
  const kind = (code !== undefined && kindOfCode[code]) || 'task.actorsCrashed';
  const { severity } = failureKinds[kind];
  return { sessionId, kind, severity, ...(code !== undefined && { code }), problem: message };
}
