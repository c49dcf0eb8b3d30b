// Finding kept memories: those that fit, the best first. A pure function of what is kept and what is asked.
import type { Json } from '../../base/json.ts';
import { shareFound, termsOf } from '../text/terms.ts';
import type { MemoryShare } from './memory-events.ts';
import type { KeptMemory } from './memory-state.ts';

export interface MemoryQuery {
  readonly text?: string | undefined;
  readonly kind?: string | undefined;
  readonly tag?: string | undefined;
  readonly minConfidence?: number | undefined;
  /** Only those shared so. */
  readonly share?: MemoryShare | undefined;
}

export interface FoundMemory {
  readonly memory: KeptMemory;
  /** 0.7 of the asked words that it holds, and 0.3 of its confidence; its confidence where no text is asked for. */
  readonly score: number;
}

const matchWeight = 0.7;

/** In no order. With a text only those that hold at least one of its words. */
export function findMemories(kept: Iterable<KeptMemory>, query: MemoryQuery): readonly FoundMemory[] {
  const wanted = query.text === undefined ? undefined : new Set(termsOf(query.text));
  const found: FoundMemory[] = [];
  for (const memory of kept) {
    if (!fits(memory, query)) continue;
    if (wanted === undefined) {
      found.push({ memory, score: memory.confidence });
      continue;
    }
    const match = shareFound(wanted, new Set(termsOf(textOf(memory))));
    if (match > 0) found.push({ memory, score: matchWeight * match + (1 - matchWeight) * memory.confidence });
  }
  return found;
}

function fits({ kind, tags, confidence, share }: KeptMemory, query: MemoryQuery): boolean {
  return (
    (query.kind === undefined || query.kind === kind) &&
    (query.tag === undefined || tags.includes(query.tag)) &&
    confidence >= (query.minConfidence ?? 0) &&
    (query.share === undefined || (share?.scope === query.share.scope && share.owner === query.share.owner))
  );
}

const textOf = ({ kind, content, tags }: KeptMemory): string =>
  [kind ?? '', ...tags, wordsOf(content)].join(' ');

const wordsOf = (content: Json): string =>
  typeof content === 'string' ? content : (JSON.stringify(content) ?? '');

/** The best first, of equals the newest. */
export function byScore(a: FoundMemory, b: FoundMemory): number {
  return b.score - a.score || b.memory.promotedAt - a.memory.promotedAt;
}
