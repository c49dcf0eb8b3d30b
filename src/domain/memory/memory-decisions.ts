// Which events a command to the memories of a session leads to: what is judged, what makes room, and what is refused.
import type { Durability } from '../../base/durability.ts';
import { type Decision, type Proposal, refuse } from '../law.ts';
import { type Confidence, confidenceOf, type PromotionPolicy } from './memory-confidence.ts';
import type { MemoryEventData, MemoryEventType, MemoryShare } from './memory-events.ts';
import { evolveMemories } from './memory-evolve.ts';
import { findPending, listKept, type MemoriesState, memoryIdOf, type PendingMemory } from './memory-state.ts';

export type MemoryCommand =
  | ({ readonly type: 'memory.propose'; readonly durability: Durability } & Pick<
      MemoryEventData['memory.proposed'],
      'kind' | 'content' | 'importance' | 'tags' | 'origin' | 'bytes'
    >)
  /** All that wait are judged as they are now; of those that are due none stays. */
  | { readonly type: 'memory.evaluate' }
  | { readonly type: 'memory.promote'; readonly memoryId: string }
  | { readonly type: 'memory.reject'; readonly memoryId: string; readonly reason: string }
  | { readonly type: 'memory.forget'; readonly memoryId: string; readonly reason: string }
  | ({ readonly type: 'memory.share'; readonly memoryId: string } & MemoryShare)
  | { readonly type: 'memory.unshare'; readonly memoryId: string };

type Of<Type extends MemoryCommand['type']> = Extract<MemoryCommand, { readonly type: Type }>;

export function decideMemories(
  policy: PromotionPolicy,
  state: MemoriesState,
  command: MemoryCommand,
  at: number,
  seq: number,
): Decision {
  const draft = new Draft(state, at, seq);
  switch (command.type) {
    case 'memory.propose':
      return propose(policy, draft, command);
    case 'memory.evaluate':
      judge(policy, draft);
      return draft.decision({});
    case 'memory.promote':
      return promote(policy, draft, command);
    case 'memory.reject':
      return reject(draft, command);
    case 'memory.forget':
      return forget(draft, command);
    case 'memory.share':
      return share(draft, command);
    case 'memory.unshare':
      return unshare(draft, command);
  }
}

/** The events so far, and the state that they lead to. */
class Draft {
  readonly at: number;
  readonly #stream: string;
  readonly #events: Proposal[] = [];
  #state: MemoriesState;
  #seq: number;

  constructor(state: MemoriesState, at: number, seq: number) {
    this.#stream = `memories/${state.sessionId}`;
    this.#state = state;
    this.#seq = seq;
    this.at = at;
  }

  get state(): MemoriesState {
    return this.#state;
  }

  /** The seq of what it stands at. */
  get seq(): number {
    return this.#seq;
  }

