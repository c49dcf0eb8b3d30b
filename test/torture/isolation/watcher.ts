// Who looks at all actors and hears all reports: it finds the living actors of the sessions that are to be killed, counts
// the incarnations of every session, and throws at the sight of those that it is told to be angry at.
import type { InspectionEvent } from 'xstate';
import type { TelemetryEvent } from '../../../src/base/telemetry.ts';

type Actor = InspectionEvent['actorRef'] & { readonly id: string; readonly _parent?: Actor };

const prefix = 'session:';
/** Reports that must not name a session that is left alone. */
const alarming: ReadonlySet<string> = new Set([
  ...['session.crashed', 'session.restarting', 'session.killed', 'session.quarantined'],
  ...['agent.crashed', 'agent.abandoned', 'entity.rehydrating', 'session.wakeFailed'],
]);

export class Watcher {
  /** Faults of the inspector itself. */
  thrown = 0;
  readonly counts = new Map<string, number>();
  /** Sessions that an alarming report named. */
  readonly alarmed = new Set<string>();
  readonly #mayBeKilled: (sessionId: string) => boolean;
  readonly #seen: (sessionId: string) => void;
  readonly #roots = new Map<string, Actor>();
  readonly #contexts = new Map<Actor, Actor>();
  readonly #sessionOf = new Map<Actor, string>();
  readonly #angry = new Set<string>();
  #waiting = new Map<string, () => void>();

  /** `seen` hears of each root actor of a session that comes. */
  constructor(mayBeKilled: (sessionId: string) => boolean, seen: (sessionId: string) => void) {
    this.#mayBeKilled = mayBeKilled;
    this.#seen = seen;
  }

  readonly inspect = (event: InspectionEvent): void => {
    const actor = event.actorRef as Actor;
    if (event.type === '@xstate.actor') this.#note(actor);
    const sessionId = this.#sessionOf.get(actor);
    if (sessionId === undefined || !this.#angry.has(sessionId)) return;
    this.thrown += 1;
    throw new Error('a bad inspector');
  };

  readonly hear = ({ name, data }: TelemetryEvent): void => {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    const sessionId = String(data.sessionId);
    if (alarming.has(name)) this.alarmed.add(sessionId);
    if (name === 'session.started' || name === 'session.quarantined') this.#call(sessionId);
  };

  beAngryAt(sessionId: string): void {
    this.#angry.add(sessionId);
  }

  /** Resolves when the session is started once more, or quarantined. */
  nextStart(sessionId: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(sessionId, resolve);
    });
  }

  /** The newest actors of a session that may be killed. */
  actor(sessionId: string, which: 'context' | 'root'): Actor | undefined {
    const root = this.#roots.get(sessionId);
    return which === 'root' ? root : root && this.#contexts.get(root);
  }

  forget(): void {
    for (const known of [this.#roots, this.#contexts, this.#sessionOf, this.#waiting, this.alarmed])
      known.clear();
    this.#angry.clear();
  }

  #note(actor: Actor): void {
    const ofSession = actor._parent === undefined ? undefined : this.#sessionOf.get(actor._parent);
    if (actor._parent !== undefined && ofSession !== undefined) {
      this.#contexts.set(actor._parent, actor);
      this.#sessionOf.set(actor, ofSession);
    } else if (actor.id.startsWith(prefix)) this.#noteRoot(actor, actor.id.slice(prefix.length));
  }

  #noteRoot(root: Actor, sessionId: string): void {
    this.#seen(sessionId);
    if (!this.#mayBeKilled(sessionId)) return;
    const former = this.#roots.get(sessionId);
    const context = former && this.#contexts.get(former);
    if (former !== undefined) this.#contexts.delete(former);
    for (const gone of [former, context]) if (gone !== undefined) this.#sessionOf.delete(gone);
    this.#roots.set(sessionId, root);
    this.#sessionOf.set(root, sessionId);
  }

  #call(sessionId: string): void {
    const resolve = this.#waiting.get(sessionId);
    this.#waiting.delete(sessionId);
    resolve?.();
  }
}
