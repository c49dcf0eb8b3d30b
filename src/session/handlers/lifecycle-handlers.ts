// Operations that open, change, rest and end sessions.

import type { Durability } from '../../base/durability.ts';
import { HoldfastError } from '../../base/errors.ts';
import { idFromKey } from '../../base/ids.ts';
import type { SessionProfile } from '../../domain/session/session-events.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { SessionStatus } from '../../domain/session/session-lifecycle.ts';
import { statusOf } from '../../domain/session/session-state.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type { Acknowledged, StatusAcknowledged } from '../../operations/views/views.ts';
import { rootOf } from '../session-root.ts';
import { type HandlerContext, sendCommand } from './handler-context.ts';
import { writeOnce } from './keyed-write.ts';

export type LifecycleOperation =
  | 'sessions.create'
  | 'sessions.configure'
  | 'sessions.pause'
  | 'sessions.resume'
  | 'sessions.hibernate'
  | 'sessions.wake'
  | 'sessions.terminate'
  | 'sessions.archive'
  | 'sessions.delete';

export function lifecycleHandlers(context: HandlerContext): Handlers<LifecycleOperation> {
  const change =
    (type: 'session.pause' | 'session.resume' | 'session.hibernate' | 'session.wake' | 'session.archive') =>
    ({ sessionId, reason }: ParsedInputOf<'sessions.pause'>, call: Call): Promise<StatusAcknowledged> =>
      sendCommand(context, sessionId, { type, reason }, call);
  return {
    'sessions.create': (input, call) => createSession(context, input, call),
    'sessions.configure': (input, call) => configureSession(context, input, call),
    'sessions.pause': change('session.pause'),
    'sessions.resume': change('session.resume'),
    'sessions.hibernate': change('session.hibernate'),
    'sessions.wake': change('session.wake'),
    'sessions.archive': change('session.archive'),
    'sessions.terminate': (input, call) => terminateSession(context, input, call),
    'sessions.delete': (input, call) => deleteSession(context, input, call),
  };
}

const nothing: { readonly [key: string]: never } = Object.freeze({});

/** Without an id of the caller's it comes from the key, so that a retry finds the same stream; else it is a new one. */
async function createSession(
  context: HandlerContext,
  input: ParsedInputOf<'sessions.create'>,
  call: Call,
): Promise<Acknowledged & { sessionId: string }> {
  const sessionId =
    input.sessionId ?? (call.operationId === undefined ? context.newId() : idFromKey(call.operationId));
  if (input.parentSessionId === sessionId)
    throw refused('parentSessionId', 'a session is not opened under itself');
  const durability = input.durability ?? context.durability;
  if (durability !== 'none') context.space.admit();
  const profile: SessionProfile = {
    name: input.name ?? null,
    agent: input.agent ?? null,
    metadata: input.metadata ?? nothing,
    llmConfig: input.llmConfig ?? nothing,
    // Sessions that name no numbers of their own share one object.
    config:
      input.config === undefined ? context.defaults : Object.freeze({ ...context.defaults, ...input.config }),
    parentSessionId: input.parentSessionId ?? null,
    ...(durability !== 'fsync' && { durability }),
    // Only a session under another waits for anything: all others are there for the next call, awaited or not.
    ...(input.parentSessionId === undefined
      ? topOf(sessionId, input, durability)
      : await placeUnder(context, input.parentSessionId, input, durability)),
  };
  return { ...(await context.manager.create(sessionId, profile, call)), sessionId };
}

const ended: ReadonlySet<SessionStatus> = new Set(['terminating', 'terminated', 'archived', 'deleted']);

type Place = Pick<SessionProfile, 'tree'>;

const refused = (field: string, problem: string): HoldfastError =>
  new HoldfastError('INVALID_INPUT', { operation: 'sessions.create', field, problem });

const refusedLink = (problem: string): HoldfastError => refused('link', problem);

const unjournaled = 'a session that is not journaled takes part in no tree';

function topOf(
  sessionId: string,
  { link, treeBudget: budget }: ParsedInputOf<'sessions.create'>,
  durability: Durability,
): Place {
  if (link !== undefined) throw refusedLink('name the session that it is opened under');
  if (budget === undefined) return {};
  if (durability === 'none') throw refusedLink(unjournaled);
  return { tree: { rootSessionId: sessionId, link: 'orphan', budget } };
}

