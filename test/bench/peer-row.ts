// What a comparison with another system says: what both cost in the same run, and how durable each of them was.
import type { Measured } from './measure.ts';

export interface PeerRow {
  readonly name: string;
  readonly unit: 'us' | 'us cpu';
  readonly product: Measured;
  readonly productDurability: string;
  readonly peerName: string;
  readonly peer: Measured;
  readonly peerDurability: string;
  /** How many times the peer's cost is the product's: peer / product, round by round. */
  readonly ratio: Measured;
  /** The least ratio that is accepted, and the one that is aimed at. */
  readonly must?: number;
  readonly aim?: number;
  readonly note?: string;
}
