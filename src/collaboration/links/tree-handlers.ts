// The handlers of operations on session trees, for the system to bind.

import type { Clock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import { type IdSource, idFromKey } from '../../base/ids.ts';
import { untilFound } from '../../base/until-found.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import {
  listChildren,
  noUsage,
  spentBelow,
  spentInAll,
  type TreeChild,
} from '../../domain/tree/tree-state.ts';
import { receiptKey } from '../../entity/receipts.ts';
import type { Journal } from '../../journal/journal.ts';
import type { Call, Handlers, Invoke } from '../../operations/bind.ts';
import type { OutputOf, ParsedInputOf } from '../../operations/registry.ts';
import type { ChildResult, TreeChildInfo, TreeInfo } from '../../operations/views/tree-views.ts';
import type { Relay } from './relay.ts';
import type { TreeSession, Trees } from './trees.ts';

export type TreeOperation = `trees.${'open' | 'get' | 'return' | 'wait' | 'cancel' | 'setBudget'}`;

export interface TreeHandlerContext {
  readonly trees: Trees;
  readonly relay: Relay;
  readonly journal: Pick<Journal, 'receipt'>;
  readonly invoke: Invoke;
  readonly newId: IdSource;
  readonly clock: Clock;
  readonly session: (sessionId: string) => Promise<TreeSession>;
  /** Aborted when nothing is served any more. */
  readonly closing: AbortSignal;
  /** Calls back when something of the tree of a session has become durable. */
  readonly listen: (sessionId: string, changed: () => void) => () => void;
}

export function treeHandlers(context: TreeHandlerContext): Handlers<TreeOperation> {
  return {
    'trees.open': (input, call) => openChild(context, input, call),
    'trees.get': ({ sessionId }) => getTree(context, sessionId),
    'trees.return': (input, call) => returnResult(context, input, call),
    'trees.wait': ({ sessionId, childId }, { signal }) => waitForChild(context, sessionId, childId, signal),
    'trees.cancel': (input) => cancelTree(context, input),
    'trees.setBudget': async ({ sessionId, budget }, call) => {
      await assertJournaled(context, sessionId, 'trees.setBudget');
      await context.relay.begin();
      const answer = await context.trees.send(sessionId, { type: 'tree.setBudget', budget }, call);
      return answer as OutputOf<'trees.setBudget'>;
    },
  };
}

async function openChild(
  { invoke, newId }: TreeHandlerContext,
  { sessionId: parentSessionId, childId, ...given }: ParsedInputOf<'trees.open'>,
  call: Call,
): Promise<OutputOf<'trees.open'>> {
  const { agent: _, ...unfenced } = call;
  const { operationId } = call;
  const fromKey = operationId === undefined ? newId() : idFromKey(`${parentSessionId}/${operationId}`);
  const input = { ...given, parentSessionId, sessionId: childId ?? fromKey };
  return (await invoke('sessions.create', input, unfenced)) as OutputOf<'trees.open'>;
}

/** Creating sessions, as it is where some are opened under others: each stands in its place before it is answered. */
export function creatingInTrees(
  create: Handlers<'sessions.create'>['sessions.create'],
  context: Pick<TreeHandlerContext, 'trees' | 'relay' | 'session' | 'journal'>,
): Handlers<'sessions.create'>['sessions.create'] {
  const { trees, relay, session } = context;
  return async (input, call) => {
    if (input.parentSessionId === undefined && input.treeBudget === undefined) return create(input, call);
    if (input.parentSessionId !== undefined)
      await assertAffordable(context, input.parentSessionId, input, call);
    // Both at once: whoever does not wait for the session may send to it right behind this call.
    const [answer] = await Promise.all([create(input, call), relay.begin()]);
    const created = await session(answer.sessionId).catch((error: unknown) => {
      // A repeat of what is over long ago.
      if (HoldfastError.is(error, 'SESSION_NOT_FOUND')) return undefined;
      throw error;
    });
    if (created?.tree === undefined) return answer;
    const { tree, parentSessionId } = created;
    if (parentSessionId !== null) await trees.join(answer.sessionId, parentSessionId, tree);
    else if (tree.budget !== undefined)
      await trees.send(answer.sessionId, {
        type: 'tree.open',
        ...{ rootSessionId: tree.rootSessionId, parent: null, link: null, budget: tree.budget },
      });
    return answer;
  };
}

