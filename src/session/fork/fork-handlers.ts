// Operations that fork, compare and merge sessions, and tell where one comes from.
import type { Ancestor } from '../../domain/fork/branching.ts';
import type { Handlers } from '../../operations/bind.ts';
import { listCursor, placeIn } from '../../operations/list-cursor.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type { ForkInfo, ForkPoint, LineageInfo } from '../../operations/views/fork-views.ts';
import type { Page } from '../../operations/views/views.ts';
import type { ReadingContext } from '../handlers/handler-context.ts';
import { compareSessions } from './compare-sessions.ts';
import { standingOf } from './fork-proof.ts';
import { listForks } from './fork-register.ts';
import { forkSession } from './fork-session.ts';
import { mergeSession } from './merge-session.ts';

export type ForkOperation = `sessions.${'fork' | 'forks' | 'lineage' | 'compare' | 'merge'}`;

export function forkHandlers(context: ReadingContext): Handlers<ForkOperation> {
  return {
    'sessions.fork': (input, call) => forkSession(context, input, call),
    'sessions.forks': (input) => forksOf(context, input),
    'sessions.lineage': ({ sessionId }) => lineageOf(context, sessionId),
    'sessions.compare': (input, call) => compareSessions(context, input, call),
    'sessions.merge': (input, call) => mergeSession(context, input, call),
  };
}

async function forksOf(
  { journal, manager }: ReadingContext,
  { sessionId, limit, cursor }: ParsedInputOf<'sessions.forks'>,
): Promise<Page<ForkInfo>> {
  const found = await listForks(journal, sessionId, placeIn('forks', cursor) ?? '', limit + 1);
  // Of a session that is deleted the forks are told all the same.
  if (found.length === 0 && cursor === undefined) await manager.read(sessionId);
  const items = found
    .slice(0, limit)
    .map((fork) => ({ sessionId: fork.sessionId, from: pointOf(fork.from) }));
  const last = found.length > limit ? items.at(-1)?.sessionId : undefined;
  return last === undefined ? { items } : { items, cursor: listCursor('forks', last) };
}

const pointOf = ({ sessionId, through: seq, chain }: Ancestor): ForkPoint => ({ sessionId, seq, chain });

async function lineageOf({ journal, manager }: ReadingContext, sessionId: string): Promise<LineageInfo> {
  const { lineage, merges } = (await manager.read(sessionId)).state.branching;
  const ancestors = [];
  for (const ancestor of lineage)
    ancestors.push({ ...pointOf(ancestor), standing: await standingOf(journal, ancestor) });
  const newest = merges.map(({ sessionId: from, part, through: version, seq, at }) => ({
    ...{ sessionId: from, part, version, seq, at },
  }));
  return { sessionId, ancestors, merges: newest };
}
