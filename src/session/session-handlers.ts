// The handlers of all operations on sessions, for system.ts to bind.
import type { Handlers } from '../operations/bind.ts';
import { type AgentOperation, agentHandlers } from './agent-handlers.ts';
import { type ConditionOperation, conditionHandlers } from './condition-handlers.ts';
import { type ContentOperation, contentHandlers } from './content-handlers.ts';
import type { HandlerContext } from './handler-context.ts';
import { type LifecycleOperation, lifecycleHandlers } from './lifecycle-handlers.ts';
import { type QueryOperation, queryHandlers } from './query-handlers.ts';

export function sessionHandlers(
  context: HandlerContext,
): Handlers<LifecycleOperation | ContentOperation | QueryOperation | AgentOperation | ConditionOperation> {
  return {
    ...lifecycleHandlers(context),
    ...contentHandlers(context),
    ...queryHandlers(context),
    ...agentHandlers(context),
    ...conditionHandlers(context),
  };
}
