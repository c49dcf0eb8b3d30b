// Shared context as a part of the system: the spaces that live, who takes part in them, and the operations on both.
import type { SupervisedChild } from '../../actor/child-spec.ts';
import { resting } from '../../actor/service.ts';
import type { Clock } from '../../base/clock.ts';
import type { Durability } from '../../base/durability.ts';
import { toError } from '../../base/errors.ts';
import type { IdSource } from '../../base/ids.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import type { MergeRegistry } from '../../domain/space/merge-policies.ts';
import type { SpaceCommand } from '../../domain/space/space-commands.ts';
import { spaceLaw, spaceStream } from '../../domain/space/space-law.ts';
import type { SpaceState } from '../../domain/space/space-state.ts';
import type { Announcement } from '../../entity/announcement.ts';
import type { Journal } from '../../journal/journal.ts';
import type { Handlers } from '../../operations/bind.ts';
import type { PubSub } from '../../pubsub/pubsub.ts';
import { keyedBySession } from '../acting-session.ts';
import { EntityHost } from '../entity-host.ts';
import { type SpaceOperation, spaceHandlers } from './space-handlers.ts';
import { SpaceMembership } from './space-membership.ts';
import { readableSpace } from './space-query-handlers.ts';
import { SpaceTurns } from './space-turns.ts';

export interface SpacesOptions {
  readonly journal: Journal;
  readonly pubsub: PubSub<Announcement>;
  /** Where all that becomes durable is told, so that whoever follows the feed looks at it. */
  readonly topic: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly newId: IdSource;
  readonly merges: MergeRegistry;
  readonly mailboxSize: number;
  readonly durability: Durability;
}

export class Spaces {
  readonly handlers: Handlers<SpaceOperation>;
  readonly #host: EntityHost<SpaceState, SpaceCommand>;
  readonly #membership: SpaceMembership;
  readonly #telemetry: Telemetry;

  constructor(options: SpacesOptions) {
    const { pubsub, topic, merges, telemetry } = options;
    this.#telemetry = telemetry;
    this.#host = new EntityHost({
      ...options,
      law: spaceLaw(merges),
      tell: (id, events, state) => {
        const told = state.durability === 'none' ? { volatile: events } : { durable: events };
        pubsub.publish(spaceStream(id), told);
        if ('durable' in told) pubsub.publish(topic, told);
      },
    });
    this.#membership = new SpaceMembership({
      ...options,
      leave: (spaceId, sessionId, isOwner) => this.#leave(spaceId, sessionId, isOwner),
    });
    const [host, membership, turns] = [this.#host, this.#membership, new SpaceTurns()];
    const handlers = spaceHandlers({ ...options, host, membership, turns });
    this.handlers = keyedBySession(handlers);
  }

  /** Behind what serves already: sessions that were deleted while nobody listened leave. */
  begin(): SupervisedChild {
    this.#membership.begin().catch((error: unknown) => {
      this.#telemetry('space.leaveFailed', { problem: toError(error).message });
    });
    return resting('spaces', () => this.close());
  }

  /** Throws when the session may not hear of the space. */
  admit(query: { readonly spaceId: string; readonly sessionId: string }): Promise<unknown> {
    return readableSpace({ host: this.#host }, query);
  }

  /** What was sent before is answered. */
  async close(): Promise<void> {
    this.#membership.close();
    await this.#host.close();
  }

  async #leave(spaceId: string, sessionId: string, isOwner: boolean): Promise<void> {
    const { state } = await this.#host.read(spaceId);
    const reason = 'the session was deleted';
    if (state.status === 'open')
      await this.#host.send(
        spaceId,
        isOwner ? { type: 'space.delete', reason } : { type: 'space.leave', sessionId, reason },
      );
    if (isOwner) await this.#host.remove(spaceId);
  }
}
