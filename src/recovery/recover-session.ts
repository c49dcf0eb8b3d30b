// One recovery of a session: strategies are tried in their order, each within its budget, until one brings back all of it; of
// those that bring back less the best is kept. Nothing is written here.
import type { Clock } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import { type Failure, failureKinds } from '../domain/recovery/recovery-failures.ts';
import {
  type Completeness,
  type RecoveryAttempt,
  type RecoveryTier,
  recoveryTiers,
} from '../domain/recovery/recovery-vocabulary.ts';
import { examined } from './offered-state.ts';
import type {
  RecoveredState,
  RecoveryOptions,
  RecoveryStrategy,
  RecoveryTask,
  StrategyName,
} from './recovery-strategy.ts';
import { strategies } from './strategies.ts';

export interface RecoveryResult {
  readonly attempts: readonly RecoveryAttempt[];
  readonly tier: RecoveryTier | null;
  readonly found: RecoveredState | undefined;
}

export type RecoveryRequest = Omit<RecoveryTask, 'signal'> & {
  /** Where to begin; chosen by the failure when it is not given. */
  readonly tier?: RecoveryTier | undefined;
};

export async function recoverSession(
  request: RecoveryRequest,
  options: RecoveryOptions,
  clock: Clock,
): Promise<RecoveryResult> {
  const attempts: RecoveryAttempt[] = [];
  let best: { readonly tier: RecoveryTier; readonly found: RecoveredState } | undefined;
  for (const planned of planOf(request, options)) {
    // What can only be read is offered when nothing else is.
    if (planned === strategies.emergency && best !== undefined) break;
    const { attempt, found } = await tryOne(planned, request, clock);
    attempts.push(attempt);
    if (found === undefined || 'missing' in planned) continue;
    if (best === undefined || isBetter(found, best.found)) best = { tier: planned.tier, found };
    if (best.found.completeness === 'complete') break;
  }
  return { attempts, tier: best?.tier ?? null, found: best?.found };
}

interface Missing {
  readonly missing: StrategyName;
}

type Planned = RecoveryStrategy | Missing;

/** The strategy to begin with, and the built-in tiers behind it. */
function planOf({ tier, failure }: RecoveryRequest, options: RecoveryOptions): readonly Planned[] {
  const { repair } = options;
  const from = (first: RecoveryTier): Planned[] =>
    recoveryTiers
      .slice(recoveryTiers.indexOf(first))
      .flatMap((name) =>
        name === 'cold' && repair !== undefined ? [strategies.cold, repair] : [strategies[name]],
      );
  if (tier !== undefined) return from(tier);
  const chosen = choose(failure, options);
  if (chosen === 'repair') return [repair ?? { missing: 'repair' }, ...from('cold')];
  if (typeof chosen === 'string') return from(chosen);
  return [chosen, ...from(chosen.tier)];
}

function choose(
  failure: Failure,
  { strategies: chosenBy }: RecoveryOptions,
): StrategyName | RecoveryStrategy {
  const builtIn = failureKinds[failure.kind].tier ?? 'hot';
  try {
    const own = chosenBy?.(failure);
    const known = own === 'repair' || isStrategy(own) || recoveryTiers.some((tier) => tier === own);
    return known && own !== undefined ? own : builtIn;
  } catch (error) {
    return { name: 'strategies', tier: builtIn, budgetMs: 1_000, recover: () => Promise.reject(error) };
  }
}

const isStrategy = (own: unknown): own is RecoveryStrategy =>
  typeof own === 'object' && own !== null && recoveryTiers.some((tier) => 'tier' in own && tier === own.tier);

const rank: Readonly<Record<Completeness, number>> = { complete: 2, partial: 1, minimal: 0 };

function isBetter(a: RecoveredState, b: RecoveredState): boolean {
  const difference = rank[a.completeness] - rank[b.completeness];
  return difference > 0 || (difference === 0 && a.through > b.through);
}

const isBuiltIn = (planned: RecoveryStrategy): boolean => strategies[planned.tier] === planned;

interface Tried {
  readonly attempt: RecoveryAttempt;
  readonly found?: RecoveredState | undefined;
}

/** What is late is told to stop, and not waited for. */
async function tryOne(planned: Planned, request: RecoveryRequest, clock: Clock): Promise<Tried> {
  if ('missing' in planned) return { attempt: { strategy: planned.missing, outcome: 'missing', tookMs: 0 } };
  const { name: strategy, budgetMs } = planned;
  const beganAt = clock.now();
  const controller = new AbortController();
  const took = (): number => Math.max(0, clock.now() - beganAt);
  let cancel: () => void = () => {};
  const late = new Promise<'late'>((resolve) => {
    cancel = clock.schedule(budgetMs, () => resolve('late'));
  });
  try {
    const work = planned.recover({ ...request, signal: controller.signal });
    work.catch(() => undefined);
    const offered = await Promise.race([work, late]);
    if (offered !== 'late') {
      const found = isBuiltIn(planned) ? offered : await examined(offered, request);
      return { attempt: { strategy, outcome: found?.completeness ?? 'failed', tookMs: took() }, found };
    }
    const problem = `it took longer than ${budgetMs} ms`;
    return { attempt: { strategy, outcome: 'timedOut', tookMs: took(), problem } };
  } catch (error) {
    const problem = toError(error).message;
    return { attempt: { strategy, outcome: 'failed', tookMs: took(), problem } };
  } finally {
    cancel();
    controller.abort(new Error('it is not waited for any more'));
  }
}
