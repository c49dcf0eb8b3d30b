// What `agents.get` and `agents.list` say of a run's budget.
import { noAccount, wholeBudget } from '../../domain/agent/agent-budget.ts';
import type { AgentRun, EndedAgentRun } from '../../domain/agent/agent-runs.ts';
import type { AgentUsage, BudgetLeft } from '../../operations/views/budget-views.ts';

export interface Spending {
  readonly restarts: number;
  readonly usage: AgentUsage;
  readonly budgetLeft: BudgetLeft;
}

/** `restartsInPeriod` is what only its supervisor knows. */
export function spendingOf(run: AgentRun | EndedAgentRun, restartsInPeriod: number): Spending {
  const { usage, restarts, sinceProgress: since } = run.account ?? noAccount;
  const budget = wholeBudget(run.budget);
  return {
    restarts,
    usage: { ...usage, sinceProgress: { tokens: since.tokens, cost: since.cost } },
    budgetLeft: {
      maxRestarts: left(budget.maxRestarts, restartsInPeriod),
      restartsWithoutProgress: left(budget.restartsWithoutProgress, since.restarts),
      lifetimeRestarts: left(budget.lifetimeRestarts, restarts),
      rateLimitWaits: left(budget.rateLimitWaits, since.waits),
      tokens: leftOf(budget.tokens, since.tokens),
      cost: leftOf(budget.cost, since.cost),
      totalTokens: leftOf(budget.totalTokens, usage.tokens),
      totalCost: leftOf(budget.totalCost, usage.cost),
    },
  };
}

const left = (limit: number, spent: number): number => Math.max(limit - spent, 0);

const leftOf = (limit: number | null, spent: number): number | null =>
  limit === null ? null : left(limit, spent);
