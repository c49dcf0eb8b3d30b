// What a look through a store has found so far: whole counts, and lists that stop growing at their limit.
import type { LawEvent } from '../domain/law.ts';
import type { DoctorReport, MissingAgent, SessionDifference, SessionFailure } from './doctor-report.ts';

/** Of each missing agent. */
const sessionsNamed = 10;

export type Differs = Omit<SessionDifference, 'sessionId' | 'quarantined'>;
export type Fails = Omit<SessionFailure, 'sessionId' | 'quarantined'>;

/** What was found of one session. */
export interface Looked {
  readonly sessionId: string;
  readonly events: number;
  readonly snapshots: { readonly kept: number; readonly outdated: number };
  /** The agents of its open runs that nobody registered. */
  readonly missing: readonly string[];
  readonly quarantined: boolean;
  readonly differs: readonly Differs[];
  readonly fails: readonly Fails[];
}

export class Findings {
  sessions = 0;
  events = 0;
  readonly #limit: number;
  readonly #differs: SessionDifference[] = [];
  readonly #cannot: SessionFailure[] = [];
  readonly #agents = new Map<string, MissingAgent>();
  readonly #upcasts = new Map<string, { type: string; found: number; events: number }>();
  readonly #counts = { differing: 0, failing: 0, loads: 0, kept: 0, outdated: 0 };
  #place = { stream: '', seq: 0 };

  constructor(limit: number) {
    this.#limit = limit;
  }

  add({ sessionId, quarantined, differs, fails, snapshots, events, missing }: Looked): void {
    this.sessions += 1;
    this.events += events;
    this.#counts.kept += snapshots.kept;
    this.#counts.outdated += snapshots.outdated;
    if (differs.length > 0) this.#counts.differing += 1;
    if (fails.length > 0) this.#counts.failing += 1;
    if (differs.length + fails.length === 0) this.#counts.loads += 1;
    for (const each of differs) this.#keep(this.#differs, { sessionId, ...each, quarantined });
    for (const each of fails) this.#keep(this.#cannot, { sessionId, ...each, quarantined });
    for (const agent of missing) this.#miss(agent, sessionId);
  }

  /** A stream is read more than once: each of its events counts where it is met first. */
  upcast({ stream, seq, type, typeVersion: found }: LawEvent): void {
    if (stream === this.#place.stream && seq <= this.#place.seq) return;
    this.#place = { stream, seq };
    const name = `${type}@${found}`;
    const { events } = this.#upcasts.get(name) ?? { events: 0 };
    this.#upcasts.set(name, { type, found, events: events + 1 });
  }

  report(): Omit<DoctorReport, 'damaged' | 'lost' | 'versions'> {
    const { loads, differing, failing, kept, outdated } = this.#counts;
    return {
      ...{ sessions: this.sessions, loads, events: this.events },
      ...{ differing, differs: this.#differs, failing, cannot: this.#cannot },
      missingAgents: [...this.#agents.values()],
      upcasts: [...this.#upcasts.values()],
      snapshots: { kept, outdated },
    };
  }

  #keep<T>(list: T[], each: T): void {
    if (list.length < this.#limit) list.push(each);
  }

  #miss(agent: string, sessionId: string): void {
    const known = this.#agents.get(agent) ?? { agent, runs: 0, sessionIds: [] };
    const isNamed = known.sessionIds.includes(sessionId) || known.sessionIds.length >= sessionsNamed;
    const sessionIds = isNamed ? known.sessionIds : [...known.sessionIds, sessionId];
    this.#agents.set(agent, { agent, runs: known.runs + 1, sessionIds });
  }
}
