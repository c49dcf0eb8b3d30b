// The place of one session among those that were opened under each other: who stands above and below, what all of them have spent,
// and what became of those that ended.
import { deepFreeze } from '../../base/json.ts';
import { ShardedMap } from '../../base/sharded-map.ts';
import type { Usage } from '../agent/agent-budget.ts';

/**
 * What becomes of a session when the one that it was opened under ends. `terminate`: it is ended too. `return`: it goes back to
 * the nearest above that lives. `orphan`: it goes on alone.
 */
export const treeLinks = ['terminate', 'return', 'orphan'] as const;
export type TreeLink = (typeof treeLinks)[number];

/** What a session and all below it may spend together. */
export interface TreeBudget {
  readonly tokens?: number | undefined;
  readonly cost?: number | undefined;
  /** `pause` (default): all of them are paused. `terminate`: all are ended. */
  readonly onExhausted?: 'pause' | 'terminate' | undefined;
}

export interface TreeChild {
  readonly sessionId: string;
  readonly link: TreeLink;
  readonly openedAt: number;
  /** Of the event that opened it here. */
  readonly openedSeq: number;
  /** What it and all below it are known to have spent. */
  readonly usage: Usage;
  /** Set once it has ended, or stands elsewhere. */
  readonly end: {
    readonly at: number;
    /** Of the event that says how. */
    readonly seq: number;
    readonly reason: string;
    /** What it was charged up to there, in its own tree, is counted with its end. */
    readonly through?: number;
  } | null;
  /** It stood under another before. */
  readonly moved?: true;
}

export interface TreeState {
  readonly sessionId: string;
  /** Null until it was opened. */
  readonly rootSessionId: string | null;
  readonly parent: string | null;
  readonly link: TreeLink | null;
  readonly children: ShardedMap<TreeChild>;
  /** Those of the children that have ended, in order. */
  readonly ended: readonly string[];
  readonly own: Usage;
  readonly budget: TreeBudget | null;
  readonly isExhausted: boolean;
  /** Of the event that holds its result. */
  readonly returnedSeq: number | null;
  /** Why it and all below it are to end. */
  readonly cancelled: string | null;
  readonly end: { readonly at: number; readonly reason: string } | null;
  /** What children have spent of which nothing else is remembered. */
  readonly forgotten: Usage;
}

export const noUsage: Usage = { tokens: 0, cost: 0 };

export const initialTree = (stream: string): TreeState => ({
  sessionId: stream.slice(stream.indexOf('/') + 1),
  ...{ rootSessionId: null, parent: null, link: null, children: ShardedMap.empty, ended: [] },
  ...{ own: noUsage, budget: null, isExhausted: false, returnedSeq: null, cancelled: null, end: null },
  forgotten: noUsage,
});

export const plus = (a: Usage, b: Usage): Usage => ({ tokens: a.tokens + b.tokens, cost: a.cost + b.cost });

/** Of all below it. */
export const spentBelow = ({ children, forgotten }: TreeState): Usage =>
  [...children.entries()].reduce((sum, [, { usage }]) => plus(sum, usage), forgotten);

/** Of it and of all below it. */
export const spentInAll = (state: TreeState): Usage => plus(state.own, spentBelow(state));

/** In the order in which they were opened. */
export const listChildren = ({ children }: TreeState): TreeChild[] =>
  [...children.entries()].map(([, child]) => child).sort((a, b) => a.openedSeq - b.openedSeq);

export const openChildren = (state: TreeState): TreeChild[] =>
  listChildren(state).filter(({ end }) => end === null);

type Encoded = Omit<TreeState, 'children'> & { readonly children: readonly TreeChild[] };

export function encodeTree({ children: _, ...rest }: TreeState, children: readonly TreeChild[]): string {
  const encoded: Encoded = { ...rest, children };
  return JSON.stringify(encoded);
}

export function decodeTree(text: string): TreeState {
  const { children, ...rest } = deepFreeze(JSON.parse(text)) as Encoded;
  return { ...rest, children: ShardedMap.of(children.map((child) => [child.sessionId, child])) };
}
