// The mail of one session: what it has sent, what came back, and what has come in and was not yet taken. What it sends is in its own
// stream before anybody carries it, so that it is carried once, and in order.
import { assertNever } from '../../base/errors.ts';
import { deepFreeze, type Json } from '../../base/json.ts';
import type { Decision, Law, LawEvent, Proposal } from '../law.ts';
import { refuse } from '../law.ts';

/** Where a message is: which event of whose mail it is. */
export interface Letter {
  readonly messageId: string;
  readonly name: string;
  /** The other session: to whom, or from whom. */
  readonly other: string;
  readonly at: number;
  /** Of the event that holds its payload. */
  readonly seq: number;
  readonly bytes: number;
}

export interface DeadLetter extends Letter {
  /** Why it could not be delivered: the code of an error. */
  readonly code: string;
  readonly attempts: number;
}

export interface MailState {
  readonly sessionId: string;
  /** Come in, not yet taken, in order. */
  readonly inbox: readonly Letter[];
  readonly inboxBytes: number;
  /** Could not be delivered, in the order in which they came back. */
  readonly dead: readonly DeadLetter[];
  readonly sent: number;
  readonly received: number;
}

export interface MailEventData {
  'mail.sent': {
    readonly messageId: string;
    readonly to: string;
    readonly name: string;
    readonly payload: Json;
    readonly bytes: number;
  };
  'mail.received': {
    readonly messageId: string;
    readonly from: string;
    readonly name: string;
    readonly payload: Json;
    readonly bytes: number;
    readonly sentAt: number;
  };
  'mail.taken': { readonly messageId: string; readonly seq: number };
  'mail.bounced': Omit<DeadLetter, 'at'>;
  'mail.resent': {
    readonly messageId: string;
    readonly to: string;
    readonly name: string;
    /** Of the event that holds its payload. */
    readonly seq: number;
    readonly attempts: number;
  };
  'mail.discarded': { readonly messageId: string };
}

export type MailCommand =
  | (Omit<MailEventData['mail.sent'], 'bytes'> & { readonly type: 'mail.send' })
  | (Omit<MailEventData['mail.received'], 'bytes'> & { readonly type: 'mail.deliver' })
  | { readonly type: 'mail.take'; readonly name?: string | undefined; readonly from?: string | undefined }
  | (MailEventData['mail.bounced'] & { readonly type: 'mail.bounce' })
  | { readonly type: 'mail.retry' | 'mail.discard'; readonly messageId: string };

const mailLimits = { inbox: 1_000, inboxBytes: 4 * 1024 * 1024, dead: 1_000 } as const;

export const mailLaw: Law<MailState, MailCommand> = {
  kind: 'mail',
  version: 1,
  eventVersions: {},
  initial: emptyMail,
  tombstone: emptyMail,
  decide: decideMail,
  evolve: evolveMail,
  explain: ({ sessionId }, { data }) => ({
    code: 'LETTER_NOT_FOUND',
    details: { sessionId, messageId: (data as { readonly messageId: string }).messageId },
  }),
  isUrgent: ({ type }) => type === 'mail.take' || type === 'mail.discard' || type === 'mail.bounce',
  refersTo: ({ inbox, dead }) => [...inbox, ...dead].map(({ seq }) => seq),
  due: () => undefined,
  nextDeadline: () => null,
  summarize: ({ inbox, dead }) => ({
    ...{ status: inbox.length > 0 ? 'waiting' : 'empty', dueAt: null },
    summary: { inbox: inbox.length, dead: dead.length },
  }),
  encode: (state) => JSON.stringify(state),
  decode: (text) => deepFreeze(JSON.parse(text)) as MailState,
};

export const mailStream = (sessionId: string): string => `${mailLaw.kind}/${sessionId}`;

function emptyMail(stream: string): MailState {
  const sessionId = stream.slice(stream.indexOf('/') + 1);
  return { sessionId, inbox: [], inboxBytes: 0, dead: [], sent: 0, received: 0 };
}

const one = <Type extends keyof MailEventData>(
  type: Type,
  data: MailEventData[Type],
  reply: Readonly<Record<string, unknown>> = {},
): Decision => ({ events: [{ type, data } satisfies Proposal], reply });

