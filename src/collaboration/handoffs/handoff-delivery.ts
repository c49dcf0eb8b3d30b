// What follows when a handoff was accepted: the target is given the package, exactly once, and a full handoff ends its source. A
// process manager that follows the feed: what a dead process had not done yet, the next one does.
import { HoldfastError } from '../../base/errors.ts';
import { findHandoff, type Handoff, noOwnership, sourceOf } from '../../domain/handoff/handoff.ts';
import type { HandoffEventData } from '../../domain/handoff/handoff-events.ts';
import type { ConditionCleared } from '../../domain/recovery/condition-law.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import { contextOf } from '../../domain/session/session-state.ts';
import type { CommandSource } from '../../entity/command-meta.ts';
import type { ProcessManagerDefinition } from '../../entity/process-manager.ts';
import type { HandoffContext } from './handoff-context.ts';
import { offeredAt } from './handoff-packages.ts';

export const deliveryManager = 'handoff-delivery';
/** What a session could not be done with while it was quarantined. */
export const deliverAgain = 'handoff.deliverAgain';
const handedOver = 'handedOver';

export const handoffDelivery: ProcessManagerDefinition = {
  name: deliveryManager,
  initial: null,
  react: (_state, { type, stream, data }) => {
    if (data === undefined) return undefined;
    const sessionId = stream.slice(stream.indexOf('/') + 1);
    if (type === 'handoff.accepted') {
      const { handoffId } = data as HandoffEventData['handoff.accepted'];
      return { commands: [{ operation: 'handoff.deliver', input: { sessionId, handoffId } }] };
    }
    const isRevived = type === 'condition.cleared' && (data as ConditionCleared).condition === 'quarantined';
    return isRevived ? { commands: [{ operation: deliverAgain, input: { sessionId } }] } : undefined;
  },
};

/** May be done again at any point. What fails for a while is thrown, and tried again by whoever called. */
export async function deliver(
  context: HandoffContext,
  handoffId: string,
  source: CommandSource,
): Promise<void> {
  const handoff = await handoffOf(context, handoffId);
  if (handoff === undefined || handoff.status === 'returned') return;
  const problem = handoff.deliveredAt === null ? await give(context, handoff, source) : undefined;
  if (problem !== undefined) await giveBack(context, handoffId, problem);
  else await conclude(context, handoff);
}

export async function giveBack(context: HandoffContext, handoffId: string, reason: string): Promise<void> {
  await settle(context, { type: 'handoff.return', handoffId, reason });
}

async function conclude(context: HandoffContext, handoff: Handoff): Promise<void> {
  const { handoffId, kind } = handoff;
  await settle(context, { type: 'handoff.deliver', handoffId });
  if (kind !== 'full_handoff' || (await isOpenedSince(context, handoff))) return;
  await unlessGone(() => context.end(sourceOf(handoffId), handedOver));
}

/** One that was restored behind the handoff goes on, also when its records are imported, and all of this is read once more. */
async function isOpenedSince(
  { read }: HandoffContext,
  { handoffId, deliveredAt }: Handoff,
): Promise<boolean> {
  const found = deliveredAt === null ? undefined : await unlessGone(() => read(sourceOf(handoffId)));
  return found !== undefined && (contextOf(found.state).openedAt ?? 0) > (deliveredAt ?? 0);
}

/** Undefined for a session that is gone, or knows no such handoff any more. */
async function handoffOf({ read }: HandoffContext, handoffId: string): Promise<Handoff | undefined> {
  return unlessGone(async () => {
    const { state } = await read(sourceOf(handoffId));
    return findHandoff(state.ownership ?? noOwnership, handoffId);
  });
}

/** Why the target does not take it, or undefined once it has it. */
async function give(
  context: HandoffContext,
  { handoffId, acceptedBy, seq }: Handoff,
  source: CommandSource,
): Promise<string | undefined> {
  const offered = await offeredAt(context.journal, sessionStream(sourceOf(handoffId)), seq);
  if (offered === undefined) return 'erased';
  const { package: contents, chainId, kind, route, digest } = offered;
  const received = { handoffId, chainId, kind, route, digest, package: contents };
  try {
    await context.send(acceptedBy ?? '', { type: 'handoff.receive', ...received }, { source });
    return undefined;
  } catch (error) {
    if (!HoldfastError.is(error) || error.retryable) throw error;
    return error.code;
  }
}

async function settle(
  { send }: HandoffContext,
  command: Parameters<HandoffContext['send']>[1] & { readonly handoffId: string },
): Promise<void> {
  await unlessGone(() => send(sourceOf(command.handoffId), command, {}));
}

const gone: ReadonlySet<string> = new Set(['SESSION_NOT_FOUND', 'HANDOFF_NOT_FOUND']);

async function unlessGone<T>(job: () => Promise<T>): Promise<T | undefined> {
  try {
    return await job();
  } catch (error) {
    if (HoldfastError.is(error) && gone.has(error.code)) return undefined;
    throw error;
  }
}
