// What an acceptance has left undone, because the session that was handed over took nothing then: delivered once it does, as the
// command of that acceptance, so that whoever has the package already is not told again.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import {
  type Handoff,
  heldHandoffs,
  noOwnership,
  type Ownership,
  sourceOf,
} from '../../domain/handoff/handoff.ts';
import type { HandoffEventData } from '../../domain/handoff/handoff-events.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { Journal } from '../../journal/journal.ts';
import { insist } from '../insistence.ts';
import type { HandoffContext } from './handoff-context.ts';
import { deliver, deliveryManager, giveBack } from './handoff-delivery.ts';

/** Sessions whose states are read at once. */
const readsAtOnce = 16;

/** Delivers what a session has left: it may be asked for at any time. What fails for a while is thrown. */
export async function deliverRemains(context: HandoffContext, sessionId: string): Promise<void> {
  for (const { handoffId, seq } of await remainsOf(context, sessionId)) {
    const accepted = await acceptedAt(context.journal, handoffId, seq);
    if (accepted === undefined) await giveBack(context, handoffId, 'erased');
    else await deliver(context, handoffId, accepted);
  }
}

/** What the processes before could not be done with: each is tried until it is delivered, or refused for good once more. */
export async function resumeRemains(
  context: HandoffContext & { readonly clock: Clock },
  sessionIds: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const jobs: Promise<void>[] = [];
  for (let start = 0; start < sessionIds.length && !signal.aborted; start += readsAtOnce) {
    const some = sessionIds.slice(start, start + readsAtOnce);
    const isLeft = await Promise.all(some.map((sessionId) => hasRemains(context, sessionId)));
    const left = some.filter((_, index) => isLeft[index]);
    jobs.push(
      ...left.map((sessionId) => insist(context.clock, signal, () => deliverRemains(context, sessionId))),
    );
  }
  await Promise.allSettled(jobs);
}

/** One whose state cannot be read takes no writes either. */
async function hasRemains(context: HandoffContext, sessionId: string): Promise<boolean> {
  return (await remainsOf(context, sessionId).catch(() => [])).length > 0;
}

async function remainsOf({ read }: HandoffContext, sessionId: string): Promise<readonly Handoff[]> {
  try {
    const { ownership = noOwnership } = (await read(sessionId)).state;
    return heldHandoffs(ownership).filter(
      (handoff) => sourceOf(handoff.handoffId) === sessionId && isLeft(handoff, ownership),
    );
  } catch (error) {
    if (HoldfastError.is(error, 'SESSION_NOT_FOUND')) return [];
    throw error;
  }
}

/** Of a full handoff that was delivered the end of its source may be left, while nobody else has it by now. */
function isLeft({ kind, status, acceptedBy, deliveredAt }: Handoff, { owner }: Ownership): boolean {
  if (deliveredAt === null) return status === 'accepted';
  return kind === 'full_handoff' && acceptedBy === owner;
}

/** The command that the acceptance has led to; undefined where its record is gone. */
async function acceptedAt(journal: Journal, handoffId: string, offeredAt: number) {
  const stream = sessionStream(sourceOf(handoffId));
  const firstSeq = (await journal.head(stream))?.firstSeq ?? 1;
  for (let after = Math.max(offeredAt, firstSeq - 1); ; ) {
    const { events, end } = await journal.readFrom(stream, after);
    for (const { type, seq, data } of events)
      if (type === 'handoff.accepted' && isOf(data, handoffId))
        return { manager: deliveryManager, stream, seq, index: 0 };
    after = events.at(-1)?.seq ?? after;
    if (end || events.length === 0) return undefined;
  }
}

const isOf = (data: unknown, handoffId: string): boolean =>
  (data as HandoffEventData['handoff.accepted'] | undefined)?.handoffId === handoffId;
