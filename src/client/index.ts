// The public names of `holdfast/client`: what talks to a system, wherever the system is.
export type { Durability } from '../base/durability.ts';
export { type Attempt, attempt, type ErrorCode, type ErrorDetails, HoldfastError } from '../base/errors.ts';
export type { Json } from '../base/json.ts';
export type { ErrorClass, RecordedFailure } from '../domain/error-class.ts';
export type { PublishableEventType } from '../domain/event-catalogue.ts';
export type { EventData, EventType } from '../domain/event-vocabulary.ts';
export type {
  MergeConflict,
  MergeCounts,
  MergedOrigin,
  MergePart,
} from '../domain/fork/session-merge-events.ts';
export type { HandoffKind, HandoffPackage, HandoffStatus } from '../domain/handoff/handoff.ts';
export type { ConflictKind, ConflictStrategies, ConflictStrategy } from '../domain/lock/conflicts.ts';
export type { DeadlockStep, LockClaimant } from '../domain/lock/lock-events.ts';
export type { PromotionPolicy } from '../domain/memory/memory-confidence.ts';
export type {
  ConfidenceParts,
  MemoryEventData,
  MemoryEventType,
  MemoryOrigin,
  MemoryShare,
} from '../domain/memory/memory-events.ts';
export type { MemoryCounts } from '../domain/memory/memory-state.ts';
export type { RecordedError } from '../domain/recorded-error.ts';
export type { ParkedEvent } from '../domain/recovery/parked-law.ts';
export type { BootReceipt, RecoveryReceipt } from '../domain/recovery/recovery-vocabulary.ts';
export type { Liveness, WorkOfTask } from '../domain/roster/roster-events.ts';
export type {
  BuiltContext,
  ContextMessage,
  ContextRequest,
  ContextSection,
} from '../domain/session/built-context.ts';
export type { CheckpointReason } from '../domain/session/checkpoints.ts';
export type { SessionConfig } from '../domain/session/session-config.ts';
export type { MessageRole, SessionEventData, SessionEventType } from '../domain/session/session-events.ts';
export type { SessionStatus } from '../domain/session/session-lifecycle.ts';
export type { CustomMerge, MergeInput, MergePolicy } from '../domain/space/merge-policies.ts';
export type {
  ConflictSide,
  PolicyRule,
  SpaceConflict,
  SpaceEventData,
  SpaceEventType,
  WrittenKey,
} from '../domain/space/space-events.ts';
export type { SpaceScope } from '../domain/space/space-scopes.ts';
export type {
  Dependency,
  FailurePolicy,
  RetryPolicy,
  TaskOrigin,
  TaskProgress,
} from '../domain/task/task.ts';
export type { GateVerdict, ResumeReceipt, TaskEventData, TaskEventType } from '../domain/task/task-events.ts';
export type { TaskStatus } from '../domain/task/task-machine.ts';
export type { AnalysisLevel, SourceAnalysis } from '../domain/text/source-analysis.ts';
export type { Summariser, SummaryCounts, SummaryInput } from '../domain/text/summary.ts';
export type { RankedTool, ToolUsage } from '../domain/text/tool-ranking.ts';
export type { EventPort, EventStream, StreamQuery } from '../operations/event-port.ts';
export type { CallOptions, Dispatch } from '../operations/operation.ts';
export type { InputOf, OperationName, OutputOf } from '../operations/registry.ts';
export type {
  SpaceEventPort,
  SpaceEventStream,
  SpaceListener,
  SpaceQuery,
  SpaceStreamQuery,
} from '../operations/space-event-port.ts';
export type {
  AnalysisCacheStatus,
  CachedAnalysisInfo,
  CachedFileInfo,
  CodebaseAnalysis,
  CodebaseSnapshot,
  FileCached,
} from '../operations/views/analysis-views.ts';
export type { AgentUsage, BudgetLeft } from '../operations/views/budget-views.ts';
export type { CacheStatus } from '../operations/views/cache-views.ts';
export type { MessageErased, SessionErased } from '../operations/views/erasure-views.ts';
export type {
  AncestorStanding,
  Comparison,
  Difference,
  DifferenceKind,
  ForkAnchor,
  Forked,
  ForkInfo,
  ForkPoint,
  LineageInfo,
  Merged,
} from '../operations/views/fork-views.ts';
export type {
  HandoffAccepted,
  HandoffChain,
  HandoffDetails,
  HandoffInfo,
  HandoffOffered,
  HandoffSettled,
  OwnershipInfo,
  RouteMetrics,
} from '../operations/views/handoff-views.ts';
export type {
  Anchor,
  AnchorPage,
  AnchorVerdict,
  CheckpointDetails,
  CheckpointInfo,
  CheckpointVerdict,
  IntegrityProblem,
  IntegrityVerdict,
  SessionVerdict,
} from '../operations/views/integrity-views.ts';
export type {
  LockChecked,
  LockGranted,
  LockHolderInfo,
  LockInfo,
  LockNotice,
  LockRenewed,
  LockStats,
  LockWaiterInfo,
  StrategyChoice,
} from '../operations/views/lock-views.ts';
export type {
  DeadLetterInfo,
  LetterInfo,
  ReceivedLetter,
  UndeliveredMail,
} from '../operations/views/mail-views.ts';
export type {
  FoundMemory,
  MemoriesErased,
  MemoriesFound,
  MemoriesJudged,
  MemoryChanged,
  MemoryInfo,
  MemoryProposed,
  MemoryStatistics,
} from '../operations/views/memory-views.ts';
export type { ParkedInfo, ParkingAnswer } from '../operations/views/parked-views.ts';
export type {
  PermitDetails,
  PermitGranted,
  PermitHolder,
  PermitInfo,
} from '../operations/views/permit-views.ts';
export type {
  BootPage,
  BulkRecoveryInfo,
  ReceiptPage,
  RecoveryInfo,
  RecoveryStatistics,
  ValidationInfo,
} from '../operations/views/recovery-views.ts';
export type {
  AssignedWorkInfo,
  MemberInfo,
  MemberStatus,
  MemberWork,
  RosterBeat,
  RosterJoined,
  RosterStats,
  WorkAssigned,
} from '../operations/views/roster-views.ts';
export type { StreamedPage, WaitInfo } from '../operations/views/signal-views.ts';
export type {
  SpaceConflictInfo,
  SpaceCreated,
  SpaceDetails,
  SpaceEntryInfo,
  SpaceEvent,
  SpaceInfo,
  SpaceMemberInfo,
  SpaceTransacted,
  SpaceVerdict,
  SpaceVersionInfo,
  SpaceWritten,
} from '../operations/views/space-views.ts';
export type { ContextItem, ContextPage, SessionSummary } from '../operations/views/summary-views.ts';
export type {
  TaskAcknowledged,
  TaskChanged,
  TaskChecked,
  TaskDetails,
  TaskGraph,
  TaskGraphNode,
  TaskHistoryEntry,
  TaskInfo,
  TaskStarted,
  TaskStatistics,
  TasksCreated,
  TasksResumed,
} from '../operations/views/task-views.ts';
export type { ChildOpened, ChildResult, TreeChildInfo, TreeInfo } from '../operations/views/tree-views.ts';
export type {
  Acknowledged,
  AgentDetails,
  AgentInfo,
  BackupInfo,
  ConditionInfo,
  ContextEntry,
  DeliveredEvent,
  ExportPage,
  FileInfo,
  Imported,
  IndexedFileInfo,
  MessageInfo,
  Page,
  ProjectionInfo,
  SavedInfo,
  SessionCounts,
  SessionDetails,
  SessionInfo,
  ShownStatus,
  StatusAcknowledged,
  StatusCounts,
  StorageScrub,
  StorageStatus,
} from '../operations/views/views.ts';
export { type Client, type ClientOptions, createClient } from './client.ts';
export type { Listener, Subscription } from './client-events.ts';
export type { SpaceUpdate, SpaceUpdated } from './client-spaces.ts';