function decideMail(state: MailState, command: MailCommand): Decision {
  switch (command.type) {
    case 'mail.send': {
      const { type: _, ...data } = command;
      const { messageId } = data;
      if (state.dead.length >= mailLimits.dead) return full(state, 'list of dead letters', mailLimits.dead);
      return one('mail.sent', { ...data, bytes: sizeOf(data.payload) }, { messageId });
    }
    case 'mail.deliver':
      return deliver(state, command);
    case 'mail.take':
      return take(state, command);
    case 'mail.bounce': {
      const { type: _, ...data } = command;
      return one('mail.bounced', data);
    }
    case 'mail.retry':
    case 'mail.discard':
      return answerDead(state, command);
    default:
      return assertNever(command);
  }
}

const sizeOf = (payload: Json): number => JSON.stringify(payload).length;

const full = ({ sessionId, inbox, dead }: MailState, what: string, limit: number): Decision =>
  refuse('AT_CAPACITY', { what, sessionId, size: what === 'inbox' ? inbox.length : dead.length, limit });

function deliver(state: MailState, { type: _, ...data }: MailCommand & { type: 'mail.deliver' }): Decision {
  const bytes = sizeOf(data.payload);
  const isFull = state.inbox.length >= mailLimits.inbox || state.inboxBytes + bytes > mailLimits.inboxBytes;
  return isFull ? full(state, 'inbox', mailLimits.inbox) : one('mail.received', { ...data, bytes });
}

/** The oldest that fits. */
function take(state: MailState, { name, from }: MailCommand & { type: 'mail.take' }): Decision {
  const { sessionId } = state;
  const found = state.inbox.find(
    (letter) => (name === undefined || letter.name === name) && (from === undefined || letter.other === from),
  );
  // Nothing is recorded of it, so that the same call may be made again when there is one.
  if (found === undefined) return refuse('LETTER_NOT_FOUND', { sessionId, messageId: name ?? 'any' });
  const { messageId, seq } = found;
  return one('mail.taken', { messageId, seq }, { letter: found });
}

function answerDead(
  state: MailState,
  { type, messageId }: MailCommand & { type: 'mail.retry' | 'mail.discard' },
): Decision {
  const { sessionId } = state;
  const dead = state.dead.find((letter) => letter.messageId === messageId);
  if (dead === undefined) return refuse('LETTER_NOT_FOUND', { sessionId, messageId });
  if (type === 'mail.discard') return one('mail.discarded', { messageId });
  const { other: to, name, seq, attempts } = dead;
  return one('mail.resent', { messageId, to, name, seq, attempts });
}

type Data<Type extends keyof MailEventData> = MailEventData[Type];

function evolveMail(state: MailState, { type, at, seq, data }: LawEvent): MailState | undefined {
  switch (type as keyof MailEventData) {
    case 'mail.sent':
      return { ...state, sent: state.sent + 1 };
    case 'mail.received': {
      const { messageId, from: other, name, bytes } = data as Data<'mail.received'>;
      const inbox = [...state.inbox, { messageId, name, other, at, seq, bytes }];
      return { ...state, inbox, inboxBytes: state.inboxBytes + bytes, received: state.received + 1 };
    }
    case 'mail.taken': {
      const { seq: taken } = data as Data<'mail.taken'>;
      const bytes = state.inbox.find((letter) => letter.seq === taken)?.bytes ?? 0;
      const inbox = state.inbox.filter((letter) => letter.seq !== taken);
      return { ...state, inbox, inboxBytes: state.inboxBytes - bytes };
    }
    case 'mail.bounced': {
      const letter = data as Data<'mail.bounced'>;
      return { ...state, dead: [...withoutLetter(state, letter.messageId), { ...letter, at }] };
    }
    // It is on its way again: it arrives, or comes back.
    case 'mail.resent':
      return { ...state, dead: withoutLetter(state, (data as Data<'mail.resent'>).messageId) };
    case 'mail.discarded':
      return { ...state, dead: withoutLetter(state, (data as Data<'mail.discarded'>).messageId) };
    default:
      return undefined;
  }
}

const withoutLetter = ({ dead }: MailState, messageId: string): readonly DeadLetter[] =>
  dead.filter((letter) => letter.messageId !== messageId);
