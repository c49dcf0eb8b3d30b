// Operations on session trees, for the registry.
import { z } from 'zod';
import { treeLinks } from '../../domain/tree/tree-state.ts';
import { type Operation, read, write } from '../operation.ts';
import { json, jsonObject, reason, sessionId } from '../schema.ts';
import type { ChildOpened, ChildResult, TreeInfo } from '../views/tree-views.ts';
import type { Acknowledged } from '../views/views.ts';

const name = z.string().min(1).max(200);

export const link = z.enum(treeLinks);

export const treeBudget = z.strictObject({
  tokens: z.number().int().min(1).max(1e12).optional(),
  cost: z.number().positive().max(1e12).optional(),
  onExhausted: z.enum(['pause', 'terminate']).optional(),
});

export const treeOperations = {
  'trees.open': write<ChildOpened>()(
    'Opens a session under this one; the link says what becomes of it when this one ends.',
    z.strictObject({
      sessionId,
      childId: sessionId.optional(),
      link: link.default('orphan'),
      treeBudget: treeBudget.optional(),
      name: name.optional(),
      agent: name.optional(),
      metadata: jsonObject.optional(),
    }),
  ),
  'trees.get': read<TreeInfo>()(
    'The place of a session in its tree: who stands above and below, and what all of them have spent.',
    z.strictObject({ sessionId }),
  ),
  'trees.return': write<Acknowledged>()(
    'Ends a session with a result, which the session above it keeps.',
    z.strictObject({ sessionId, result: json.default(null) }),
  ),
  'trees.wait': read<ChildResult>()(
    'Waits until a session below this one has ended, and answers with its result.',
    z.strictObject({ sessionId, childId: sessionId }),
  ),
  'trees.cancel': write<{ readonly open: number }>()(
    'Ends a session and all below it, whatever their links say; answers with how many could not be ended.',
    z.strictObject({ sessionId, reason: reason.default('cancelled') }),
  ),
  'trees.setBudget': write<Acknowledged>()(
    'Sets what a session and all below it may spend together; null takes the budget away.',
    z.strictObject({ sessionId, budget: treeBudget.nullable() }),
  ),
} as const satisfies Record<string, Operation>;
