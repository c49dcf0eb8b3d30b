// Operations on permits. Who asks through the handle of an agent holds them as long as that incarnation lives, and no longer.

import { HoldfastError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { statusOf } from '../../domain/session/session-state.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type { PermitGranted } from '../../operations/views/permit-views.ts';
import type { HandlerContext } from '../handlers/handler-context.ts';
import { rootOf } from '../session-root.ts';

export type PermitOperation = `permits.${'acquire' | 'release' | 'list' | 'get'}`;

export function permitHandlers(context: HandlerContext): Handlers<PermitOperation> {
  const { permits } = context.agents;
  return {
    'permits.acquire': (input, call) => acquire(context, input, call),
    'permits.release': async ({ sessionId, permitId, ...outcome }, { agent }) => {
      const owner = permits.ownerOf(permitId);
      const isOwn = owner?.sessionId === sessionId && (agent === undefined || owner.agent?.run === agent.run);
      return { released: isOwn && permits.release(permitId, outcome) };
    },
    'permits.list': () => permits.list(),
    'permits.get': ({ key }) => permits.get(key),
  };
}

/** Under an idempotency key it is the same permit for as long as that is held. */
async function acquire(
  context: HandlerContext,
  { sessionId, ...request }: ParsedInputOf<'permits.acquire'>,
  { agent, operationId, digest, signal }: Call,
): Promise<PermitGranted> {
  const { state } = await context.manager.read(sessionId);
  const status = statusOf(state);
  if (!takesPermits.has(status))
    throw new HoldfastError('SESSION_NOT_ACTIVE', { sessionId, status, command: 'permits.acquire' });
  const refusal = context.manager.health.refusalOf(sessionId);
  if (refusal !== undefined) throw refusal;
  const permitId =
    operationId === undefined
      ? context.newId()
      : sha256(`${sessionId}/${operationId}/${digest}`).slice(0, 24);
  const owner = { sessionId, tree: rootOf(state), agent };
  return context.agents.permits.acquire({ ...request, permitId, owner }, signal);
}

const takesPermits: ReadonlySet<string> = new Set(['active', 'idle', 'paused', 'dormant']);
