// The handlers of all operations on memories, for the system to bind.
import { HoldfastError } from '../../base/errors.ts';
import { byteLength, canonicalJson } from '../../base/json.ts';
import { confidenceOf } from '../../domain/memory/memory-confidence.ts';
import type { MemoryCommand } from '../../domain/memory/memory-decisions.ts';
import type { MemoryShare } from '../../domain/memory/memory-events.ts';
import { byScore, type FoundMemory, findMemories } from '../../domain/memory/memory-search.ts';
import {
  findPending,
  type KeptMemory,
  listKept,
  type MemoriesState,
  nextDue,
  type PendingMemory,
} from '../../domain/memory/memory-state.ts';
import type { Answer } from '../../entity/command-meta.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import { listCursor, placeIn } from '../../operations/list-cursor.ts';
import type { OperationName, OutputOf, ParsedInputOf } from '../../operations/registry.ts';
import type { MemoriesFound, MemoryInfo } from '../../operations/views/memory-views.ts';
import type { Page } from '../../operations/views/views.ts';
import { eraseMemories, type MemoryErasureContext } from './memory-erasure.ts';
import { noteShare, sharingSessions } from './memory-shares.ts';
import type { SessionMemories } from './session-memories.ts';

export type MemoryOperation = Extract<OperationName, `memories.${string}`>;

export interface MemoryHandlerContext extends MemoryErasureContext {
  readonly memories: SessionMemories;
}

/** One memory holds at most so many bytes of JSON. */
const mostBytes = 64 * 1024;
/** One search reads the memories of so many sessions. */
const mostSessions = 256;

export function memoryHandlers(context: MemoryHandlerContext): Handlers<MemoryOperation> {
  const { memories, clock, journal } = context;
  return {
    ...changing(context),
    'memories.propose': (input, call) => propose(context, input, call),
    'memories.share': async ({ sessionId, memoryId, scope, owner }, call) => {
      const share = shareOf('memories.share', scope, owner);
      await memories.read(sessionId);
      await noteShare(journal, sessionId, share);
      return send(context, sessionId, { type: 'memory.share', memoryId, ...share }, call);
    },
    'memories.erase': async ({ sessionId, memoryId, reason }, call) => {
      await memories.admitErasure(sessionId);
      return eraseMemories(context, { sessionId, memoryId, reason }, call);
    },
    'memories.pending': async ({ sessionId }) => {
      const { pending } = await memories.read(sessionId);
      return pending.map((memory) => infoOf(sessionId, memory, clock.now()));
    },
    'memories.get': async ({ sessionId, memoryId }) => {
      const state = await memories.read(sessionId);
      const memory = state.kept.get(memoryId) ?? findPending(state, memoryId);
      if (memory === undefined) throw new HoldfastError('MEMORY_NOT_FOUND', { sessionId, memoryId });
      return infoOf(sessionId, memory, clock.now());
    },
    'memories.list': async (input) => listMemories(await memories.read(input.sessionId), input),
    'memories.search': (input) => search(context, input),
    'memories.stats': async ({ sessionId }) => {
      const state = await memories.read(sessionId);
      const { pending, kept, keptBytes, counts } = state;
      const sizes = { pending: pending.length, kept: kept.size, keptBytes };
      return { ...sizes, nextDueAt: nextDue(state), counts };
    },
  };
}

const send = <Answered>(
  { memories }: MemoryHandlerContext,
  sessionId: string,
  command: MemoryCommand,
  call: Call,
): Promise<Answered> =>
  memories.send(sessionId, () => command, call) as Promise<Answer> as Promise<unknown> as Promise<Answered>;

type Changing = `memories.${'evaluate' | 'promote' | 'reject' | 'unshare' | 'forget'}`;

/** Operations that are one command, each answered with what it led to. */
function changing(context: MemoryHandlerContext): Handlers<Changing> {
  return {
    'memories.evaluate': ({ sessionId }, call) => send(context, sessionId, { type: 'memory.evaluate' }, call),
    'memories.promote': ({ sessionId, memoryId }, call) =>
      send(context, sessionId, { type: 'memory.promote', memoryId }, call),
    'memories.reject': ({ sessionId, memoryId, reason }, call) =>
      send(context, sessionId, { type: 'memory.reject', memoryId, reason }, call),
    'memories.unshare': ({ sessionId, memoryId }, call) =>
      send(context, sessionId, { type: 'memory.unshare', memoryId }, call),
    'memories.forget': ({ sessionId, memoryId, reason }, call) =>
      send(context, sessionId, { type: 'memory.forget', memoryId, reason }, call),
  };
}

