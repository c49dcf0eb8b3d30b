// The handlers of all operations on sessions, for system.ts to bind.

import type { Handlers } from '../operations/bind.ts';
import { type ContentOperation, contentHandlers } from './content-handlers.ts';
import type { HandlerContext } from './handler-context.ts';
import { type LifecycleOperation, lifecycleHandlers } from './lifecycle-handlers.ts';
import { type QueryOperation, queryHandlers } from './query-handlers.ts';

export function sessionHandlers(
  context: HandlerContext,
): Handlers<LifecycleOperation | ContentOperation | QueryOperation> {
  return { ...lifecycleHandlers(context), ...contentHandlers(context), ...queryHandlers(context) };
}
