// The handlers of operations on mail, for the system to bind.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import { type IdSource, idFromKey } from '../../base/ids.ts';
import type { SessionStatus } from '../../domain/session/session-lifecycle.ts';
import type { DeadLetter, Letter } from '../../domain/tree/mail-law.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import type { OutputOf, ParsedInputOf } from '../../operations/registry.ts';
import type { DeadLetterInfo, ReceivedLetter } from '../../operations/views/mail-views.ts';
import type { Mail } from './mail.ts';
import type { Relay } from './relay.ts';

export type MailOperation = `mail.${
  | 'send'
  | 'receive'
  | 'inbox'
  | 'deadLetters'
  | 'undelivered'
  | 'retry'
  | 'discard'}`;

export interface MailHandlerContext {
  readonly mail: Mail;
  readonly relay: Relay;
  readonly newId: IdSource;
  readonly clock: Clock;
  readonly session: (sessionId: string) => Promise<{ readonly status: SessionStatus }>;
  /** Aborted when nothing is served any more. */
  readonly closing: AbortSignal;
  /** Calls back when something of the mail of a session has become durable. */
  readonly listen: (sessionId: string, changed: () => void) => () => void;
  /** Calls back when the status of a session has changed. */
  readonly listenToStatus: (sessionId: string, changed: () => void) => () => void;
}

export function mailHandlers(context: MailHandlerContext): Handlers<MailOperation> {
  const { mail } = context;
  const answered =
    (type: 'mail.retry' | 'mail.discard') =>
    async ({ sessionId, messageId }: ParsedInputOf<'mail.retry'>, call: Call) => {
      await context.session(sessionId);
      await context.relay.begin();
      return (await mail.host.send(sessionId, { type, messageId }, call)) as OutputOf<'mail.retry'>;
    };
  return {
    'mail.send': (input, call) => send(context, input, call),
    'mail.receive': (input, call) => receive(context, input, call),
    'mail.inbox': async ({ sessionId, name, from }) => {
      await context.session(sessionId);
      const { state } = await mail.host.read(sessionId);
      return state.inbox
        .filter((letter) => (name ?? letter.name) === letter.name && (from ?? letter.other) === letter.other)
        .map(({ messageId, name: of, other, at }) => ({
          messageId,
          from: other,
          to: sessionId,
          name: of,
          at,
        }));
    },
    'mail.deadLetters': async ({ sessionId }) => {
      await context.session(sessionId);
      const { state } = await mail.host.read(sessionId);
      return Promise.all(state.dead.map((letter) => deadLetterInfo(mail, sessionId, letter)));
    },
    'mail.undelivered': () => mail.undelivered(),
    'mail.retry': answered('mail.retry'),
    'mail.discard': answered('mail.discard'),
  };
}

const over: ReadonlySet<SessionStatus> = new Set(['terminated', 'archived', 'deleted']);

/** In the stream of the sender it is as good as delivered: what is carried is carried once. */
async function send(
  { mail, relay, newId, session }: MailHandlerContext,
  { sessionId, ...letter }: ParsedInputOf<'mail.send'>,
  call: Call,
): Promise<OutputOf<'mail.send'>> {
  const { status } = await session(sessionId);
  if (over.has(status) && !(await mail.isAnswered(sessionId, call)))
    throw new HoldfastError('SESSION_NOT_ACTIVE', { sessionId, status, command: 'mail.send' });
  await relay.begin();
  const { operationId } = call;
  const messageId = operationId === undefined ? newId() : idFromKey(`${sessionId}/${operationId}`);
  const answer = await mail.host.send(sessionId, { type: 'mail.send', messageId, ...letter }, call);
  return answer as unknown as OutputOf<'mail.send'>;
}

async function receive(
  context: MailHandlerContext,
  { sessionId, name, from, timeoutMs }: ParsedInputOf<'mail.receive'>,
  call: Call,
): Promise<ReceivedLetter | null> {
  await context.session(sessionId);
  const taken = await untilTaken(context, sessionId, { name, from, timeoutMs }, call);
  if (taken === undefined) return null;
  const { seq, messageId } = taken;
  const { at, data } = await context.mail.dataAt<'mail.received'>(sessionId, seq);
  const {
    from: other,
    name: of,
    payload,
    sentAt,
  } = data ?? {
    ...{ from: taken.other, name: taken.name, payload: null, sentAt: at },
  };
  return { messageId, from: other, to: sessionId, name: of, at, payload, sentAt };
}

/** Into one that has ended nothing comes in any more. */
async function assertReceiving({ session }: MailHandlerContext, sessionId: string): Promise<void> {
  const { status } = await session(sessionId);
  if (over.has(status))
    throw new HoldfastError('SESSION_NOT_ACTIVE', { sessionId, status, command: 'mail.receive' });
}

/** Looks again whenever something has come in, or the session may have ended, one look at a time. */
function untilTaken(
  context: MailHandlerContext,
  sessionId: string,
  { timeoutMs, ...which }: Pick<ParsedInputOf<'mail.receive'>, 'name' | 'from' | 'timeoutMs'>,
  call: Call,
): Promise<Letter | undefined> {
  const { mail, clock, closing, listen, listenToStatus } = context;
  const cleanups: (() => void)[] = [];
  let isOver = false;
  let looking: Promise<void> = Promise.resolve();
  return new Promise<Letter | undefined>((resolve, reject) => {
    const settle = (outcome: () => void): void => {
      if (isOver) return;
      isOver = true;
      outcome();
    };
    const look = async (): Promise<void> => {
      if (isOver) return;
      try {
        const { letter } = await mail.host.send(sessionId, { type: 'mail.take', ...which }, call);
        settle(() => resolve(letter as Letter));
      } catch (error) {
        const refused = HoldfastError.is(error, 'LETTER_NOT_FOUND')
          ? assertReceiving(context, sessionId)
          : Promise.reject(error);
        await refused.catch((problem: unknown) => settle(() => reject(toError(problem))));
      }
    };
    const lookAgain = (): void => {
      looking = looking.then(look);
    };
    for (const ends of call.signal === undefined ? [closing] : [closing, call.signal]) {
      const abort = (): void => settle(() => reject(ends.reason));
      ends.addEventListener('abort', abort, { once: true });
      cleanups.push(() => ends.removeEventListener('abort', abort));
      if (ends.aborted) abort();
    }
    cleanups.push(listen(sessionId, lookAgain), listenToStatus(sessionId, lookAgain));
    lookAgain();
    // What is being taken when the time is over is taken.
    const late = (): void => void looking.then(() => settle(() => resolve(undefined)));
    if (timeoutMs === 0) late();
    else if (timeoutMs !== undefined) cleanups.push(clock.schedule(timeoutMs, late));
  }).finally(() => {
    for (const cleanup of cleanups) cleanup();
  });
}

async function deadLetterInfo(
  mail: Mail,
  sessionId: string,
  { messageId, name, other, at, seq, code, attempts }: DeadLetter,
): Promise<DeadLetterInfo> {
  const { data } = await mail.dataAt<'mail.sent'>(sessionId, seq);
  const payload = data?.payload ?? null;
  return { messageId, from: sessionId, to: other, name, at, code, attempts, payload };
}
