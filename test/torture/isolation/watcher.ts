// Who looks at all actors and hears all reports: it finds the living actors of the sessions that are to be killed, counts
// the incarnations of every session, and throws at the sight of those that it is told to be angry at.
import type { InspectionEvent } from 'xstate';
import type { TelemetryEvent } from '../../../src/base/telemetry.ts';

type Actor = InspectionEvent['actorRef'];

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
  readonly #sessionOf = new Map<string, string>();
  readonly #angry = new Set<string>();
  #waiting = new Map<string, () => void>();

  /** `seen` hears of each root actor of a session that comes. */
  constructor(mayBeKilled: (sessionId: string) => boolean, seen: (sessionId: string) => void) {
    this.#mayBeKilled = mayBeKilled;
    this.#seen = seen;
  }

  readonly inspect = (event: InspectionEvent): void => {
    if (event.type === '@xstate.actor') this.#note(event.actorRef);
    const sessionId = this.#sessionOf.get(event.rootId);
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
    return which === 'root' ? root : root?.getSnapshot().children?.context;
  }

  forget(): void {
    for (const known of [this.#roots, this.#sessionOf, this.#waiting, this.alarmed]) known.clear();
    this.#angry.clear();
  }

  #note(actor: Actor): void {
    const { id } = actor as Actor & { readonly id: string };
    if (!id.startsWith(prefix)) return;
    const sessionId = id.slice(prefix.length);
    this.#seen(sessionId);
    if (!this.#mayBeKilled(sessionId)) return;
    const former = this.#roots.get(sessionId);
    if (former !== undefined) this.#sessionOf.delete(former.sessionId);
    this.#roots.set(sessionId, actor);
    this.#sessionOf.set(actor.sessionId, sessionId);
  }

  #call(sessionId: string): void {
    const resolve = this.#waiting.get(sessionId);
    this.#waiting.delete(sessionId);
    resolve?.();
  }
}
