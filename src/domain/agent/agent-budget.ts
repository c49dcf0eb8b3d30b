// What a run may cost: numbers as data, the account that its events add up to, and the verdict on one more start. Pure, and of
// this run alone: nothing that a sibling does is in it.
import { assertNever } from '../../base/errors.ts';

/** What becomes of a session when a run of it has used up its budget. */
type Exhaustion = 'quarantine' | 'fail';

/** The numbers of a run; what is not named has its default. Of restarts only those after a crash or a dead process count. */
export interface AgentBudget {
  /** Restarts within `periodMs` of uptime; 5 in 60,000 ms. */
  readonly maxRestarts?: number | undefined;
  readonly periodMs?: number | undefined;
  /** Tokens reported since its last durable progress; no limit. */
  readonly tokens?: number | undefined;
  /** Cost reported since its last durable progress, in whatever unit is reported; no limit. */
  readonly cost?: number | undefined;
  /** Tokens reported over the whole life of the run; no limit. */
  readonly totalTokens?: number | undefined;
  /** Cost reported over the whole life of the run; no limit. */
  readonly totalCost?: number | undefined;
  /** Restarts since its last durable progress, over restarts of the process too; 5. */
  readonly restartsWithoutProgress?: number | undefined;
  /** Restarts over the whole life of the run, which nothing resets; 1,000. */
  readonly lifetimeRestarts?: number | undefined;
  /** Waits for a rate limit since its last durable progress; 50. */
  readonly rateLimitWaits?: number | undefined;
  /** `quarantine` (default): the session is quarantined. `fail`: the run has failed, and the session goes on. */
  readonly onExhausted?: Exhaustion | undefined;
}

export interface WholeBudget {
  readonly maxRestarts: number;
  readonly periodMs: number;
  readonly tokens: number | null;
  readonly cost: number | null;
  readonly totalTokens: number | null;
  readonly totalCost: number | null;
  readonly restartsWithoutProgress: number;
  readonly lifetimeRestarts: number;
  readonly rateLimitWaits: number;
  readonly onExhausted: Exhaustion;
}

const defaultAgentBudget: WholeBudget = {
  maxRestarts: 5,
  periodMs: 60_000,
  tokens: null,
  cost: null,
  totalTokens: null,
  totalCost: null,
  restartsWithoutProgress: 5,
  lifetimeRestarts: 1_000,
  rateLimitWaits: 50,
  onExhausted: 'quarantine',
};

export function wholeBudget(given: AgentBudget = {}): WholeBudget {
  return { ...defaultAgentBudget, ...withoutUnset(given) };
}

function withoutUnset<T extends object>(given: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set) as { [Key in keyof T]: Exclude<T[Key], undefined> };
}

type Wider = { readonly wider: keyof WholeBudget; readonly limit: number };

/** The budget of a run: that of its agent, narrowed by what it is started with; or the number that would widen it. */
export function narrowed(
  agents: AgentBudget | undefined,
  given: AgentBudget | undefined,
): { readonly budget: AgentBudget | undefined } | Wider {
  if (given === undefined) return { budget: agents };
  const whole = wholeBudget(agents);
  const set = withoutUnset(given);
  for (const [name, value] of Object.entries(set) as [keyof WholeBudget, number | string][]) {
    const limit = whole[name];
    if (typeof value !== 'number' || typeof limit !== 'number') continue;
    // The same restarts in a longer period are fewer.
    if (name === 'periodMs' ? value < limit : value > limit) return { wider: name, limit };
  }
  return { budget: { ...withoutUnset(agents ?? {}), ...set } };
}

export interface Usage {
  readonly tokens: number;
  readonly cost: number;
}

/** What the events of a run add up to. A run without such events has none. */
export interface RunAccount {
  /** Reported over its whole life. */
  readonly usage: Usage;
  /** Charged restarts over its whole life. */
  readonly restarts: number;
  readonly sinceProgress: Usage & {
    readonly restarts: number;
    /** Those among them that followed the death of the process. */
    readonly processRestarts: number;
    /** After the death of the process too, by the records of the run while it only waited; absent where there are none. */
    readonly whileWaiting?: number;
    readonly waits: number;
  };
}

const nothingSpent = { tokens: 0, cost: 0, restarts: 0, processRestarts: 0, waits: 0 } as const;

export const noAccount: RunAccount = {
  usage: { tokens: 0, cost: 0 },
  restarts: 0,
  sinceProgress: nothingSpent,
};

/**
 * Why a run is begun once more. `crashed`: it crashed. `process`: its process died while it ran. `retried`: its session was
 * brought back. `waited`: the wait for a rate limit is over. `resumed`: its session was, in order. `ended`: it is permanent.
 * `woken`: it was parked, and what it waited for has come. `interrupted`: its process died while, by its records, it only waited.
 */
