// Session trees as they are shown.
import type { Json } from '../../base/json.ts';
import type { Usage } from '../../domain/agent/agent-budget.ts';
import type { TreeBudget, TreeLink } from '../../domain/tree/tree-state.ts';
import type { Acknowledged } from './views.ts';

export interface TreeChildInfo {
  readonly sessionId: string;
  readonly link: TreeLink;
  readonly openedAt: number;
  /** `left`: it went on under another session, or alone. */
  readonly status: 'open' | 'ended' | 'left';
  readonly endedAt: number | null;
  readonly reason: string | null;
  /** What it and all below it have spent. */
  readonly usage: Usage;
}

export interface TreeInfo {
  readonly sessionId: string;
  /** The session at the top of the tree in which it was opened. */
  readonly rootSessionId: string;
  /** The session that it stands under now. */
  readonly parentSessionId: string | null;
  readonly link: TreeLink | null;
  /** In the order in which they were opened; the thousand that ended last, and all that are open. */
  readonly children: readonly TreeChildInfo[];
  /** What its own agents have reported, and what all below it have. */
  readonly usage: { readonly own: Usage; readonly below: Usage; readonly total: Usage };
  readonly budget: TreeBudget | null;
  readonly isExhausted: boolean;
  /** Why all of it is to end; null while it is not. */
  readonly cancelled: string | null;
  readonly endedAt: number | null;
}

export interface ChildResult {
  readonly childId: string;
  /** Why it ended: `returned` where it gave a result. */
  readonly reason: string;
  readonly result: Json;
  readonly usage: Usage;
  readonly endedAt: number;
}

export interface ChildOpened extends Acknowledged {
  readonly sessionId: string;
}
