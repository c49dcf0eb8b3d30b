// What is on offer, by whom it is for: who looks into an inbox goes through nobody else's.
import { type Handoff, type Ownership, sourceOf } from '../../domain/handoff/handoff.ts';

export class OpenOffers {
  readonly #byAddressee = new Map<string, Map<string, Handoff>>();

  /** The ownership of a session is another one now; undefined for one that is not known, or no more. */
  replace(before: Ownership | undefined, after: Ownership | undefined): void {
    const [closed, opened] = [before?.offer ?? null, after?.offer ?? null];
    if (closed === opened) return;
    if (closed !== null) this.#remove(closed);
    if (opened !== null) this.#add(opened);
  }

  /** For a session, or for whoever answers first of its agent; not what it offers itself. In no order. */
  for(sessionId: string, agent: string | null): readonly Handoff[] {
    const its = [keyOf(sessionId, null), ...(agent === null ? [] : [keyOf(null, agent)])];
    return its
      .flatMap((key) => [...(this.#byAddressee.get(key)?.values() ?? [])])
      .filter(({ handoffId }) => sourceOf(handoffId) !== sessionId);
  }

  #add(handoff: Handoff): void {
    const key = addresseeOf(handoff);
    const offers = this.#byAddressee.get(key) ?? new Map<string, Handoff>();
    this.#byAddressee.set(key, offers.set(handoff.handoffId, handoff));
  }

  #remove(handoff: Handoff): void {
    const key = addresseeOf(handoff);
    const offers = this.#byAddressee.get(key);
    offers?.delete(handoff.handoffId);
    if (offers?.size === 0) this.#byAddressee.delete(key);
  }
}

const addresseeOf = ({ to }: Handoff): string => keyOf(to.sessionId, to.agent);

/** One that names a session is for that session alone. */
const keyOf = (sessionId: string | null, agent: string | null): string =>
  sessionId === null ? `agent ${agent}` : `session ${sessionId}`;
