// Which rows stand beside which peer. Every row says what both sides store, how durable they are and how many calls are under way.
import type { PeerRow } from '../peer-row.ts';
import { alternate, compared, type Laps } from './alternating.ts';
import type { ElixirPeer } from './elixir.ts';
import type { LangGraphPeer } from './langgraph.ts';
import type { NactPeer } from './nact.ts';
import { fsynced, type Product, stores } from './product.ts';
import { type RivetPeer, rivetDurability } from './rivetkit.ts';

/** How much is run: `messages` is the number that the whole bench is told; every side takes a part of it, the slower the less. */
export interface Size {
  readonly rounds: number;
  readonly messages: number;
  readonly sessions: number;
  readonly unjournaled: number;
}

/** So many calls in a round, 64 at the least. */
const part = ({ messages }: Size, of: number): number => Math.max(64, Math.floor(messages / of));

export async function* besideLangGraph(
  product: Product,
  peer: LangGraphPeer,
  size: Size,
): AsyncGenerator<PeerRow> {
  const facts = {
    ...({ unit: 'us', productDurability: fsynced, peerName: 'LangGraph SqliteSaver' } as const),
    peerDurability: 'PRAGMA synchronous=FULL (WAL): fsync of every checkpoint',
  };
  const each = `${stores}; LangGraph stores three checkpoints and their writes per invoke, each checkpoint with the thread's few messages`;
  const many = () => product.send(part(size, 2), 256);
  const laps = await alternate(size.rounds, many, () => peer.append(part(size, 100), 16));
  const name = 'durable append, Holdfast 256 in flight, LangGraph 16 in flight';
  yield compared(laps, { ...facts, name, must: 50, aim: 200, note: `the numbers in flight differ; ${each}` });
  const single = await alternate(
    size.rounds,
    () => product.send(part(size, 40), 1),
    () => peer.append(part(size, 200), 1),
  );
  yield compared(single, { ...facts, name: 'durable append, 1 in flight on both sides', note: each });
  const atExit = await alternate(size.rounds, many, () => peer.append(part(size, 100), 16, true));
  yield compared(atExit, {
    ...{ ...facts, name: `${name}, durability 'exit'` },
    peerDurability:
      'PRAGMA synchronous=FULL (WAL): fsync of one checkpoint at the end of the invoke, none per step',
    note: 'what LangGraph can do at best: a crash within the invoke loses its steps',
  });
}

export async function* besideNact(product: Product, peer: NactPeer, size: Size): AsyncGenerator<PeerRow> {
  const facts = {
    ...({ unit: 'us', productDurability: fsynced, peerName: 'nact on LevelDB' } as const),
    peerDurability: 'fsync before the answer (LevelDB, a synced put for each event)',
    note: `${stores}; nact stores one key per event and keeps the last 100 messages in memory`,
  };
  const many = await alternate(
    size.rounds,
    () => product.send(part(size, 2), 256),
    () => peer.append(part(size, 5), 256),
  );
  const name = 'durable append, 256 in flight on both sides';
  yield compared(many, { ...facts, name, must: 5, aim: 10 });
  const single = await alternate(
    size.rounds,
    () => product.send(part(size, 40), 1),
    () => peer.append(part(size, 40), 1),
  );
  yield compared(single, { ...facts, name: 'durable append, 1 in flight on both sides' });
}

export async function* besideRivet(product: Product, peer: RivetPeer, size: Size): AsyncGenerator<PeerRow> {
  const laps = await alternate(
    size.rounds,
    () => product.send(part(size, 2), 256),
    () => peer.append(part(size, 20), 64),
  );
  yield compared(laps, {
    ...{ unit: 'us', productDurability: fsynced, peerName: 'RivetKit, file driver' },
    name: 'append that is saved at once, Holdfast 256 in flight, RivetKit 64 in flight',
    peerDurability: rivetDurability,
    note: `the promises differ: what Holdfast answers survives a power failure; ${stores}; RivetKit writes the actor's whole state, a few messages, at each save`,
  });
}

export async function* besideElixir(product: Product, peer: ElixirPeer, size: Size): AsyncGenerator<PeerRow> {
  const count = size.messages * 2;
  const round = (width: number): Promise<Laps> =>
    alternate(
      size.rounds,
      () => product.sendUnjournaled(count, width, size.unjournaled),
      () => peer.call(count, width),
    );
  const facts = {
    productDurability: "durability 'none': in memory only",
    peerName: 'Elixir GenServer.call through Registry',
    peerDurability: 'in memory only',
    note: `spread over ${size.unjournaled} sessions and servers; both keep counters and the last 100 messages; CPU is that of all threads, Elixir's schedulers that wait busily included, and Elixir is cheapest with one caller`,
  } as const;
  const single = await round(1);
  const one = 'message in memory, 1 in flight on both sides';
  yield compared(single, { ...facts, unit: 'us cpu', name: `${one}, CPU time`, must: 0.5, aim: 1 });
  yield compared(single, { ...facts, unit: 'us', name: `${one}, wall time` });
  const many = await round(256);
  const all = 'message in memory, 256 in flight, 256 callers in Elixir';
  yield compared(many, { ...facts, unit: 'us cpu', name: `${all}, CPU time` });
  yield compared(many, { ...facts, unit: 'us', name: `${all}, wall time` });
}
