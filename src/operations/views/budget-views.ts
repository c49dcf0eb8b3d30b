// What a run has spent, and what is left to it.
import type { Usage } from '../../domain/agent/agent-budget.ts';

/** What its agent has reported. */
export interface AgentUsage extends Usage {
  /** Since something of its work last became durable. */
  readonly sinceProgress: Usage;
}

/** What may still be spent before the run is not started again; null for no limit. */
export interface BudgetLeft {
  /** Restarts in the period that runs, as far as this incarnation of its session knows. */
  readonly maxRestarts: number;
  readonly restartsWithoutProgress: number;
  readonly lifetimeRestarts: number;
  readonly rateLimitWaits: number;
  readonly tokens: number | null;
  readonly cost: number | null;
  readonly totalTokens: number | null;
  readonly totalCost: number | null;
}
