// Which spaces a session takes part in, as small values beside the streams: so that a session that is deleted leaves them all,
// also when the process died between the two.
import type { Clock } from '../../base/clock.ts';
import { toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { Announcement } from '../../entity/announcement.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import type { PubSub } from '../../pubsub/pubsub.ts';

export interface SpaceMembershipOptions {
  readonly journal: Pick<Journal, 'head' | 'kv'>;
  readonly pubsub: PubSub<Announcement>;
  /** Where sessions are told of. */
  readonly topic: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** The session is gone: it leaves the space, or takes it along. */
  readonly leave: (spaceId: string, sessionId: string, isOwner: boolean) => Promise<void>;
}

/** What could not be written is tried again after so long. */
const againMs = 5_000;
const prefix = 'spaces/of/';
const placeOf = (sessionId: string, spaceId: string): string => `${prefix}${sessionId}/${spaceId}`;

export class SpaceMembership {
  readonly #options: SpaceMembershipOptions;
  readonly #cancels = new Set<() => void>();
  #stop: (() => void) | undefined;
  #isClosed = false;

  constructor(options: SpaceMembershipOptions) {
    this.#options = options;
  }

  /** Sessions that were deleted while nobody listened leave now. */
  async begin(): Promise<void> {
    const places = await this.#options.journal.kv.keys(prefix);
    if (places.length === 0) return;
    this.#listen();
    const sessions = new Set(places.map((place) => place.slice(prefix.length, place.lastIndexOf('/'))));
    for (const sessionId of sessions) if (await this.isGone(sessionId)) void this.#leaveAll(sessionId);
  }

  /** True for a session that never was, or is deleted. */
  async isGone(sessionId: string): Promise<boolean> {
    const head = await this.#options.journal.head(sessionStream(sessionId));
    return head === undefined || head.status === 'deleted';
  }

  /** Noted before the session joins, for nothing may be joined that would not be left. */
  async note(sessionId: string, spaceId: string, role: 'member' | 'owner'): Promise<void> {
    this.#listen();
    await this.#options.journal.kv.batch([{ key: placeOf(sessionId, spaceId), value: role }]);
  }

  forget(sessionId: string, spaceId: string): Promise<void> {
    return this.forgetAll([sessionId], spaceId);
  }

  async forgetAll(sessionIds: readonly string[], spaceId: string): Promise<void> {
    const notes = sessionIds.map((sessionId) => ({ key: placeOf(sessionId, spaceId), value: undefined }));
    if (notes.length > 0) await this.#options.journal.kv.batch(notes);
  }

  close(): void {
    this.#isClosed = true;
    this.#stop?.();
    for (const cancel of this.#cancels) cancel();
  }

  /** Where no session takes part in anything nobody listens. */
  #listen(): void {
    if (this.#isClosed) return;
    this.#stop ??= this.#options.pubsub.subscribe(this.#options.topic, (announcement) => {
      if ('transient' in announcement) return;
      const events = 'durable' in announcement ? announcement.durable : announcement.volatile;
      for (const event of events) if (isDeletion(event)) void this.#leaveAll(sessionIdOf(event));
    });
  }

  async #leaveAll(sessionId: string): Promise<void> {
    const { journal, telemetry, leave } = this.#options;
    try {
      const place = placeOf(sessionId, '');
      for (const key of await journal.kv.keys(place)) {
        const role = await journal.kv.get(key);
        const spaceId = key.slice(place.length);
        await leave(spaceId, sessionId, role === 'owner');
        await this.forget(sessionId, spaceId);
      }
    } catch (error) {
      if (this.#isClosed) return;
      telemetry('space.leaveFailed', { sessionId, problem: toError(error).message });
      this.#again(sessionId);
    }
  }

  #again(sessionId: string): void {
    const cancel = this.#options.clock.schedule(againMs, () => {
      this.#cancels.delete(cancel);
      void this.#leaveAll(sessionId);
    });
    this.#cancels.add(cancel);
  }
}

const isDeletion = ({ type, data }: StoredEvent): boolean =>
  type === 'session.statusChanged' && (data as { readonly to?: unknown } | undefined)?.to === 'deleted';

const sessionIdOf = ({ stream }: StoredEvent): string => stream.slice(stream.indexOf('/') + 1);
