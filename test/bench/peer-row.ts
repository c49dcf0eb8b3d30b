// What the peers hand over: test/bench/peers/index.ts exports `measurePeers` of this type.
import type { Measured } from './measure.ts';

export interface PeerRow {
  readonly name: string;
  readonly unit: 'us' | 'us cpu';
  readonly product: Measured;
  readonly productDurability: string;
  readonly peerName: string;
  readonly peer: Measured;
  readonly peerDurability: string;
  /** Where `must` says `atLeast`: the peer's cost over the product's. Else the product's over the peer's. */
  readonly ratio: Measured;
  readonly must?: {
    readonly atLeast?: number;
    readonly atMost?: number;
    readonly aim?: number;
  };
  readonly note?: string;
}

interface PeerOptions {
  readonly rounds: number;
  readonly messages: number;
  readonly quick: boolean;
}

export type MeasurePeers = (
  options: PeerOptions,
  onRow: (row: PeerRow) => void,
  onProgress: (line: string) => void,
) => Promise<void>;
