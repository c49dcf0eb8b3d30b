// Mail between sessions: carried by the relay from the stream of the one to that of the other. The receiver knows by its place in the
// sender's stream what it has; what it cannot take goes back.
import { HoldfastError } from '../../base/errors.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { SessionStatus } from '../../domain/session/session-lifecycle.ts';
import {
  type MailCommand,
  type MailEventData,
  type MailState,
  mailLaw,
  mailStream,
} from '../../domain/tree/mail-law.ts';
import type { CommandMeta } from '../../entity/command-meta.ts';
import { receiptKey } from '../../entity/receipts.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import { EntityHost, type EntityHostOptions } from '../entity-host.ts';
import type { RelayJob, RelayRoute } from './relay.ts';

export interface MailOptions extends Omit<EntityHostOptions<MailState, MailCommand>, 'law' | 'maxLiving'> {
  readonly journal: Journal;
  /** Throws `SESSION_NOT_FOUND`. */
  readonly session: (sessionId: string) => Promise<{ readonly status: SessionStatus }>;
}

interface Carried {
  readonly messageId: string;
  readonly from: string;
  readonly to: string;
  readonly name: string;
  /** Of the event that holds its payload. */
  readonly seq: number;
  readonly attempts: number;
}

const over: ReadonlySet<SessionStatus> = new Set(['terminating', 'terminated', 'archived', 'deleted']);

/** How the lanes begin in which is carried what a session sends. */
const lanesOf = (from: string): string => `mail/${from}>`;

export class Mail implements RelayRoute {
  readonly host: EntityHost<MailState, MailCommand>;
  readonly #options: MailOptions;

  constructor(options: MailOptions) {
    this.#options = options;
    this.host = new EntityHost({ ...options, law: mailLaw });
  }

  on({ stream, type, data, seq }: StoredEvent): RelayJob | undefined {
    if (data === undefined || (type !== 'mail.sent' && type !== 'mail.resent')) return undefined;
    const { messageId, to, name, ...more } = data as MailEventData['mail.resent'];
    const from = stream.slice(stream.indexOf('/') + 1);
    const carried: Carried = {
      ...{ messageId, from, to, name },
      ...(type === 'mail.sent' ? { seq, attempts: 0 } : { seq: more.seq, attempts: more.attempts }),
    };
    return { lane: `${lanesOf(from)}${to}`, run: () => this.#carry(carried, seq) };
  }

  isFrom(sessionId: string, lane: string): boolean {
    return lane.startsWith(lanesOf(sessionId));
  }

  /** True when the answer to this very call is on record. */
  async isAnswered(sessionId: string, meta: CommandMeta): Promise<boolean> {
    const key = receiptKey(meta);
    return (
      key !== undefined && (await this.#options.journal.receipt(mailStream(sessionId), key)) !== undefined
    );
  }

  /** What stands at a seq of the mail of a session. */
  async dataAt<Type extends keyof MailEventData>(
    sessionId: string,
    seq: number,
  ): Promise<{ readonly at: number; readonly data: MailEventData[Type] | undefined }> {
    const { events } = await this.#options.journal.readFrom(mailStream(sessionId), seq - 1, { limit: 1 });
    return { at: events[0]?.at ?? 0, data: events[0]?.data as MailEventData[Type] | undefined };
  }

  /** Sessions of which there is mail, and nothing else. */
  async orphans(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const sessionId of await this.#withMail(() => true))
      if (await this.isOrphan(sessionId)) found.push(sessionId);
    return found;
  }

  async isOrphan(sessionId: string): Promise<boolean> {
    const head = await this.#options.journal.head(sessionStream(sessionId));
    return head === undefined || head.status === 'deleted';
  }

  async undelivered(): Promise<readonly { readonly sessionId: string; readonly dead: number }[]> {
    const found: { sessionId: string; dead: number }[] = [];
    await this.#withMail((sessionId, { dead = 0 }) => {
      if (dead > 0) found.push({ sessionId, dead });
      return false;
    });
    return found;
  }

  async #withMail(
    wanted: (sessionId: string, summary: { readonly dead?: number }) => boolean,
  ): Promise<readonly string[]> {
    const found: string[] = [];
    await this.#options.journal.survey(mailStream(''), (glance) => {
      if (glance.status === 'deleted') return;
      const { stream, summary } = glance.whole();
      const sessionId = stream.slice(stream.indexOf('/') + 1);
      if (wanted(sessionId, (summary ?? {}) as { readonly dead?: number })) found.push(sessionId);
    });
    return found;
  }

  async #carry(letter: Carried, place: number): Promise<void> {
    const { messageId, from, to, name, seq, attempts } = letter;
    const { at: sentAt, data } = await this.dataAt<'mail.sent'>(from, seq);
    if (data === undefined) return;
    const source = { manager: 'mail', stream: mailStream(from), seq: place, index: 0 };
    try {
      const { status } = await this.#options.session(to);
      if (over.has(status))
        throw new HoldfastError('SESSION_NOT_ACTIVE', { sessionId: to, status, command: 'mail.deliver' });
      const { payload } = data;
      await this.host.send(to, { type: 'mail.deliver', messageId, from, name, payload, sentAt }, { source });
    } catch (error) {
      if (!HoldfastError.is(error) || error.retryable) throw error;
      const { bytes } = data;
      const back = { messageId, other: to, name, seq, bytes, code: error.code, attempts: attempts + 1 };
      // Those to others come back beside it, and the receiver keeps the highest place of each source.
      await this.#bounce(from, back, { ...source, manager: `mail>${to}` });
    }
  }

  /** To one that is gone nothing can be given back: that is told. */
  async #bounce(
    from: string,
    letter: MailEventData['mail.bounced'],
    source: { manager: string; stream: string; seq: number; index: number },
  ): Promise<void> {
    const { messageId, other: to, code } = letter;
    this.#options.telemetry('mail.bounced', { from, to, messageId, code });
    if (await this.#isThere(from)) await this.host.send(from, { type: 'mail.bounce', ...letter }, { source });
  }

  /** One that is damaged is there: its mail has a stream of its own. */
  async #isThere(sessionId: string): Promise<boolean> {
    try {
      await this.#options.session(sessionId);
      return true;
    } catch (error) {
      if (!HoldfastError.is(error) || error.retryable) throw error;
      return error.code !== 'SESSION_NOT_FOUND';
    }
  }
}