  add<Type extends MemoryEventType>(type: Type, data: MemoryEventData[Type]): void {
    this.#events.push({ type, data });
    this.#seq += 1;
    const place = { stream: this.#stream, seq: this.#seq, at: this.at };
    this.#state = evolveMemories(this.#state, { ...place, type, typeVersion: 1, data }) ?? this.#state;
  }

  /** What has become of memories by it is told by their ids. */
  decision(reply: Readonly<Record<string, unknown>>): Decision {
    const idsOf = (type: MemoryEventType): readonly string[] =>
      this.#events
        .filter((event) => event.type === type)
        .map(({ data }) => (data as { readonly memoryId: string }).memoryId);
    return {
      events: this.#events,
      reply: {
        ...reply,
        promoted: idsOf('memory.promoted'),
        rejected: idsOf('memory.rejected'),
        evicted: idsOf('memory.evicted'),
        forgotten: idsOf('memory.forgotten'),
      },
    };
  }
}

function propose(policy: PromotionPolicy, draft: Draft, command: Of<'memory.propose'>): Decision {
  const { durability, kind, content, importance, tags, origin, bytes } = command;
  if (bytes > policy.keptBytes)
    return refuse('TOO_LARGE', { what: 'memory', size: bytes, limit: policy.keptBytes });
  if (draft.state.pending.length >= policy.pending) judge(policy, draft);
  while (draft.state.pending.length >= policy.pending) evict(draft);
  const told = draft.state.durability === durability ? {} : { durability };
  const dueAt = draft.at + policy.judgeAfterMs;
  draft.add('memory.proposed', { kind, content, importance, tags, origin, dueAt, bytes, ...told });
  return draft.decision({ memoryId: memoryIdOf(draft.seq), dueAt });
}

/** The least confident goes; of several the oldest. */
function evict(draft: Draft): void {
  const [first, ...others] = draft.state.pending.map((memory) => ({
    memoryId: memory.memoryId,
    confidence: confidenceOf(memory, draft.at).confidence,
  }));
  if (first === undefined) return;
  const least = others.reduce((best, one) => (one.confidence < best.confidence ? one : best), first);
  draft.add('memory.evicted', least);
}

/** Oldest first. What is important and sure enough is promoted; what is due leaves the queue either way. */
function judge(policy: PromotionPolicy, draft: Draft): void {
  let left = policy.batch;
  for (const memory of draft.state.pending) {
    if (left === 0) return;
    const judged = confidenceOf(memory, draft.at);
    const isSure = judged.confidence >= policy.confidence;
    const isDue = memory.dueAt <= draft.at;
    if (isSure && (isDue || memory.importance >= policy.importance)) {
      keep(policy, draft, memory, memory.importance >= policy.importance ? 'importance' : 'age', judged);
    } else if (isDue) {
      const { confidence } = judged;
      draft.add('memory.rejected', {
        ...{ memoryId: memory.memoryId, why: 'confidence', confidence, reason: null },
      });
    } else continue;
    left -= 1;
  }
}

function keep(
  { kept, keptBytes }: PromotionPolicy,
  draft: Draft,
  { memoryId }: PendingMemory,
  why: MemoryEventData['memory.promoted']['why'],
  judged: Confidence,
): void {
  draft.add('memory.promoted', { memoryId, why, ...judged });
  while (draft.state.kept.size > kept || draft.state.keptBytes > keptBytes) {
    const least = leastWorth(draft.state, memoryId);
    if (least === undefined) return;
    draft.add('memory.forgotten', { memoryId: least, why: 'capacity', reason: null });
  }
}

/** Not the newest, and those that others see last: of the rest the least confident, of several the oldest. */
function leastWorth(state: MemoriesState, newest: string): string | undefined {
  const worth = ({ share, confidence }: { share: unknown; confidence: number }): number =>
    confidence + (share === null ? 0 : 1);
  const [first, ...others] = listKept(state).filter(({ memoryId }) => memoryId !== newest);
  return first && others.reduce((least, one) => (worth(one) < worth(least) ? one : least), first).memoryId;
}

function promote(policy: PromotionPolicy, draft: Draft, { memoryId, type }: Of<'memory.promote'>): Decision {
  const memory = findPending(draft.state, memoryId);
  if (memory !== undefined) keep(policy, draft, memory, 'request', confidenceOf(memory, draft.at));
  else if (!draft.state.kept.has(memoryId)) return unknown(draft.state, memoryId, type);
  return draft.decision({ memoryId });
}

function reject(draft: Draft, { memoryId, reason, type }: Of<'memory.reject'>): Decision {
  const memory = findPending(draft.state, memoryId);
  if (memory === undefined) return unknown(draft.state, memoryId, type);
  const { confidence } = confidenceOf(memory, draft.at);
  draft.add('memory.rejected', { memoryId, why: 'request', confidence, reason });
  return draft.decision({ memoryId });
}

function forget(draft: Draft, { memoryId, reason, type }: Of<'memory.forget'>): Decision {
  if (!draft.state.kept.has(memoryId)) return unknown(draft.state, memoryId, type);
  draft.add('memory.forgotten', { memoryId, why: 'request', reason });
  return draft.decision({ memoryId });
}

function share(draft: Draft, { memoryId, scope, owner, type }: Of<'memory.share'>): Decision {
  const memory = draft.state.kept.get(memoryId);
  if (memory === undefined) return unknown(draft.state, memoryId, type);
  const isSo = memory.share?.scope === scope && memory.share.owner === owner;
  if (!isSo) draft.add('memory.shared', { memoryId, scope, owner });
  return draft.decision({ memoryId });
}

function unshare(draft: Draft, { memoryId, type }: Of<'memory.unshare'>): Decision {
  const memory = draft.state.kept.get(memoryId);
  if (memory === undefined) return unknown(draft.state, memoryId, type);
  if (memory.share !== null) draft.add('memory.unshared', { memoryId });
  return draft.decision({ memoryId });
}

function unknown(state: MemoriesState, memoryId: string, command: string): Decision {
  const { sessionId } = state;
  if (findPending(state, memoryId) !== undefined)
    return refuse('MEMORY_STATUS', { sessionId, memoryId, status: 'pending', command });
  if (state.kept.has(memoryId))
    return refuse('MEMORY_STATUS', { sessionId, memoryId, status: 'kept', command });
  return refuse('MEMORY_NOT_FOUND', { sessionId, memoryId });
}
