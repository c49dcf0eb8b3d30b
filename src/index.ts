// The public names of `holdfast`.
export type { Clock } from './base/clock.ts';
export { type PayloadCodec, richCodecs } from './base/payload-codec.ts';
export type { TelemetryEvent } from './base/telemetry.ts';
export * from './client/index.ts';
export type { AgentBudget } from './domain/agent/agent-budget.ts';
export type { PermitKey, PermitLimits } from './domain/permit-limits.ts';
export type { Failure } from './domain/recovery/recovery-failures.ts';
export type { TokenCounter } from './domain/session/built-context.ts';
export type { StoredEvent } from './journal/journal.ts';
export type { StoreVersions } from './journal/store/store-versions.ts';
export type { EncryptionKey } from './journal/store/value-envelope.ts';
export {
  type DoctorOptions,
  type DoctorProgress,
  type DoctorReport,
  doctor,
  type MissingAgent,
  type SessionDifference,
  type SessionFailure,
} from './system/doctor.ts';
export {
  type MigrationFailure,
  type MigrationOptions,
  type MigrationReport,
  migrateStore,
} from './system/migrate-store.ts';
export { type RekeyOptions, type RekeyReport, rekeyStore } from './system/rekey-store.ts';
export { type RestoreOptions, type RestoreReport, restoreBackup } from './system/restore-backup.ts';
export {
  type CapsuleReport,
  type ExportOptions,
  type ExportReport,
  exportSession,
  type ImportOptions,
  importSession,
  verifyCapsule,
} from './system/session-files.ts';
export {
  type AgentContext,
  type AgentDefinition,
  type AgentDefinitions,
  type AgentPermits,
  type AgentPolicy,
  type Beat,
  type ChildOptions,
  createSystem,
  type GateContext,
  type GateOutcome,
  type HeartbeatStore,
  type OutgoingCommand,
  type Permit,
  type PermitOptions,
  type PolicedAgent,
  type ProcessManager,
  type ProcessManagerDefinition,
  type RecoveredState,
  type RecoveryOptions,
  type RecoveryStrategy,
  type RecoveryTask,
  type SessionHandle,
  type Slept,
  type StepContext,
  type StepHandles,
  type StepOptions,
  type SummariserDefinition,
  type SupervisionNode,
  type System,
  type SystemOptions,
  type SystemStatus,
  type TaskAssignment,
  type TaskGate,
  type TaskOptions,
  type UnknownEffect,
  type UnknownVerdict,
  type WaitOptions,
  type WorkerAgent,
  type WorkerLimits,
} from './system.ts';