export type RestartReason =
  | 'crashed'
  | 'process'
  | 'retried'
  | 'waited'
  | 'resumed'
  | 'ended'
  | 'woken'
  | 'interrupted';

/** What only waits kills no process; but what it does besides, and has not recorded yet, may: so many deaths count as one. */
const deathsWhileWaiting = 10;

const charged: ReadonlySet<string> = new Set<RestartReason>(['crashed', 'process', 'retried', 'interrupted']);

/** True for what counts in the lifetime total. */
export const isCharged = (reason: string): boolean => charged.has(reason);

export interface Exhausted {
  readonly what: keyof WholeBudget;
  readonly spent: number;
  readonly limit: number;
}

interface Reckoned {
  readonly what: keyof WholeBudget;
  readonly spent: number;
  /** What one more start adds. */
  readonly more: 0 | 1;
}

/** What is used up, so that the run may not be begun once more for this reason; undefined when it may. */
export function exhaustedBy(
  reason: RestartReason,
  budget: WholeBudget,
  account: RunAccount = noAccount,
): Exhausted | undefined {
  for (const { what, spent, more } of limitsAt(reason, account)) {
    const limit = budget[what];
    if (typeof limit === 'number' && spent + more > limit) return { what, spent, limit };
  }
  return undefined;
}

function limitsAt(
  reason: RestartReason,
  { usage, restarts, sinceProgress }: RunAccount,
): readonly Reckoned[] {
  const inAll: readonly Reckoned[] = [
    { what: 'lifetimeRestarts', spent: restarts, more: 1 },
    { what: 'totalTokens', spent: usage.tokens, more: 0 },
    { what: 'totalCost', spent: usage.cost, more: 0 },
  ];
  switch (reason) {
    case 'interrupted':
      return [
        {
          what: 'restartsWithoutProgress',
          spent: sinceProgress.restarts + Math.floor((sinceProgress.whileWaiting ?? 0) / deathsWhileWaiting),
          more: 0,
        },
        ...inAll,
      ];
    case 'crashed':
    case 'process':
      return [
        { what: 'restartsWithoutProgress', spent: sinceProgress.restarts, more: 1 },
        { what: 'tokens', spent: sinceProgress.tokens, more: 0 },
        { what: 'cost', spent: sinceProgress.cost, more: 0 },
        ...inAll,
      ];
    case 'retried':
      return inAll;
    case 'waited':
      return [{ what: 'rateLimitWaits', spent: sinceProgress.waits, more: 0 }];
    case 'resumed':
    case 'ended':
    case 'woken':
      return [];
    default:
      return assertNever(reason);
  }
}

/** What an agent has spent, as it reported it. */
export function withUsage(account: RunAccount, { tokens, cost }: Usage): RunAccount {
  const { usage, restarts, sinceProgress } = account;
  return {
    usage: { tokens: usage.tokens + tokens, cost: usage.cost + cost },
    restarts,
    sinceProgress: {
      ...sinceProgress,
      tokens: sinceProgress.tokens + tokens,
      cost: sinceProgress.cost + cost,
    },
  };
}

/** A retry begins afresh, and so does a permanent run that returned; the total stays what it is. */
export function withStart(account: RunAccount, reason: string): RunAccount {
  const { usage, restarts, sinceProgress } = account;
  if (reason === 'ended') return withProgress(account);
  if (reason === 'retried') return { usage, restarts: restarts + 1, sinceProgress: nothingSpent };
  if (!isCharged(reason)) return account;
  if (reason === 'interrupted') {
    const whileWaiting = (sinceProgress.whileWaiting ?? 0) + 1;
    return { usage, restarts: restarts + 1, sinceProgress: { ...sinceProgress, whileWaiting } };
  }
  const since = {
    ...sinceProgress,
    restarts: sinceProgress.restarts + 1,
    processRestarts: sinceProgress.processRestarts + (reason === 'process' ? 1 : 0),
  };
  return { usage, restarts: restarts + 1, sinceProgress: since };
}

export function withWait(account: RunAccount): RunAccount {
  const { sinceProgress } = account;
  return { ...account, sinceProgress: { ...sinceProgress, waits: sinceProgress.waits + 1 } };
}

/** Something of its work became durable. The same account when it owes nothing. */
export function withProgress(account: RunAccount): RunAccount {
  const { tokens, cost, restarts, waits, whileWaiting = 0 } = account.sinceProgress;
  const owes = tokens > 0 || cost > 0 || restarts > 0 || waits > 0 || whileWaiting > 0;
  return owes ? { ...account, sinceProgress: nothingSpent } : account;
}

/** It ran for so long that the process did not die of its start. */
export function withSurvival(account: RunAccount): RunAccount {
  const { whileWaiting: _, ...since } = account.sinceProgress;
  const restarts = since.restarts - since.processRestarts;
  return { ...account, sinceProgress: { ...since, restarts, processRestarts: 0 } };
}
