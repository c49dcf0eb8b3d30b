// The handlers of all operations on sessions, for system.ts to bind.
import type { Handlers } from '../../operations/bind.ts';
import { type CapsuleOperation, capsuleHandlers } from '../capsule/capsule-handlers.ts';
import { type ForkOperation, forkHandlers } from '../fork/fork-handlers.ts';
import { type PermitOperation, permitHandlers } from '../permits/permit-handlers.ts';
import { type AgentOperation, agentHandlers } from './agent-handlers.ts';
import { type CacheOperation, cacheHandlers } from './cache-handlers.ts';
import { type CheckpointOperation, checkpointHandlers } from './checkpoint-handlers.ts';
import { type ConditionOperation, conditionHandlers } from './condition-handlers.ts';
import { type ContentOperation, contentHandlers } from './content-handlers.ts';
import { type ErasureOperation, erasureHandlers } from './erasure-handlers.ts';
import type { HandlerContext, ReadingContext } from './handler-context.ts';
import { type IntegrityOperation, integrityHandlers } from './integrity-handlers.ts';
import { type LifecycleOperation, lifecycleHandlers } from './lifecycle-handlers.ts';
import { type ParkedOperation, parkedHandlers } from './parked-handlers.ts';
import { PastStates } from './past-states.ts';
import { type QueryOperation, queryHandlers } from './query-handlers.ts';
import { type RecoveryOperation, recoveryHandlers } from './recovery-handlers.ts';
import { type SignalOperation, signalHandlers } from './signal-handlers.ts';
import { type StreamOperation, streamHandlers } from './stream-handlers.ts';

type SessionOperation =
  | LifecycleOperation
  | ContentOperation
  | QueryOperation
  | AgentOperation
  | ConditionOperation
  | CapsuleOperation
  | CheckpointOperation
  | IntegrityOperation
  | RecoveryOperation
  | ParkedOperation
  | ErasureOperation
  | CacheOperation
  | SignalOperation
  | StreamOperation
  | ForkOperation
  | PermitOperation;

export function sessionHandlers(given: HandlerContext): Handlers<SessionOperation> {
  const context: ReadingContext = { ...given, past: new PastStates(given.journal) };
  return {
    ...lifecycleHandlers(context),
    ...contentHandlers(context),
    ...queryHandlers(context),
    ...agentHandlers(context),
    ...conditionHandlers(context),
    ...capsuleHandlers(context),
    ...checkpointHandlers(context),
    ...integrityHandlers(context),
    ...recoveryHandlers(context),
    ...parkedHandlers(context),
    ...erasureHandlers(context),
    ...cacheHandlers(context),
    ...signalHandlers(context),
    ...streamHandlers(context),
    ...forkHandlers(context),
    ...permitHandlers(context),
  };
}
