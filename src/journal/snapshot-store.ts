// Snapshots beside the journal: three per stream, each with its own checksum. Losing one costs time, never data.
import type { AbstractLevel } from 'abstract-level';
import { HoldfastError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { Snapshot } from './journal.ts';
import { keys, rangeOf } from './keys.ts';

const kept = 3;

export type Store = AbstractLevel<string | Buffer | Uint8Array, string, string>;

export async function* readSnapshots(
  db: Store,
  stream: string,
  telemetry: Telemetry,
): AsyncGenerator<Snapshot> {
  for await (const value of db.values({ ...rangeOf('s', stream), reverse: true, limit: kept })) {
    const snapshot = decodeSnapshot(value);
    if (snapshot === undefined) telemetry('snapshot.damaged', { stream });
    else yield snapshot;
  }
}

/** Not synced: the events that it covers are durable already, and an older snapshot serves as well. */
export async function writeSnapshot(
  db: Store,
  stream: string,
  snapshot: Snapshot,
  limit: number,
): Promise<void> {
  const value = encodeSnapshot(snapshot);
  if (value.length > limit) throw new HoldfastError('VALUE_TOO_LARGE', { stream, size: value.length, limit });
  await db.put(keys.snapshot(stream, snapshot.seq), value);
  const stale = await db.keys({ ...rangeOf('s', stream), reverse: true }).all();
  if (stale.length > kept) await db.batch(stale.slice(kept).map((key) => ({ type: 'del', key })));
}

/** The seq of the oldest snapshot that is kept, or 0. */
export async function oldestSnapshot(db: Store, stream: string): Promise<number> {
  const [key] = await db.keys({ ...rangeOf('s', stream), limit: 1 }).all();
  return key === undefined ? 0 : Number.parseInt(key.slice(key.lastIndexOf('!') + 1), 36);
}

function encodeSnapshot({ state, ...header }: Snapshot): string {
  const body = `${JSON.stringify(header)}\n${state}`;
  return `${sha256(body)}\n${body}`;
}

function decodeSnapshot(value: string): Snapshot | undefined {
  const cut = value.indexOf('\n');
  const body = value.slice(cut + 1);
  if (sha256(body) !== value.slice(0, cut)) return undefined;
  const end = body.indexOf('\n');
  return { ...(JSON.parse(body.slice(0, end)) as Omit<Snapshot, 'state'>), state: body.slice(end + 1) };
}