/** A tree that has used up its budget takes nobody; what was opened before is answered again. */
async function assertAffordable(
  { trees, journal }: Pick<TreeHandlerContext, 'trees' | 'journal'>,
  parentSessionId: string,
  { sessionId: given }: ParsedInputOf<'sessions.create'>,
  call: Call,
): Promise<void> {
  const exhausted = await trees.exhaustedAbove(parentSessionId);
  if (exhausted === undefined) return;
  const key = receiptKey(call);
  const stream = sessionStream(given ?? idFromKey(call.operationId ?? ''));
  if (key !== undefined && (await journal.receipt(stream, key)) !== undefined) return;
  const { sessionId: tree, budget } = exhausted;
  const spent = spentInAll(exhausted);
  const what = spent.tokens >= (budget?.tokens ?? Number.POSITIVE_INFINITY) ? 'tokens' : 'cost';
  throw new HoldfastError('TREE_BUDGET_EXHAUSTED', {
    ...{ sessionId: parentSessionId, tree, what, spent: spent[what], limit: budget?.[what] ?? 0 },
  });
}

async function getTree({ trees, session }: TreeHandlerContext, sessionId: string): Promise<TreeInfo> {
  const state = await trees.find(sessionId);
  if (state === undefined) {
    const { parentSessionId } = await session(sessionId);
    const usage = { own: noUsage, below: noUsage, total: noUsage };
    const place = { rootSessionId: sessionId, parentSessionId, link: null };
    return {
      ...{ sessionId, ...place, children: [], usage, budget: null },
      ...{ isExhausted: false, cancelled: null, endedAt: null },
    };
  }
  const { rootSessionId, parent: parentSessionId, link, own, budget, isExhausted, cancelled, end } = state;
  return {
    ...{ sessionId, rootSessionId: rootSessionId ?? sessionId, parentSessionId, link },
    children: listChildren(state).map(childInfo),
    usage: { own, below: spentBelow(state), total: spentInAll(state) },
    ...{ budget, isExhausted, cancelled, endedAt: end?.at ?? null },
  };
}

function childInfo({ sessionId, link, openedAt, usage, end }: TreeChild): TreeChildInfo {
  const status = end === null ? 'open' : end.reason === 'left' ? 'left' : 'ended';
  const reason = status === 'ended' ? (end?.reason ?? null) : null;
  return { sessionId, link, openedAt, status, endedAt: end?.at ?? null, reason, usage };
}

/** The result is durable before the session ends; a repeat after a kill ends what was not ended. */
async function returnResult(
  context: TreeHandlerContext,
  { sessionId, result }: ParsedInputOf<'trees.return'>,
  call: Call,
): Promise<OutputOf<'trees.return'>> {
  await assertJournaled(context, sessionId, 'trees.return');
  await context.relay.begin();
  const answer = await context.trees.send(sessionId, { type: 'tree.return', result }, call);
  const ending = context.invoke('sessions.terminate', { sessionId, reason: 'returned' }, {});
  // An agent that returns the result of its session is ended with it, and cannot wait for that.
  if (call.agent === undefined) await ending;
  else ending.catch(() => undefined);
  return answer as OutputOf<'trees.return'>;
}

function waitForChild(
  { trees, listen, closing }: TreeHandlerContext,
  sessionId: string,
  childId: string,
  signal: AbortSignal | undefined,
): Promise<ChildResult> {
  const wait = { listen: (changed: () => void) => listen(sessionId, changed), ends: [closing, signal] };
  return untilFound(wait, async () => {
    const found = await trees.resultOf(sessionId, childId);
    if (found === undefined) return undefined;
    const { child, result, reason } = found;
    return { childId, reason, result, usage: child.usage, endedAt: child.end?.at ?? 0 };
  });
}

/** That it is to end is durable first; the answer waits until no more of them can be ended. */
async function cancelTree(
  { trees, relay, session }: TreeHandlerContext,
  { sessionId, reason }: ParsedInputOf<'trees.cancel'>,
): Promise<OutputOf<'trees.cancel'>> {
  await session(sessionId);
  await relay.begin();
  await trees.send(sessionId, { type: 'tree.cancel', reason });
  for (let open = Number.POSITIVE_INFINITY; ; ) {
    for (let rounds = 0; rounds < 3; rounds++) {
      const ids = new Set((await trees.below(sessionId)).map((state) => state.sessionId));
      await relay.catchUp((lane) => trees.concerns(lane, ids));
    }
    const left = await trees.living(sessionId);
    if (left.length === 0 || left.length >= open) return { open: left.length };
    open = left.length;
    await trees.endAgain(left, reason);
  }
}

/** What is not journaled is in no feed: nothing of it reaches others after a kill. */
async function assertJournaled(
  { session }: TreeHandlerContext,
  sessionId: string,
  operation: string,
): Promise<void> {
  const { durability } = await session(sessionId);
  if (durability !== 'none') return;
  const problem = 'the session is not journaled';
  throw new HoldfastError('INVALID_INPUT', { operation, field: 'sessionId', problem });
}
