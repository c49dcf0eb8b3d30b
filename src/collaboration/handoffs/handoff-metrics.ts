// What became of handoffs, counted by route. Nothing of what was handed over is in it.
import { type Handoff, type HandoffStatus, handoffStatuses } from '../../domain/handoff/handoff.ts';
import type { RouteMetrics } from '../../operations/views/handoff-views.ts';

const mostReasons = 10;

/** The busiest route first. */
export function metricsOf(
  handoffs: readonly Handoff[],
  only: { readonly from?: string | undefined; readonly to?: string | undefined },
): readonly RouteMetrics[] {
  const routes = new Map<string, Handoff[]>();
  for (const handoff of handoffs) {
    const { from, to } = handoff.route;
    if ((only.from ?? from) !== from || (only.to ?? to) !== to) continue;
    const key = JSON.stringify([from, to]);
    routes.set(key, [...(routes.get(key) ?? []), handoff]);
  }
  return [...routes.values()].map(routeOf).sort((a, b) => b.offered - a.offered);
}

function routeOf(handoffs: readonly Handoff[]): RouteMetrics {
  const { from, to } = handoffs[0]?.route ?? { from: '', to: '' };
  const succeeded = handoffs.filter(isSuccess).length;
  const failed = handoffs.filter(isFailure).length;
  const total = handoffs.reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    ...{ from, to, offered: handoffs.length, byStatus: countsOf(handoffs) },
    successRate: succeeded + failed === 0 ? null : succeeded / (succeeded + failed),
    acceptMs: durationsOf(handoffs.filter(({ acceptedBy }) => acceptedBy !== null).map(untilSettled)),
    totalMs: durationsOf(handoffs.filter(({ endedAt }) => endedAt !== null).map(untilEnd)),
    contextBytes: { total, mean: total / handoffs.length },
    reasons: reasonsOf(handoffs),
  };
}

const untilSettled = ({ offeredAt, settledAt }: Handoff): number => (settledAt ?? offeredAt) - offeredAt;
const untilEnd = ({ offeredAt, endedAt }: Handoff): number => (endedAt ?? offeredAt) - offeredAt;

const isSuccess = ({ status, deliveredAt, outcome }: Handoff): boolean =>
  (status === 'accepted' && deliveredAt !== null) || (status === 'completed' && outcome === 'success');

const isFailure = ({ status, outcome }: Handoff): boolean =>
  status === 'rejected' || status === 'expired' || status === 'returned' || outcome === 'failure';

function countsOf(handoffs: readonly Handoff[]): Readonly<Record<HandoffStatus, number>> {
  const count = (status: HandoffStatus): number =>
    handoffs.filter((handoff) => handoff.status === status).length;
  return Object.fromEntries(handoffStatuses.map((status) => [status, count(status)])) as Record<
    HandoffStatus,
    number
  >;
}

/** By nearest rank. */
function durationsOf(times: readonly number[]): RouteMetrics['acceptMs'] {
  if (times.length === 0) return null;
  const sorted = [...times].sort((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  const mean = sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length;
  return { mean, p50: rank(0.5), p95: rank(0.95) };
}

function reasonsOf(handoffs: readonly Handoff[]): RouteMetrics['reasons'] {
  const counts = new Map<string, number>();
  for (const { reason } of handoffs) if (reason !== null) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => ({ reason, count }))
    .sort((a, b) => b.count - a.count)
    .slice(0, mostReasons);
}
