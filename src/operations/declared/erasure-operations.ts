// Operations that erase, for the registry.
import { z } from 'zod';
import { type Operation, write } from '../operation.ts';
import { reason, seq, sessionId } from '../schema.ts';
import type { MessageErased, SessionErased } from '../views/erasure-views.ts';

export const erasureOperations = {
  'messages.erase': write<MessageErased>()(
    'Erases what a message said, for good; that there was one stays. Erasing it again succeeds.',
    z.strictObject({ sessionId, seq, reason: reason.default('requested') }),
  ),
  'sessions.erase': write<SessionErased>()(
    'Erases all that was said and kept in a session, its saved copy too; what happened when stays, and the session lives on.',
    z.strictObject({ sessionId, reason: reason.default('requested') }),
  ),
} as const satisfies Record<string, Operation>;
