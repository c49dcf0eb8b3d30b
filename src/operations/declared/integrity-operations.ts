// Operations on checkpoints, versions and proofs, for the registry.
import { z } from 'zod';
import { type Operation, read, write } from '../operation.ts';
import { cursor, jsonObject, pageLimit, reason, seq, sessionId } from '../schema.ts';
import type {
  AnchorPage,
  AnchorVerdict,
  CheckpointDetails,
  CheckpointInfo,
  CheckpointVerdict,
  SessionVerdict,
} from '../views/integrity-views.ts';
import type { Acknowledged, Page, StatusAcknowledged } from '../views/views.ts';

const checkpointId = z.string().min(1).max(64);
const checkpoint = z.strictObject({ sessionId, checkpointId });

const anchor = z.strictObject({
  stream: z.string().min(1).max(1024),
  sessionId: sessionId.optional(),
  seq,
  chain: z.string().max(128),
});

export const integrityOperations = {
  'checkpoints.create': write<
    Acknowledged & { readonly checkpointId: string; readonly version: number; readonly stateHash: string }
  >()(
    'Names the state of a session as it is now, to come back to; it stays until it is deleted.',
    z.strictObject({
      sessionId,
      name: z.string().min(1).max(200).optional(),
      description: z.string().min(1).max(1000).optional(),
      metadata: jsonObject.optional(),
    }),
  ),
  'checkpoints.list': read<Page<CheckpointInfo>>()(
    'The checkpoints of a session, oldest first, a page at a time.',
    z.strictObject({ sessionId, limit: pageLimit, cursor: cursor.optional() }),
  ),
  'checkpoints.get': read<CheckpointDetails>()('One checkpoint, with the hash of its record.', checkpoint),
  'checkpoints.delete': write<Acknowledged & { readonly checkpointId: string }>()(
    'Takes a checkpoint off the list; its version can be gone back to by its seq all the same.',
    checkpoint,
  ),
  'checkpoints.verify': read<CheckpointVerdict>()(
    'Replays a session from its first record and proves that a rollback would land on what was recorded.',
    checkpoint,
  ),
  'sessions.rollback': write<
    StatusAcknowledged & {
      readonly version: number;
      /** The checkpoint of the state that was rolled back. */
      readonly undo: string;
    }
  >()(
    'Makes a session what it was at a checkpoint or at a seq. It is an event: nothing is erased, and it can be rolled back.',
    z.strictObject({
      sessionId,
      checkpointId: checkpointId.optional(),
      seq: seq.optional(),
      ignoreCorruption: z.boolean().default(false),
      reason: reason.default('requested'),
    }),
  ),
  'sessions.verify': read<SessionVerdict>()(
    'Proves every record of a session, and compares every snapshot and checkpoint with a replay.',
    z.strictObject({ sessionId }),
  ),
  'sessions.anchors': read<AnchorPage>()(
    'Where the journaled sessions stand, to be kept outside and compared later.',
    z.strictObject({ limit: pageLimit, cursor: cursor.optional() }),
  ),
  'sessions.verifyAnchors': read<readonly AnchorVerdict[]>()(
    'Whether what was anchored once is still what it was.',
    z.strictObject({ anchors: z.array(anchor).max(1000).readonly() }),
  ),
} as const satisfies Record<string, Operation>;