/** A parent that nobody knows may be named as ever: only a link to it needs it alive. */
async function placeUnder(
  { manager }: HandlerContext,
  parentSessionId: string,
  { link, treeBudget: budget }: ParsedInputOf<'sessions.create'>,
  durability: Durability,
): Promise<Place> {
  const isAsked = link !== undefined || budget !== undefined;
  if (isAsked && durability === 'none') throw refusedLink(unjournaled);
  const parent = await manager.read(parentSessionId).catch((error: unknown) => {
    if (!isAsked) return undefined;
    throw error;
  });
  const isJournaled = durability !== 'none' && parent?.state.profile.durability !== 'none';
  if (isAsked && !isJournaled) throw refusedLink(unjournaled);
  if (parent === undefined || !isJournaled) return {};
  const status = statusOf(parent.state);
  if (isAsked && ended.has(status))
    throw new HoldfastError('SESSION_NOT_ACTIVE', {
      ...{ sessionId: parentSessionId, status, command: 'sessions.create' },
    });
  const rootSessionId = rootOf(parent.state);
  return { tree: { rootSessionId, link: link ?? 'orphan', ...(budget && { budget }) } };
}

async function configureSession(
  context: HandlerContext,
  { sessionId, config, ...changes }: ParsedInputOf<'sessions.configure'>,
  call: Call,
): Promise<Acknowledged> {
  const named = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  if (config === undefined)
    return sendCommand(context, sessionId, { type: 'session.configure', changes: named }, call);
  return sendCommand(context, sessionId, { type: 'session.configure', changes: named, config }, call);
}

/** Ended when it is answered: stopped, and with cleanup deleted. A kill on the way is made good at the next start. */
async function terminateSession(
  context: HandlerContext,
  { sessionId, reason, cleanup }: ParsedInputOf<'sessions.terminate'>,
  call: Call,
): Promise<StatusAcknowledged> {
  const asked = await sendCommand<StatusAcknowledged>(
    context,
    sessionId,
    { type: 'session.terminate', reason, cleanup },
    call,
  );
  if (asked.status !== 'terminating') return finished(context, sessionId, asked);
  await context.manager.whenAgentsEnded(sessionId);
  const ended = await finishTermination(context, sessionId, call);
  return finished(context, sessionId, asked.repeated === true ? { ...ended, repeated: true } : ended);
}

/** That the session ends is durable before: a failure here is never one that had no effect. */
async function finishTermination(
  context: HandlerContext,
  sessionId: string,
  { durability }: Call,
): Promise<StatusAcknowledged> {
  const call: Call = durability === undefined ? {} : { durability };
  try {
    return await sendCommand(context, sessionId, { type: 'session.finishTermination' }, call);
  } catch (cause) {
    if (!HoldfastError.is(cause) || !cause.retryable) throw cause;
    const details = { command: 'session.terminate', stream: sessionStream(sessionId) };
    throw new HoldfastError('OUTCOME_UNKNOWN', details, { cause });
  }
}

async function deleteSession(
  context: HandlerContext,
  { sessionId, reason }: ParsedInputOf<'sessions.delete'>,
  call: Call,
): Promise<StatusAcknowledged> {
  try {
    return await finished(
      context,
      sessionId,
      await sendCommand(context, sessionId, { type: 'session.delete', reason }, call),
    );
  } catch (error) {
    const isGone =
      HoldfastError.is(error, 'SESSION_QUARANTINED') || HoldfastError.is(error, 'SESSION_NOT_FOUND');
    if (!isGone || (await context.journal.head(sessionStream(sessionId))) !== undefined) throw error;
    return deleteLost(context, sessionId, error, call);
  }
}

/** Of a session that has lost everything its condition is all that is left: who deletes it accepts that, and its id is free. */
async function deleteLost(
  { journal, manager, telemetry }: HandlerContext,
  sessionId: string,
  refusal: HoldfastError,
  call: Call,
): Promise<StatusAcknowledged> {
  return writeOnce(journal, sessionId, call, async () => {
    if (manager.health.quarantine(sessionId) === undefined) throw refusal;
    await manager.removeStored(sessionId);
    telemetry('session.lossAccepted', { sessionId });
    return { answer: { seq: 0, durability: 'fsync', status: 'deleted' } as const, writes: [] };
  });
}

async function finished(
  context: HandlerContext,
  sessionId: string,
  ended: StatusAcknowledged,
): Promise<StatusAcknowledged> {
  if (ended.status === 'deleted') await context.manager.removeStored(sessionId);
  return ended;
}
