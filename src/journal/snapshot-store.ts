// Snapshots beside the journal: three per stream, each with its own checksum. Losing one costs time, never data.
import type { Telemetry } from '../base/telemetry.ts';
import type { Write } from './commit-loop.ts';
import type { Snapshot } from './journal.ts';
import { keys, rangeOf, seqOf } from './keys.ts';
import type { LevelStore, Store } from './level-store.ts';
import { seal, unseal } from './sealed.ts';

const kept = 3;

/** Read one by one, since the newest is nearly always enough, and a state may be large. */
export async function* readSnapshots(
  store: LevelStore,
  stream: string,
  telemetry: Telemetry,
  damaged: (seq: number) => void,
): AsyncGenerator<Snapshot> {
  const newest = { ...rangeOf('s', stream), reverse: true, limit: kept };
  for (const key of await store.read(stream, 'snapshot', (db) => db.keys(newest).all())) {
    const stored = await store.read(stream, seqOf(key), (db) => db.get(key));
    if (stored === undefined) continue;
    const snapshot = decodeSnapshot(key, stored);
    if (snapshot === undefined) {
      telemetry('snapshot.damaged', { stream, seq: seqOf(key) });
      damaged(seqOf(key));
    } else yield snapshot;
  }
}

/** The writes that keep a snapshot and forget all but the newest three; none when it is older than those. */
export async function snapshotWrites(db: Store, stream: string, snapshot: Snapshot): Promise<Write[]> {
  const own = keys.snapshot(stream, snapshot.seq);
  const found = await db.keys(rangeOf('s', stream)).all();
  const newestFirst = [...new Set([...found, own])].sort().reverse();
  if (newestFirst.indexOf(own) >= kept) return [];
  const stale = newestFirst.slice(kept).map((key) => ({ key, value: undefined }));
  return [{ key: own, value: encodeSnapshot(own, snapshot) }, ...stale];
}

/** The seq of the oldest snapshot that is kept, or 0. */
export async function oldestSnapshot(db: Store, stream: string): Promise<number> {
  const [key] = await db.keys({ ...rangeOf('s', stream), limit: 1 }).all();
  return key === undefined ? 0 : seqOf(key);
}

export function encodeSnapshot(key: string, { state, ...header }: Snapshot): string {
  return seal(key, `${JSON.stringify(header)}\n${state}`);
}

function decodeSnapshot(key: string, stored: string): Snapshot | undefined {
  const body = unseal(key, stored);
  if (body === undefined) return undefined;
  const end = body.indexOf('\n');
  return { ...(JSON.parse(body.slice(0, end)) as Omit<Snapshot, 'state'>), state: body.slice(end + 1) };
}
