// How much a proposed memory is worth keeping: the weights .4/.3/.2/.1 of the systems that came before, over four numbers from 0
// to 1. What these measure is stated here, and computed from data alone.
import type { Json } from '../../base/json.ts';
import type { ConfidenceParts } from './memory-events.ts';
import type { PendingMemory } from './memory-state.ts';

export interface PromotionPolicy {
  /** From so much importance on a memory is promoted as soon as it is judged. */
  readonly importance: number;
  /** With less confidence none is promoted but by request. */
  readonly confidence: number;
  /** So old, it is judged in any case, and leaves the queue, in milliseconds. */
  readonly judgeAfterMs: number;
  /** At most so many leave the queue by one judgement. */
  readonly batch: number;
  /** How many may wait. */
  readonly pending: number;
  /** How many are kept, and how many bytes of them. */
  readonly kept: number;
  readonly keptBytes: number;
}

export const defaultPromotion: PromotionPolicy = Object.freeze({
  importance: 0.5,
  confidence: 0.3,
  judgeAfterMs: 300_000,
  batch: 10,
  pending: 20,
  kept: 1_000,
  keptBytes: 1_048_576,
});

const weights: ConfidenceParts = { importance: 0.4, quality: 0.3, specificity: 0.2, recency: 0.1 };

/** A millionth is enough, and sums of decimals then are what they look like. */
const rounded = (value: number): number => Math.round(value * 1e6) / 1e6;

export interface Confidence {
  readonly confidence: number;
  readonly parts: ConfidenceParts;
}

export function confidenceOf(memory: PendingMemory, at: number): Confidence {
  const parts = {
    importance: memory.importance,
    quality: rounded(qualityOf(memory.content)),
    specificity: specificityOf(memory.kind),
    recency: rounded(recencyOf(memory, at)),
  };
  const names = Object.keys(weights) as (keyof ConfidenceParts)[];
  const sum = names.reduce((total, name) => total + weights[name] * parts[name], 0);
  return { confidence: rounded(sum), parts };
}

/** From 1 when it was proposed to 0 when it is due. */
function recencyOf({ at: proposedAt, dueAt }: PendingMemory, at: number): number {
  const span = dueAt - proposedAt;
  return span <= 0 ? 0 : Math.min(1, Math.max(0, (dueAt - at) / span));
}

const tellingWords = 10;
const tellingMembers = 3;

/**
 * How much there is to it. Nothing, and what is empty, is 0; a number or a truth value 0.5; a text as many different words as it
 * has, of ten; a list or an object the part of its members that is not empty, and less than three members count in proportion.
 */
export function qualityOf(content: Json): number {
  if (content === null) return 0;
  if (typeof content === 'string') return Math.min(1, wordsOf(content) / tellingWords);
  if (typeof content !== 'object') return 0.5;
  const members: readonly Json[] = Array.isArray(content) ? content : Object.values(content);
  if (members.length === 0) return 0;
  const told = members.filter((member) => !isEmpty(member)).length;
  return (told / members.length) * Math.min(1, members.length / tellingMembers);
}

const wordsOf = (text: string): number => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu)).size;

function isEmpty(value: Json): boolean {
  if (value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

const specificities: ReadonlyMap<string, number> = new Map([
  ...(['fact', 'decision', 'preference'] as const).map((kind) => [kind, 1] as const),
  ...(['analysis', 'file_context'] as const).map((kind) => [kind, 0.8] as const),
  ['conversation', 0.4],
]);

/** How much the kind says: 1 for what is settled, 0 for none, 0.6 for a kind of the user's own. */
export function specificityOf(kind: string | null): number {
  return kind === null ? 0 : (specificities.get(kind) ?? 0.6);
}
