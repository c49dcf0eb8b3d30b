// The peers of `npm run bench -- --peers`: Holdfast beside other systems in the same run. A peer that is not here is skipped with
// the reason in one line; an error of Holdfast, or of a peer that had started, ends the bench.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PeerRow } from '../peer-row.ts';
import { besideElixir, besideLangGraph, besideNact, besideRivet, type Size } from './comparisons.ts';
import { ElixirPeer } from './elixir.ts';
import { LangGraphPeer } from './langgraph.ts';
import { NactPeer } from './nact.ts';
import { Product } from './product.ts';
import { RivetPeer } from './rivetkit.ts';

interface Comparison<P> {
  readonly name: string;
  readonly open: () => Promise<P>;
  readonly rows: (product: Product, peer: P, size: Size) => AsyncIterable<PeerRow>;
}

interface Heard {
  readonly onRow: (row: PeerRow) => void;
  readonly onProgress: (line: string) => void;
}

export async function measurePeers(
  { rounds, messages, quick }: { rounds: number; messages: number; quick: boolean },
  onRow: (row: PeerRow) => void,
  onProgress: (line: string) => void,
): Promise<void> {
  const size: Size = quick
    ? { rounds, messages: Math.ceil(messages / 10), sessions: 500, unjournaled: 1_000 }
    : { rounds, messages, sessions: 2_000, unjournaled: 10_000 };
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-peers-'));
  try {
    const product = await Product.open(directory, size.sessions);
    try {
      await compareAll(product, directory, size, { onRow, onProgress });
    } finally {
      await product.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function compareAll(product: Product, directory: string, size: Size, heard: Heard): Promise<void> {
  const comparing = <P extends { close(): Promise<void> }>(comparison: Comparison<P>): Promise<void> =>
    compare(comparison, product, size, heard);
  await comparing({
    name: 'LangGraph',
    open: () => LangGraphPeer.open(directory, 1_000),
    rows: besideLangGraph,
  });
  await comparing({ name: 'nact', open: () => NactPeer.open(directory, size.sessions), rows: besideNact });
  await comparing({ name: 'RivetKit', open: () => RivetPeer.open(directory, 200), rows: besideRivet });
  await comparing({
    name: 'Elixir',
    open: async () => {
      await product.openUnjournaled(size.unjournaled);
      return ElixirPeer.open(size.unjournaled);
    },
    rows: besideElixir,
  });
}

async function compare<P extends { close(): Promise<void> }>(
  { name, open, rows }: Comparison<P>,
  product: Product,
  size: Size,
  { onRow, onProgress }: Heard,
): Promise<void> {
  let peer: P;
  try {
    peer = await open();
  } catch (error) {
    onProgress(`${name} is skipped: ${error instanceof Error ? error.message : String(error)}`);
    return;
  }
  try {
    onProgress(`${name} …`);
    for await (const row of rows(product, peer, size)) onRow(row);
  } finally {
    await peer.close();
  }
}
