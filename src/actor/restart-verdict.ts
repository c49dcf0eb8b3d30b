// May a child that ended be started again? A pure function over data, so that supervision reads as a table.
import type { Exit, RestartPolicy } from './child-spec.ts';

/** A crash: when, in uptime summed over incarnations, and whether work became durable since. */
interface Failure {
  readonly atUptimeMs: number;
  readonly progressSince: boolean;
}

/**
 * Of one child, or of all children of a supervisor together.
 *
 * @remarks For one child uptime leaves out the waits between incarnations: else a growing back-off would keep a crash loop
 * under the limit. A supervisor's own uptime is the clock's.
 */
export interface RestartHistory {
  readonly uptimeMs: number;
  readonly failures: readonly Failure[];
}

export const noRestarts: RestartHistory = { uptimeMs: 0, failures: [] };

/** One incarnation, as it ended; for a supervisor, what passed since the last restart of any child. */
export interface Run {
  readonly upMs: number;
  readonly progressed: boolean;
  readonly exit: Exit;
}

export type RestartVerdict =
  | { readonly verdict: 'restart'; readonly afterMs: number; readonly history: RestartHistory }
  | { readonly verdict: 'stop' }
  | { readonly verdict: 'giveUp'; readonly restarts: number; readonly history: RestartHistory };

/**
 * `maxRestarts` restarts within the period are granted, the next one is too many. As in OTP (`supervisor:add_restart`
 * keeps what is `>= Now - Period`), a restart that is exactly `periodMs` old still counts; after one millisecond more it
 * does not. What counts are restarts, so that the normal end of a permanent child counts too.
 *
 * A failure is forgotten only when something became durable since as well: a child that comes up, does nothing and crashes
 * again never earns new restarts. A supervisor passes `progressed: true`, for there time alone forgives.
 */
export function judgeRestart(policy: RestartPolicy, run: Run, history: RestartHistory): RestartVerdict {
  const again = run.exit.reason === 'crash' ? run.exit.again : undefined;
  if (again === 'never' || (again !== 'free' && !mayRestart(policy, run.exit))) return { verdict: 'stop' };
  // A clock that was set back takes no uptime away.
  const uptimeMs = history.uptimeMs + Math.max(run.upMs, 0);
  const earlier = history.failures
    .map((failure) => ({ ...failure, progressSince: failure.progressSince || run.progressed }))
    .filter(
      (failure) => !(failure.progressSince && uptimeMs - failure.atUptimeMs > policy.intensity.periodMs),
    );
  if (again === 'free') return { verdict: 'restart', afterMs: 0, history: { uptimeMs, failures: earlier } };
  const failures = [...earlier, { atUptimeMs: uptimeMs, progressSince: false }];
  const next = { uptimeMs, failures };
  if (failures.length > policy.intensity.maxRestarts) {
    return { verdict: 'giveUp', restarts: failures.length - 1, history: next };
  }
  const attempt = failures.length + (again === 'later' ? 1 : 0);
  return { verdict: 'restart', afterMs: waitBefore(attempt, policy), history: next };
}

function mayRestart({ restart }: RestartPolicy, exit: Exit): boolean {
  return restart === 'permanent' || (restart === 'transient' && exit.reason === 'crash');
}

function waitBefore(attempt: number, { backOff }: RestartPolicy): number {
  return attempt === 1 ? 0 : Math.min(backOff.firstMs * 2 ** (attempt - 2), backOff.longestMs);
}
