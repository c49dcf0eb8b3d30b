// Several sessions run by their law alone, and what a list of them must show: the naive way, from their whole states.
import type { SessionCommand } from '../../src/domain/session/session-commands.ts';
import { statusAt } from '../../src/domain/session/session-deadlines.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { contextOf, type SessionState, statusOf } from '../../src/domain/session/session-state.ts';
import type { Cursor, FeedEntry, Head, Version } from '../../src/journal/journal.ts';
import type { SessionQuery } from '../../src/projection/session-query.ts';
import type { RowSource } from '../../src/projection/session-reader.ts';
import { SessionLife } from './session-life.ts';

/** What a list shows of a session. */
export interface Shown {
  readonly sessionId: string;
  readonly status: string;
  readonly name: string | null;
  readonly agent: string | null;
  readonly parentSessionId: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly activeAt: number;
  readonly messages: number;
  readonly entries: number | null;
  readonly seq: number;
}

const open = ['initializing', 'active', 'idle', 'paused', 'dormant', 'terminating', 'quarantined'];

export class SessionWorld {
  readonly quarantined = new Set<string>();
  readonly #lives = new Map<string, SessionLife>();

  /** Sends a command; the entry that the feed would hold, or undefined when nothing happened. */
  send(sessionId: string, command: SessionCommand, at: number): FeedEntry | undefined {
    const life = this.#lives.get(sessionId) ?? new SessionLife({ sessionId });
    const before = life.seq;
    life.send(command, at);
    if (life.seq === before) return undefined;
    this.#lives.set(sessionId, life);
    return { cursor: 'c' as Cursor, events: life.recorded().slice(before) };
  }

  heads(): Head[] {
    return [...this.#lives.values()].map(headOf);
  }

  /** Reads heads alone, which are all of the version that is read. */
  readonly journal: RowSource = {
    head: async (stream) => {
      const life = this.#lives.get(stream.slice('session/'.length));
      return life && headOf(life);
    },
    readFrom: () => Promise.reject(new Error('nothing is to be read')),
    async *snapshots() {},
  };

  all(now: number): Shown[] {
    return [...this.#lives.values()]
      .filter(({ status }) => status !== 'deleted')
      .map(({ state, seq }) => shownOf(state, seq, now, this.quarantined.has(state.sessionId)));
  }

  /** All that a query finds, in its order, whatever its limit. */
  find(query: Omit<SessionQuery, 'limit' | 'cursor'>, now: number): Shown[] {
    return this.all(now)
      .filter((shown) => passes(shown, query))
      .sort((a, b) => inOrder(a, b, query.sort));
  }
}

function shownOf(state: SessionState, seq: number, now: number, isQuarantined: boolean): Shown {
  const { createdAt, updatedAt, lastActivityAt: activeAt, messages, entries } = contextOf(state);
  const { name, agent, parentSessionId, config } = state.profile;
  const agents = state.agents.open.size;
  const status = statusAt(statusOf(state), { activeAt, ...config, agents }, now);
  return {
    sessionId: state.sessionId,
    status: isQuarantined ? 'quarantined' : status,
    ...{ name, agent, parentSessionId, createdAt: createdAt ?? updatedAt },
    ...{ updatedAt, activeAt, messages, agents, entries, seq },
  };
}

function passes(shown: Shown, query: Omit<SessionQuery, 'limit' | 'cursor'>): boolean {
  const { status, agent, parentSessionId, createdAfter, createdBefore, name, search } = query;
  const text = [shown.sessionId, shown.name ?? '', shown.agent ?? ''].map((part) => part.toLowerCase());
  return (
    (status ?? open).includes(shown.status as never) &&
    (agent === undefined || shown.agent === agent) &&
    (parentSessionId === undefined || shown.parentSessionId === parentSessionId) &&
    (createdAfter === undefined || shown.createdAt > createdAfter) &&
    (createdBefore === undefined || shown.createdAt < createdBefore) &&
    (name === undefined || patternOf(name).test(shown.name ?? '')) &&
    (search === undefined || text.some((part) => part.includes(search.toLowerCase())))
  );
}

function patternOf(name: string): RegExp {
  const parts = name.split('*').map((part) => part.replace(/[^\w]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}`, 's');
}

function inOrder(a: Shown, b: Shown, sort: SessionQuery['sort']): number {
  const [first, second] = sort === 'name' ? [a.name ?? '', b.name ?? ''] : [b[sort], a[sort]];
  if (first !== second) return first < second ? -1 : 1;
  return (a.sessionId < b.sessionId ? -1 : 1) * (sort === 'name' ? 1 : -1);
}

function headOf({ stream, seq, state, steps }: SessionLife): Head {
  return {
    ...{ stream, seq, version: String(seq) as Version, firstSeq: 1, chain: '', epoch: 1, operations: 0 },
    updatedAt: steps.at(-1)?.event.at ?? 0,
    ...sessionLaw.summarize(state),
  };
}
