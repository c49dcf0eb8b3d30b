// Product and peer in alternating rounds of one run: what either costs for one operation, in wall time and in CPU time.
import { collectGarbage, inFlight, summarize } from '../measure.ts';
import type { PeerRow } from '../peer-row.ts';

/** Microseconds for one operation. */
export interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

export type Lap = () => Promise<Cost>;

export interface Laps {
  readonly product: readonly Cost[];
  readonly peer: readonly Cost[];
}

/** Both run once unmeasured; then product, peer, peer, product …, so that neither always runs on a warmer machine. */
export async function alternate(rounds: number, product: Lap, peer: Lap): Promise<Laps> {
  const laps: { product: Cost[]; peer: Cost[] } = { product: [], peer: [] };
  await product();
  await peer();
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? (['product', 'peer'] as const) : (['peer', 'product'] as const)) {
      collectGarbage();
      laps[side].push(await (side === 'product' ? product : peer)());
    }
  }
  return laps;
}

export function compared(laps: Laps, facts: Omit<PeerRow, 'product' | 'peer' | 'ratio'>): PeerRow {
  const figure = ({ wall, cpu }: Cost): number => (facts.unit === 'us' ? wall : cpu);
  const product = laps.product.map(figure);
  const peer = laps.peer.map(figure);
  const ratio = peer.map((cost, round) => cost / (product[round] ?? Number.NaN));
  return { ...facts, product: summarize(product), peer: summarize(peer), ratio: summarize(ratio) };
}

/** Makes `count` calls in this process, `width` of them under way; CPU time is that of all its threads. */
export async function timed(
  count: number,
  width: number,
  call: (i: number) => Promise<unknown>,
): Promise<Cost> {
  const before = process.cpuUsage();
  const wall = await inFlight(count, width, call);
  const { user, system } = process.cpuUsage(before);
  return { wall, cpu: (user + system) / count };
}