async function propose(
  { memories }: MemoryHandlerContext,
  { sessionId, content, kind, importance, tags, sources }: ParsedInputOf<'memories.propose'>,
  call: Call,
): Promise<OutputOf<'memories.propose'>> {
  const bytes = byteLength(canonicalJson(content));
  if (bytes > mostBytes)
    throw new HoldfastError('TOO_LARGE', { what: 'memory', size: bytes, limit: mostBytes });
  const origin = { by: call.by ?? null, runId: call.agent?.run ?? null, sources };
  const said = { kind: kind ?? null, content, importance, tags: [...new Set(tags)], origin, bytes };
  const answer = await memories.send(
    sessionId,
    ({ durability }) => ({ type: 'memory.propose', ...said, durability }),
    call,
  );
  return answer as Answer & OutputOf<'memories.propose'>;
}

/** The app is one owner; whose else a memory may be has to be said. */
function shareOf(operation: string, scope: MemoryShare['scope'], owner: string | undefined): MemoryShare {
  if (owner !== undefined) return { scope, owner };
  if (scope === 'app') return { scope, owner: 'app' };
  const problem = 'owner: name the user whose sessions may see it';
  throw new HoldfastError('INVALID_INPUT', { operation, field: 'owner', problem });
}

function infoOf(sessionId: string, memory: PendingMemory | KeptMemory, now: number): MemoryInfo {
  const { memoryId, kind, content, importance, tags, origin, at } = memory;
  const said = { sessionId, memoryId, kind, content, importance, tags, origin, at };
  if ('promotedAt' in memory) {
    const { promotedAt, why, confidence, parts, share } = memory;
    return { ...said, status: 'kept', dueAt: null, confidence, parts, promotedAt, why, share };
  }
  const judged = confidenceOf(memory, now);
  const open = { promotedAt: null, why: null, share: null };
  return { ...said, status: 'pending', dueAt: memory.dueAt, ...judged, ...open };
}

function listMemories(
  state: MemoriesState,
  { kind, tag, limit, cursor }: ParsedInputOf<'memories.list'>,
): Page<MemoryInfo> {
  const fits = findMemories(listKept(state), { kind, tag }).map(({ memory }) => memory);
  const newestFirst = fits.toReversed();
  const from = cursor === undefined ? 0 : behind(newestFirst, cursor);
  const page = newestFirst.slice(from, from + limit);
  const last = page.at(-1);
  const isMore = last !== undefined && from + limit < newestFirst.length;
  return {
    items: page.map((memory) => infoOf(state.sessionId, memory, memory.promotedAt)),
    total: newestFirst.length,
    ...(isMore && { cursor: last.memoryId }),
  };
}

/** The place behind the memory that the cursor names, also when it is there no more. */
function behind(newestFirst: readonly KeptMemory[], cursor: string): number {
  const place = /^m(\d{1,15})$/.exec(cursor)?.[1];
  if (place === undefined) throw new HoldfastError('INVALID_CURSOR', { value: cursor });
  const found = newestFirst.findIndex(({ memoryId }) => Number(memoryId.slice(1)) < Number(place));
  return found < 0 ? newestFirst.length : found;
}

interface Found extends FoundMemory {
  readonly sessionId: string;
}

async function search(
  context: MemoryHandlerContext,
  input: ParsedInputOf<'memories.search'>,
): Promise<MemoriesFound> {
  const { sessionId, scope, owner, limit, cursor, ...asked } = input;
  const { memories, journal } = context;
  const own = await memories.read(sessionId);
  const found: Found[] = [];
  const failed: { readonly sessionId: string; readonly problem: string }[] = [];
  const after = placeIn('sharing', cursor);
  if (scope === 'session') {
    // All of it is one page: no cursor is of it.
    if (cursor !== undefined) throw new HoldfastError('INVALID_CURSOR', { value: cursor });
    for (const one of findMemories(listKept(own), asked)) found.push({ sessionId, ...one });
    return foundPage(found, { limit, failed, sessions: 1 });
  }
  const share = shareOf('memories.search', scope, owner);
  const ids = await sharingSessions(journal, share, after);
  const chosen = ids.slice(0, mostSessions);
  for (const id of chosen) {
    try {
      const state = await memories.peek(id);
      for (const one of findMemories(listKept(state), { ...asked, share }))
        found.push({ sessionId: id, ...one });
    } catch (error) {
      if (!HoldfastError.is(error)) throw error;
      failed.push({ sessionId: id, problem: error.message });
    }
  }
  const next = ids.length > chosen.length ? chosen.at(-1) : undefined;
  return foundPage(found, { limit, failed, sessions: chosen.length, next });
}

interface Searched {
  readonly limit: number;
  readonly failed: MemoriesFound['failed'];
  readonly sessions: number;
  readonly next?: string | undefined;
}

function foundPage(found: Found[], { limit, failed, sessions, next }: Searched): MemoriesFound {
  const items = found
    .sort(byScore)
    .slice(0, limit)
    .map(({ sessionId, memory, score }) => ({ ...infoOf(sessionId, memory, memory.promotedAt), score }));
  return {
    items,
    total: found.length,
    sessions,
    failed,
    ...(next !== undefined && { cursor: listCursor('sharing', next) }),
  };
}
