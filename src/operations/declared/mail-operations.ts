// Operations on the mail between sessions, for the registry.
import { z } from 'zod';
import { idPattern, idRule } from '../../base/ids.ts';
import { type Operation, read, write } from '../operation.ts';
import { json, sessionId } from '../schema.ts';
import type { DeadLetterInfo, LetterInfo, ReceivedLetter, UndeliveredMail } from '../views/mail-views.ts';
import type { Acknowledged } from '../views/views.ts';

const messageId = z.string().regex(idPattern, idRule);
const name = z.string().min(1).max(200);
const letter = z.strictObject({ sessionId, messageId });
const which = { name: name.optional(), from: sessionId.optional() };

export const mailOperations = {
  'mail.send': write<Acknowledged & { readonly messageId: string }>()(
    'Sends a message to another session: it is delivered once, in the order in which this one sends to that one.',
    z.strictObject({ sessionId, to: sessionId, name, payload: json.default(null) }),
  ),
  'mail.receive': write<ReceivedLetter | null>()(
    'Takes the oldest message that has come in, and waits for one; null when none has come in time.',
    z.strictObject({
      sessionId,
      ...which,
      timeoutMs: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
    }),
  ),
  'mail.inbox': read<readonly LetterInfo[]>()(
    'The messages that have come in and were not taken, oldest first.',
    z.strictObject({ sessionId, ...which }),
  ),
  'mail.deadLetters': read<readonly DeadLetterInfo[]>()(
    'The messages of a session that could not be delivered, and why.',
    z.strictObject({ sessionId }),
  ),
  'mail.undelivered': read<readonly UndeliveredMail[]>()(
    'The sessions that have dead letters.',
    z.strictObject({}),
  ),
  'mail.retry': write<Acknowledged>()('Sends a dead letter once more.', letter),
  'mail.discard': write<Acknowledged>()('Throws a dead letter away.', letter),
} as const satisfies Record<string, Operation>;
