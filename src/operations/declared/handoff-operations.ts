// Operations on handoffs, for the registry. `sessionId` is always who acts: an agent acts as its own session.
import { z } from 'zod';
import { handoffKinds, handoffStatuses } from '../../domain/handoff/handoff.ts';
import { type Operation, read, write } from '../operation.ts';
import { cursor, json, pageLimit, reason, sessionId } from '../schema.ts';
import type {
  HandoffAccepted,
  HandoffChain,
  HandoffDetails,
  HandoffInfo,
  HandoffOffered,
  HandoffSettled,
  OwnershipInfo,
  RouteMetrics,
} from '../views/handoff-views.ts';
import type { Page } from '../views/views.ts';

const name = z.string().min(1).max(200);
const line = z.string().min(1).max(2_000);
/** A session's id, a slash, and the seq of the offer. */
const handoffId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\/[1-9]\d{0,15}$/);
const one = z.strictObject({ sessionId, handoffId });
const because = z.strictObject({ sessionId, handoffId, reason: reason.default('requested') });

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

export const handoffOperations = {
  'handoffs.offer': write<HandoffOffered>()(
    'Offers a session to another, or to any session of an agent; a key that led to a handoff before leads to the same.',
    z.strictObject({
      sessionId,
      to: z
        .strictObject({ sessionId: sessionId.optional(), agent: name.optional() })
        .refine(
          (to) => (to.sessionId === undefined) !== (to.agent === undefined),
          'name a session or an agent',
        ),
      kind: z.enum(handoffKinds),
      key: name.optional(),
      /** Who hands over, as it is counted: by default the agent of the session, or its id. */
      from: name.optional(),
      reason: reason.optional(),
      deadlineMs: z
        .number()
        .int()
        .min(1)
        .max(30 * dayMs)
        .default(dayMs),
      summary: z.string().min(1).max(20_000).optional(),
      keyPoints: z.array(line).max(50).optional(),
      instructions: z.string().min(1).max(20_000).optional(),
      resumePoint: line.optional(),
      nextActions: z.array(line).max(50).optional(),
      preservedState: json.optional(),
    }),
  ),
  'handoffs.accept': write<HandoffAccepted>()(
    'Takes what is offered: from then on the session is owned by the one that accepts, or shared with it.',
    z.strictObject({ sessionId, handoffId, digest: z.string().max(64).optional() }),
  ),
  'handoffs.reject': write<HandoffSettled>()('Refuses what is offered: it stays where it is.', because),
  'handoffs.withdraw': write<HandoffSettled>()('Takes back an offer that nobody has answered.', because),
  'handoffs.complete': write<HandoffSettled>()(
    'Says that what was handed over is done, well or not; who shared a session leaves it.',
    z.strictObject({
      sessionId,
      handoffId,
      outcome: z.enum(['success', 'failure']).default('success'),
      reason: reason.optional(),
      result: json.default(null),
    }),
  ),
  'handoffs.get': read<HandoffDetails>()(
    'A handoff with its package, for the session that offers it and for those that it is for.',
    one,
  ),
  'handoffs.inbox': read<readonly HandoffDetails[]>()(
    'What is offered to a session and waits for its answer, oldest first.',
    z.strictObject({ sessionId, limit: pageLimit }),
  ),
  'handoffs.ownership': read<OwnershipInfo>()(
    'Who owns a session, in which epoch, and what is on offer.',
    z.strictObject({ sessionId }),
  ),
  'handoffs.list': read<Page<HandoffInfo>>()(
    'Handoffs by filter, newest first, a page at a time.',
    z.strictObject({
      /** Offered or accepted by this session, or offered to it. */
      sessionId: sessionId.optional(),
      status: z.array(z.enum(handoffStatuses)).min(1).optional(),
      kind: z.enum(handoffKinds).optional(),
      from: name.optional(),
      to: name.optional(),
      chainId: handoffId.optional(),
      limit: pageLimit,
      cursor: cursor.optional(),
    }),
  ),
  'handoffs.chain': read<HandoffChain>()(
    'How a matter went from session to session: all handoffs of the chain that one belongs to.',
    z.strictObject({ handoffId }),
  ),
  'handoffs.metrics': read<readonly RouteMetrics[]>()(
    'What became of handoffs by route: durations, bytes of context, success and reasons.',
    z.strictObject({ from: name.optional(), to: name.optional() }),
  ),
} as const satisfies Record<string, Operation>;
