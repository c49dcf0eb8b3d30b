// The checkpoints that a session knows of: what they are called and what they must hash to, never a state. The journal has those.
import type { Json } from '../../base/json.ts';
import type { LawEvent } from '../law.ts';

/** `manual` is asked for by somebody and stays until it is deleted; the others come by themselves and go again. */
export type CheckpointReason =
  | 'manual'
  | 'count'
  | 'interval'
  | 'pause'
  | 'hibernate'
  | 'shutdown'
  | 'rollback'
  | 'restore'
  | 'recovery';

/** The data of `checkpoint.created`. It tells of the state before it: that of the seq below its own. */
export interface CheckpointData {
  readonly checkpointId: string;
  readonly name: string | null;
  readonly description: string | null;
  readonly metadata: Json;
  readonly reason: CheckpointReason;
  /** SHA-256 of the state, encoded. */
  readonly stateHash: string;
  /** Of the law that encoded it. */
  readonly lawVersion: number;
}

export interface Checkpoint extends CheckpointData {
  /** Of its own event; the version that it tells of is the one before. */
  readonly seq: number;
  readonly at: number;
}

export interface Checkpoints {
  /** Oldest first. */
  readonly list: readonly Checkpoint[];
  /** Where and when the newest was made, also when it is on the list no more. */
  readonly lastSeq: number;
  readonly lastAt: number;
}

/** So many of those that were asked for are kept; more are refused. */
export const maxManualCheckpoints = 100;

/** Shared by all sessions that have none. */
export const noCheckpoints: Checkpoints = Object.freeze({ list: Object.freeze([]), lastSeq: 0, lastAt: 0 });

export function withCheckpoint(
  { list }: Checkpoints,
  { seq, at, data }: LawEvent<string, CheckpointData>,
  kept: number,
): Checkpoints {
  const { checkpointId, name, description, metadata, reason, stateHash, lawVersion } = data;
  const checkpoint = { checkpointId, name, description, metadata, reason, stateHash, lawVersion, seq, at };
  return { list: retained([...list, checkpoint], kept), lastSeq: seq, lastAt: at };
}

export function withoutCheckpoint(checkpoints: Checkpoints, checkpointId: string): Checkpoints {
  return { ...checkpoints, list: checkpoints.list.filter((known) => known.checkpointId !== checkpointId) };
}

/** The checkpoints under another limit. */
export function withKept(checkpoints: Checkpoints, kept: number): Checkpoints {
  const list = retained(checkpoints.list, kept);
  return list === checkpoints.list ? checkpoints : { ...checkpoints, list };
}

export function findCheckpoint({ list }: Checkpoints, checkpointId: string): Checkpoint | undefined {
  return list.find((known) => known.checkpointId === checkpointId);
}

export const isManual = ({ reason }: Checkpoint): boolean => reason === 'manual';

/** Of those that came by themselves the newest stay. */
function retained(list: readonly Checkpoint[], kept: number): readonly Checkpoint[] {
  let surplus = list.reduce((count, checkpoint) => count + (isManual(checkpoint) ? 0 : 1), -kept);
  if (surplus <= 0) return list;
  return list.filter((checkpoint) => isManual(checkpoint) || surplus-- <= 0);
}
